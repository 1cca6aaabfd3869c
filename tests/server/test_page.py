"""The pages as the server writes them, before any browser sees them."""

import datetime
import re
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from qasearch import Article, ArticleHit, Index, Passage, PassageHit, SearchResult
from qasearch.records import Verdict
from qasearch.server import Settings, create_app
from qasearch.server.live import Snapshot
from qasearch.server.pages import page, sureness
from qasearch.server.view import PageParameters, cut, search_view
from tests.server.conftest import OPENED
from tests.tiny import TinyEmbedder

DUES = Passage(
    article_id="401",
    seq=1,
    kind="point",
    text="Every state owes a share of the **budget**.",
    start=0,
    end=40,
    ordinal="2.1",
    title="Dues & fees",
    section_path=("Who pays", "The scale"),
)
CLOSING = Passage("401", 2, "paragraph", "No money, no mission.", 41, 60)
FUNDING = Article(
    id="401",
    question="Who pays for <missions>?",
    answer="...",
    subjects=("Politics", "Economics"),
    date=datetime.date(2024, 12, 3),
    urls=("/learn/missions", "https://example.org/missions"),
)


def hit(confidence: float | None, *, same_question: tuple[str, ...] = ()) -> ArticleHit:
    points = (
        PassageHit(1, DUES, 0.8, confidence, ((0, 11), (19, 24))),
        PassageHit(2, CLOSING, 0.4, confidence),
    )
    return ArticleHit(1, FUNDING, 0.7, {"passage": 0.8}, points, confidence, same_question)


class Stored(Index):
    """An index that has one answer to every question."""

    def __init__(self, result: SearchResult) -> None:
        self._result = result

    def search(self, query: str, **options: object) -> SearchResult:  # pyright: ignore
        return replace(self._result, query=query)


def written(verdict: Verdict, *hits: ArticleHit, query: str = "who pays") -> str:
    """The search page for this outcome."""
    result = SearchResult(
        query=query,
        mode="dense",
        verdict=verdict,
        generation="gen-0000000001-0123abcd",
        model="tiny",
        article_count=2_400,
        passage_count=9_000,
        took_ms=1.5,
        articles=hits,
        facets={"subject": [("Politics", 1), ("Economics", 1)] if hits else []},
        warnings=("The query was cut.",),
    )
    asked = PageParameters(q=query)
    snapshot = Snapshot(Stored(result), None, [], None)  # pyright: ignore
    view = search_view(snapshot, asked)
    request = Request({"type": "http", "headers": [], "state": {}})
    text = bytes(page(request, "search.html", asked=asked, view=view).body).decode()
    return re.sub(r">\s+<", "><", text)


def test_an_answer() -> None:
    text = written("answer", hit(0.934))
    url = "/article/401?q=who%20pays#point-1"
    for part in (
        f'<h2><a href="{url}">Who pays for &lt;missions&gt;?</a></h2>',
        '<a href="/?q=who%20pays&amp;subject=Politics">Politics</a>',
        '<time datetime="2024-12-03">3 December 2024</time>',
        '<a href="https://example.org/missions" rel="noopener noreferrer nofollow">example.org',
        'Very likely <span>93 %</span>',
        '<rect width="93.4" height="1"/>',
        f'<a class="number" href="{url}" aria-label="Point 2.1 in its article" '
        'tabindex="-1">2.1</a>',
        "Dues &amp; fees</a><small>93 %</small></h3>",
        '<p class="section">Who pays &gt; The scale</p>',
        "<mark>Every state</mark> owes a <mark>share</mark> of the <strong>budget</strong>.",
        'aria-label="Passage in its article" tabindex="-1">¶</a>',
        "The query was cut.",
    ):  # fmt: skip
        assert part in text
    assert "No answer" not in text
    assert "not calibrated" not in text
    assert "/learn/missions" not in text


@pytest.mark.parametrize(
    ("confidence", "words"),
    [
        *((1.0, "Very likely"), (0.85, "Very likely"), (0.84, "Likely"), (0.6, "Likely")),
        *(
            (0.596, "Likely"),
            (0.594, "Possibly"),
            (0.3, "Possibly"),
            (0.29, "Unlikely"),
            (0.0, "Unlikely"),
        ),
    ],
)
def test_confidence_in_words(confidence: float, words: str) -> None:
    assert sureness(confidence) == words


def test_no_answer() -> None:
    text = written("no_answer", hit(0.04))
    assert "<strong>No answer in this collection.</strong>" in text
    assert "These are the nearest articles." in text
    assert "Unlikely <span>4 %</span>" in text
    assert "Try other words" in written("no_answer")


def test_no_sure_answer() -> None:
    assert "<strong>Nothing here surely answers that.</strong>" in written("related", hit(0.4))


def test_an_index_that_is_not_calibrated() -> None:
    text = written("related", hit(None))
    assert "This index is not calibrated" in text
    assert "surely" not in text
    assert "%</" not in text


@pytest.mark.parametrize(("ids", "words"), [(("7",), "1 more time"), (("7", "8"), "2 more times")])
def test_articles_that_ask_the_same(ids: tuple[str, ...], words: str) -> None:
    text = written("answer", hit(0.9, same_question=ids))
    assert f"Asked {words} · " in text
    assert '<a href="/article/7">7</a>' in text


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("short", 10, "short"),
        ("One sentence. Another one that is long.", 20, "One sentence. …"),
        ("one line\nanother line that goes on", 14, "one line …"),
        ("no sentence ends within so few", 15, "no sentence …"),
        ("unbroken" * 4, 10, "unbrokenun …"),
        ("a $x + y$ and then $z + w$ for ever", 24, "a $x + y$ and then …"),
        ("see:\n```\ncode\nmore code\nstill more\n```", 22, "see:\n```\ncode\n…"),
        ("- see:\n  ```\n  code\n  more code\n  ```", 24, "- see:\n  ```\n  code\n  …"),
    ],
)
def test_a_long_text_is_cut(text: str, length: int, expected: str) -> None:
    assert cut(text, length) == expected


def test_errors_are_pages_for_people(client: TestClient) -> None:
    reply = client.get("/?q=a&x=1", headers={"Accept": "text/html,*/*"})
    assert (reply.status_code, reply.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "There is no parameter &#39;x&#39;." in reply.text
    assert reply.headers["x-request-id"] in reply.text
    assert client.get("/article/nobody", headers={"Accept": "text/html"}).status_code == 404
    api = client.get("/api/articles/nobody", headers={"Accept": "text/html"})
    assert api.json()["error"]["code"] == "not_found"


def test_the_description_of_the_api(client: TestClient) -> None:
    text = client.get("/docs").text
    for path in (
        "/api/search",
        "/api/articles/{id}",
        "/api/related/{id}",
        "/api/complete",
        "/ready",
    ):
        assert f"<h2><code>{path}</code></h2>" in text
    assert "<td>whole number, 1 to 100</td>" in text
    assert "<td>whole number, 0 to 99</td>" in text
    assert "<td>text, may be repeated</td>" in text
    for example in re.findall(r'<p>Try <a href="([^"]+)"', text):
        assert client.get(example.replace("&amp;", "&")).status_code == 200


def test_bundled_files(client: TestClient) -> None:
    (url,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', client.get("/").text)
    reply = client.get(url)
    assert reply.headers["content-type"] == "text/css; charset=utf-8"
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    plain = client.get(url.partition("?")[0])
    assert plain.headers["cache-control"] == "private, no-cache"
    again = client.get(url, headers={"If-None-Match": reply.headers["etag"]})
    assert again.status_code == 304


LONG = "Every harbour needs a **wall** against the waves, and [a light](https://a.example). "


def test_a_page_weighs_less_than_100_kb(tmp_path: Path) -> None:
    """The heaviest there can be: ten articles, each with three long points."""
    articles = [
        Article(
            id=f"{n:02}",
            question=f"Why does every harbour need a wall against the waves, number {n}?",
            answer="\n\n".join(f"{i}. **Wall {n}-{i}**: {i} {LONG * 20}" for i in range(1, 6)),
            subjects=tuple(f"Subject number {n + i}" for i in range(4)),
            date=datetime.date(2026, 1, 1),
            urls=("https://harbours.example.org/",),
        )
        for n in range(60)
    ]
    Index.build(articles, tmp_path / "index", embedder=TinyEmbedder(1024))
    app = create_app(tmp_path / "index", TinyEmbedder(1024), Settings(port=0))
    with TestClient(app, base_url=OPENED) as client:
        search = client.get("/?q=why+does+every+harbour+need+a+wall")
        assert search.text.count('<article class="hit">') == 10
        assert search.text.count('<li class="point">') == 30
        parts = re.findall(r'(?:href|src)="(/static/[^"]+)"', search.text)
        assert len(parts) == 3
        weight = len(search.content) + sum(len(client.get(part).content) for part in parts)
    assert weight < 100_000
