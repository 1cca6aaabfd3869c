"""The JSON of every route, against what the library says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from qasearch import Index, __version__
from tests.server.articles import ARTICLES, BERTHS, MONEY, STORMS
from tests.tiny import TinyEmbedder


@pytest.fixture(scope="module")
def index(harbour: Path) -> Iterator[Index]:
    with Index.open(harbour, embedder=TinyEmbedder(1024)) as index:
        yield index


def get(client: TestClient, url: str, **parameters: Any) -> dict[str, Any]:
    reply = client.get(url, params=parameters or None)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/json"
    return reply.json()


def same(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Whether two results are the same, but for the time that they took."""
    return {**found, "took_ms": 0} == {**expected, "took_ms": 0}


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        ({"q": "a toll for every ship"}, {}),
        ({"q": "harbour", "k": "2", "points": "1"}, {"k": 2, "points": 1}),
        ({"q": "bell and wind", "flat": "true", "k": "3"}, {"flat": True, "k": 3}),
        ({"q": "harbour", "subject": "law"}, {"where": {"subject": "law"}}),
        (
            {"q": "harbour", "subject": ["Law", "Engineering"], "facets": "subject"},
            {"where": {"subject": ["Law", "Engineering"]}, "facets": ["subject"]},
        ),
        (
            {"q": "harbour", "date_from": "2026-01-02", "date_to": "2026-02-01"},
            {"where": {"date": [(">=", "2026-01-02"), ("<=", "2026-02-01")]}},
        ),
        ({"q": "harbour", "date_from": "2030-01-01"}, {"where": {"date": (">=", "2030-01-01")}}),
        ({"q": "x" * 3_000}, {}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_search_is_that_of_the_library(
    client: TestClient, index: Index, parameters: dict[str, Any], options: dict[str, Any]
) -> None:
    expected = index.search(parameters["q"], **options).to_dict()
    assert same(get(client, "/api/search", **parameters), expected)


def test_a_search_names_the_point(client: TestClient) -> None:
    found = get(client, "/api/search", q="a toll for every ship")
    assert found["schema"] == "qasearch.search/1"
    best = found["articles"][0]
    assert (best["id"], best["points"][0]["ordinal"], best["points"][0]["title"]) == (
        "money",
        "1",
        "Tolls",
    )
    assert (best["confidence"] > 0.4, best["url"]) == (True, "https://example.org/money")


def test_pages_join_to_the_whole(client: TestClient, index: Index) -> None:
    whole = index.search("which ships moor at the berth", k=32).to_dict()["articles"]
    pages: list[Any] = []
    url: str | None = "/api/search?q=which+ships+moor+at+the+berth&k=8"
    while url and len(pages) < 32:
        reply = client.get(url)
        pages += reply.json()["articles"]
        url = reply.links.get("next", {}).get("url")
    assert pages == whole
    assert [hit["rank"] for hit in pages] == list(range(1, 33))


def test_the_last_page_has_no_next(client: TestClient) -> None:
    total = len(ARTICLES) + len(BERTHS)
    reply = client.get("/api/search", params={"q": "berth", "k": 10, "offset": total - 5})
    assert len(reply.json()["articles"]) == 5
    assert "link" not in reply.headers
    beyond = client.get("/api/search", params={"q": "berth", "k": 100, "offset": 99})
    assert (beyond.json()["articles"], "link" in beyond.headers) == ([], False)


def test_the_next_page_asks_for_the_same(client: TestClient) -> None:
    asked = "/api/search?q=ship+%26+berth&subject=Shipping&subject=Law&k=3&flat=true"
    reply = client.get(asked)
    assert [hit["rank"] for hit in reply.json()["passages"]] == [1, 2, 3]
    assert reply.headers["link"] == f'<{asked}&offset=3>; rel="next"'


def test_an_article(client: TestClient, index: Index) -> None:
    found = get(client, "/api/articles/money")
    assert found == index.article("money").to_dict()
    assert [passage["ordinal"] for passage in found["passages"]] == ["1", "2"]
    assert get(client, "/api/articles/a%2Fb%20%231%3F")["question"] == "Where is the odd quay?"


def test_articles_near_an_article(client: TestClient) -> None:
    found = get(client, "/api/related/berth-05", k=29)
    ids = [hit["id"] for hit in found["articles"]]
    assert found["schema"] == "qasearch.related/1"
    assert found["article"]["question"] == "Which ships may use berth 5?"
    assert found["index"]["articles"] == len(ARTICLES) + len(BERTHS)
    assert sorted(ids) == [article.id for article in BERTHS if article.id != "berth-05"]
    assert [hit["rank"] for hit in found["articles"]] == list(range(1, 30))


def test_completion(client: TestClient) -> None:
    found = get(client, "/api/complete", q="Who pays f", k=3)
    assert found == {
        "query": "Who pays f",
        "questions": [{"id": "money", "question": MONEY.question}],
    }
    assert get(client, "/api/complete", q="")["questions"] == []


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health(client: TestClient, index: Index, path: str) -> None:
    status = index.status()
    found = get(client, path)
    assert found.pop("age_seconds") >= 0
    assert found == {
        "status": "ok",
        "fault": None,
        "generation": status.generation,
        "created": status.created,
        "articles": len(ARTICLES) + len(BERTHS),
        "passages": status.passages,
        "model": "tiny",
        "version": __version__,
    }


@pytest.mark.parametrize("path", ["/api/articles/nobody", "/api/related/nobody"])
def test_no_such_article(client: TestClient, path: str) -> None:
    reply = client.get(path)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (404, "not_found")
    assert error["message"] == "The index has no article 'nobody'."
    assert error["id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("/api/search", "The parameter 'q' is missing."),
        ("/api/search?q=", "q: String should have at least 1 character."),
        ("/api/search?q=%20", "The query is blank: ask a question in words."),
        ("/api/search?q=%00%07", "The query is blank: ask a question in words."),
        ("/api/search?q=a&limit=3", "There is no parameter 'limit'."),
        ("/api/search?q=a&k=0", "k: Input should be greater than or equal to 1."),
        ("/api/search?q=a&k=101", "k: Input should be less than or equal to 100."),
        ("/api/search?q=a&k=-1", "k: Input should be greater than or equal to 1."),
        ("/api/search?q=a&k=3.5", "k: '3.5' is not a whole number."),
        ("/api/search?q=a&k=True", "k: 'True' is not a whole number."),
        ("/api/search?q=a&k=NaN", "k: 'NaN' is not a whole number."),
        ("/api/search?q=a&k=10000000000000000", "k: '10000000000000000' is not a whole number."),
        ("/api/search?q=a&k=%D9%A3", "k: '٣' is not a whole number."),
        ("/api/search?q=a&offset=100", "offset: Input should be less than 100."),
        ("/api/search?q=a&points=-1", "points: Input should be greater than or equal to 0."),
        ("/api/search?q=a&flat=yes", "flat: 'yes' is neither true nor false."),
        ("/api/search?q=a&mode=psychic", "mode: Input should be 'hybrid', 'dense' or 'lexical'."),
        ("/api/search?q=a&min_confidence=.5", "min_confidence: '.5' is not a number from 0 to 1."),
        ("/api/search?q=a&min_confidence=1.5",
         "min_confidence: Input should be less than or equal to 1."),
        ("/api/search?q=a&facets=date", "facets: Input should be 'subject'."),
        ("/api/search?q=a&date_to=2026", "date_to: '2026' is not a date; write it as 2024-12-31."),
        ("/api/search?q=a&q=b", "The parameter 'q' is given more than once."),
        ("/api/complete?q=a&k=1&k=1", "The parameter 'k' is given more than once."),
        ("/?q=a&q=b", "The parameter 'q' is given more than once."),
        ("/api/complete", "The parameter 'q' is missing."),
        ("/api/complete?q=a&k=51", "k: Input should be less than or equal to 50."),
        ("/api/related/money?k=x", "k: 'x' is not a whole number."),
        ("/api/articles/money?q=a", "There is no parameter 'q'."),
        ("/health?verbose=1", "There is no parameter 'verbose'."),
    ],
)  # fmt: skip
def test_a_slip_is_named(client: TestClient, url: str, message: str) -> None:
    reply = client.get(url)
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "usage")
    assert reply.json()["error"]["message"] == message


def test_least_confidence(client: TestClient) -> None:
    hits = client.get("/api/search", params={"q": STORMS.question}).json()["articles"]
    assert [hit["confidence"] for hit in hits if hit["confidence"] > 0.9] == [0.99]
    params = {"q": STORMS.question, "min_confidence": "0.9"}
    assert client.get("/api/search", params=params).json()["articles"] == hits[:1]


def test_a_date_that_is_none(client: TestClient) -> None:
    reply = client.get("/api/search?q=a&date_from=2026-13-01")
    assert reply.status_code == 422
    assert reply.json()["error"]["message"].startswith("date_from: Input should be a valid date")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_only_reading(client: TestClient, method: str) -> None:
    reply = client.request(method, "/api/search?q=a")
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET")
    assert reply.json()["error"]["code"] == "method_not_allowed"


def test_head_is_get_without_its_body(client: TestClient) -> None:
    get_reply, head_reply = client.get("/health"), client.head("/health")
    assert (head_reply.status_code, head_reply.content) == (200, b"")
    assert head_reply.headers["content-type"] == get_reply.headers["content-type"]


@pytest.mark.parametrize(
    "path", ["/", "/api/search?q=a", "/nowhere", "/api/search", "/static/page.css", "/docs"]
)
def test_what_every_reply_carries(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-request-id"]
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers
