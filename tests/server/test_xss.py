"""Hostile content: no script runs, nothing foreign is asked for, nothing dangerous is shown."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import pytest

from qasearch import Article, Index
from tests.server.browser import Watched, chromium
from tests.server.conftest import Serve, Served
from tests.server.vectors import BREAKOUTS, VECTORS
from tests.tiny import TinyEmbedder

FIRED = "window.fired = 0; window.xss = window.alert = () => { window.fired += 1; };"

OFFENCES = """
() => {
  const known = new Set(("html head meta title link script body a header div b form label svg "
    + "circle path rect input kbd button ul ol li p main article aside section nav h1 h2 h3 h4 "
    + "h5 h6 time span small strong em s mark code pre blockquote br hr table thead tbody tr th "
    + "td details summary footer math mfrac mi mn mo mover mpadded mphantom mroot mrow mspace "
    + "msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover").split(" "));
  const bad = /^on|^style$|srcdoc|srcset|formaction|ping|background|^xlink/;
  const found = [];
  for (const element of document.querySelectorAll("*")) {
    if (!known.has(element.localName)) found.push(`<${element.localName}>`);
    for (const { name, value } of element.attributes) {
      if (bad.test(name)) found.push(name);
      if (["href", "src", "action"].includes(name)) {
        const { protocol } = new URL(value, location.href);
        if (!["http:", "https:", "mailto:"].includes(protocol)) found.push(`${name}=${value}`);
      }
    }
  }
  const ours = { script: 1, link: 2, meta: 3, base: 0, style: 0, form: 1, title: 1 };
  for (const [name, count] of Object.entries(ours))
    if (document.getElementsByTagName(name).length !== count) found.push(`another <${name}>`);
  for (const id of ["search", "q", "page", "status", "results"])
    if (document.querySelectorAll(`[id="${id}"]`).length !== 1) found.push(`another #${id}`);
  return found;
}
"""

PROVOKE = """
() => {
  const events = "mouseover mouseenter focus blur click toggle error load animationstart begin";
  for (const element of document.querySelectorAll("#page *"))
    for (const name of events.split(" "))
      element.dispatchEvent(new Event(name, { bubbles: false, cancelable: true }));
}
"""


def hostile(number: int, vector: str) -> Article:
    """An article that has the vector in every place that a text can come from."""
    line = " ".join(vector.replace("\0", "\ufffd").split()) or "x"
    another = BREAKOUTS[number % len(BREAKOUTS)]
    return Article(
        id=f"{number:03} {line}",
        question=f"word {line}",
        answer=f"{vector}\n\n## {line}\n\n1. **{line}**: word {vector}\n\n2. word {vector}\n\n"
        f"10. **A {another}**: {line}\n\n{vector}",
        subjects=(f"Third {number % 3}", f"{number:03} {another}"),
        urls=(another, line),
        paths=(f"{line}.md",),
    )


ARTICLES = [hostile(number, vector) for number, vector in enumerate(VECTORS)]


@pytest.fixture(scope="module")
def hostile_server(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("hostile") / "index"
    Index.build(ARTICLES, folder, embedder=TinyEmbedder(1024))
    return serve(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


def watched(browser: Any, server: Served, **options: Any) -> Iterator[Watched]:
    tab = Watched(browser, server.url, **options)
    tab.context.add_init_script(FIRED)
    yield tab
    tab.close()
    assert [url for url in tab.requests if not url.startswith(server.url + "/")] == []


@pytest.fixture(scope="module")
def bare(browser: Any, hostile_server: Served) -> Iterator[Watched]:
    """A tab that takes no notice of our policy: a script that got into a page would run."""
    yield from watched(browser, hostile_server, bypass_csp=True)


@pytest.fixture(scope="module")
def tab(browser: Any, hostile_server: Served) -> Iterator[Watched]:
    """A tab as users have it."""
    yield from watched(browser, hostile_server)


def inspect(tab: Watched, path: str) -> None:
    page = tab.open(path)
    page.evaluate(PROVOKE)
    assert page.evaluate(OFFENCES) == [], path
    assert page.evaluate("window.fired") == 0, path


def test_there_are_vectors_enough() -> None:
    assert len(set(VECTORS)) >= 200


def test_articles(bare: Watched) -> None:
    for article in ARTICLES:
        inspect(bare, f"/article/{quote(article.id, safe='')}")


def test_results(tab: Watched, bare: Watched) -> None:
    for third in range(3):
        for offset in range(0, 90, 10):
            asked = {"q": "word", "subject": f"Third {third}", "offset": offset}
            inspect(bare if offset % 20 else tab, f"/?{urlencode(asked)}")


def test_queries(bare: Watched) -> None:
    """What is asked stands in the page too."""
    for vector in VECTORS[::6]:
        pairs = {"q": vector.replace("\0", ""), "subject": vector}
        inspect(bare, f"/?{urlencode(pairs)}")
        inspect(bare, f"/article/{quote(ARTICLES[0].id, safe='')}?{urlencode({'q': vector})}")


def test_typing_and_completion(bare: Watched) -> None:
    page = bare.open("/")
    for start in ("word img", "word script", "word svg", "word javascript"):
        page.locator("#q").fill(start)
        page.get_by_role("option").first.wait_for()
        page.locator(".hit").first.wait_for()
        assert page.evaluate(OFFENCES) == []
    assert page.evaluate("window.fired") == 0


def test_the_policy_has_nothing_to_refuse(tab: Watched) -> None:
    """Had it to refuse something, the fences before it would have let that through."""
    for article in ARTICLES[::6]:
        inspect(tab, f"/article/{quote(article.id, safe='')}")
    assert [text for text in tab.complaints if "Content Security Policy" in text] == []


def test_the_inspection_notices(bare: Watched, tab: Watched) -> None:
    put = "document.body.insertAdjacentHTML('beforeend', '<img id=x src=x onerror=xss(1)>')"
    for watched, runs in ((bare, True), (tab, False)):
        page = watched.open("/")
        page.evaluate(put)
        assert sorted(page.evaluate(OFFENCES)) == ["<img>", "onerror"]
        page.evaluate("document.querySelector('img').dispatchEvent(new Event('error'))")
        assert (page.evaluate("window.fired") > 0) is runs


def test_every_vector_is_there_to_be_read(hostile_server: Served) -> None:
    """What was written is shown as text, not taken away."""
    found = httpx2.get(hostile_server.url + f"/article/{quote(ARTICLES[0].id, safe='')}")
    assert re.search(r"&lt;script&gt;xss\(1\)&lt;/script&gt;", found.text)


def test_index_of_hostile_articles_is_whole(tmp_path: Path) -> None:
    Index.build(ARTICLES[:20], tmp_path / "index", embedder=TinyEmbedder(1024))
    assert Index.verify(tmp_path / "index") == []
