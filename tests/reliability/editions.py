"""Articles of which every text says the edition that it is of, and what becomes of them."""

import re
from collections.abc import Iterable
from pathlib import Path

from qasearch import Index, SearchResult
from qasearch.index import Generation, verify
from qasearch.index.writer import KEPT_GENERATIONS
from tests.reliability.contents import EMBEDDER, generations

ARTICLES = 12
QUERIES = ("where is the harbour", "a bell of bronze", "walls of granite", "number7 and number3")

_EDITION = re.compile(r"edition (\d+)")
_THINGS = ("harbour", "bell", "walls", "orchard", "lantern", "canal")


def write(folder: Path, edition: int) -> None:
    """Make a folder hold an edition: the same articles as ever, each text with another number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(ARTICLES):
        thing = _THINGS[number % len(_THINGS)]
        (folder / f"{number:02}.md").write_text(
            f"---\nid: a{number:02}\n"
            f"question: Where is the {thing} number{number}, edition {edition}?\n---\n"
            f"Of edition {edition}.\n\n"
            f"1. **{thing} in edition {edition}**: of granite, edition {edition}.\n"
            f"2. **Bell in edition {edition}**: of bronze, edition {edition}.\n"
        )


def of(texts: Iterable[str | None]) -> set[int]:
    """The editions of some texts; 0 for a text that names none."""
    found = [_EDITION.findall(text) or ["0"] for text in texts if text is not None]
    return {int(edition) for editions in found for edition in editions}


def of_result(result: SearchResult) -> set[int]:
    """The editions of all the texts in a reply; 0 if there are none."""
    texts: list[str | None] = [] if result.articles else [""]
    for hit in result.articles:
        texts += [hit.question, hit.article.answer, hit.article.intro]
        texts += [text for point in hit.points for text in (point.title, point.text)]
    return of(texts)


def served(index: Path) -> set[int]:
    """The editions of all that an index holds, and of what it answers."""
    with Index.open(index, embedder=EMBEDDER) as opened, Generation.open(index) as generation:
        articles = generation.store.articles(range(generation.store.article_count))
        found = of(text for article in articles for text in (article.question, article.answer))
        for result in opened.search_many(QUERIES):
            found |= of_result(result)
        return found


def problems_of(index: Path, allowed: set[int], *, spare: int = 0) -> list[str]:
    """Whether an index is whole, of one edition, and nothing else lies in its folder.

    Args:
        index: its folder.
        allowed: the editions that it may be of.
        spare: old generations that may lie there still.
    """
    problems = [f"verify: {fault}" for fault in verify(index)]
    found = served(index)
    if len(found) != 1 or not found <= allowed:
        problems.append(f"answers of editions {sorted(found)} instead of {sorted(allowed)}")
    if len(generations(index)) > KEPT_GENERATIONS + spare:
        problems.append(f"{len(generations(index))} generations lie there")
    if (index / "CURRENT.tmp").exists():
        problems.append("CURRENT.tmp lies there")
    return problems
