"""Results for programs and documents: JSON, JSONL, CSV, Markdown, TREC runs.

Each writer takes answers as they come and yields pieces of output, so that the first query's result
is out before the last query is asked.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from qasearch.cli.console import HARMFUL, visible
from qasearch.records import Article, ArticleHit, Passage, PassageHit, SearchResult

RUN_TAG = "qasearch"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one query, and the query's id in a run (else the number of its line)."""

    qid: str
    result: SearchResult


Writer: TypeAlias = Callable[[Iterable[Answer]], Iterator[str]]


def json_text(value: object, *, indent: int | None = None) -> str:
    """Write JSON as readable UTF-8 in which nothing can harm a terminal or fail to be encoded."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    # What is harmful can only stand inside a string (``indent`` adds line feeds and blanks alone).
    return HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def as_json(answers: Iterable[Answer]) -> Iterator[str]:
    """All results as one array."""
    yield json_text([answer.result.to_dict() for answer in answers], indent=2)


def as_one_json(answers: Iterable[Answer]) -> Iterator[str]:
    """Each result as an object over several lines; for a single query."""
    for answer in answers:
        yield json_text(answer.result.to_dict(), indent=2)


def as_jsonl(answers: Iterable[Answer]) -> Iterator[str]:
    """One object a line."""
    for answer in answers:
        yield json_text(answer.result.to_dict())


def as_jsonl_run(answers: Iterable[Answer]) -> Iterator[str]:
    """One object a line, the query's id first."""
    for answer in answers:
        yield json_text({"qid": answer.qid, **answer.result.to_dict()})


def as_trec(answers: Iterable[Answer]) -> Iterator[str]:
    """A TREC run: query id, Q0, id, rank, score, tag; nothing for a query that found nothing.

    Raises:
        ValueError: an id has white space, which separates the fields of a run.
    """
    for answer in answers:
        for id, rank, score in _ranking(answer.result):
            for name in (answer.qid, id):
                if name.split() != [name]:
                    raise ValueError(
                        f"The id {name!r} has white space, which a TREC run cannot hold; "
                        "use --format jsonl."
                    )
            yield visible(f"{answer.qid} Q0 {id} {rank} {score:.8f} {RUN_TAG}")


def _ranking(result: SearchResult) -> Iterator[tuple[str, int, float]]:
    if result.passages is None:
        for hit in result.articles:
            yield hit.article.id, hit.rank, hit.score
    else:
        for passage in result.passages:
            yield passage.passage.id, passage.rank, passage.score


IDENTITY_COLUMNS = ("id", "question", "subjects", "date", "url", "path")
HIT_COLUMNS = ("rank", *IDENTITY_COLUMNS, "confidence", "score")
_PASSAGE_COLUMNS = (
    *("rank", "id", "ordinal", "kind", "section", "title", "text"),
    *("confidence", "score"),
)


def as_csv(answers: Iterable[Answer], *, flat: bool = False) -> Iterator[str]:
    """A table with one row a passage (an article without any has one too), under a header."""
    rows = (
        row
        for answer in answers
        for row in (_flat_rows(answer.result) if flat else _rows(answer.result))
    )
    # What is wrong with the first answer is told before anything is written.
    first = next(rows, None)
    yield csv_line(_header(flat=flat))
    if first is not None:
        yield csv_line(first)
    yield from map(csv_line, rows)


def _header(*, flat: bool) -> tuple[str, ...]:
    if flat:
        return ("query", *_PASSAGE_COLUMNS)
    return ("query", *HIT_COLUMNS, *(f"point_{name}" for name in _PASSAGE_COLUMNS))


def _rows(result: SearchResult) -> Iterator[Sequence[object]]:
    for hit in result.articles:
        article = (result.query, *hit_cells(hit))
        if not hit.points:
            yield (*article, *([None] * len(_PASSAGE_COLUMNS)))
        for point in hit.points:
            yield (*article, *_passage_cells(point))


def _flat_rows(result: SearchResult) -> Iterator[Sequence[object]]:
    for hit in result.passages or ():
        yield (result.query, *_passage_cells(hit))


def hit_cells(hit: ArticleHit) -> tuple[object, ...]:
    """The cells of an article that was found, under ``HIT_COLUMNS``."""
    return (hit.rank, *identity_cells(hit.article), hit.confidence, hit.score)


def identity_cells(article: Article) -> tuple[object, ...]:
    """What tells an article from others, under ``IDENTITY_COLUMNS``."""
    return (
        *(article.id, article.question, "; ".join(article.subjects), article.date),
        *(_first(article.urls), _first(article.paths)),
    )


def _passage_cells(hit: PassageHit) -> tuple[object, ...]:
    passage = hit.passage
    return (
        *(hit.rank, passage.id, passage.ordinal, passage.kind, passage.section, passage.title),
        *(passage.text, hit.confidence, hit.score),
    )


def _first(texts: Sequence[str]) -> str | None:
    return texts[0] if texts else None


def csv_line(cells: Sequence[object]) -> str:
    """One row of a table; None is an empty cell."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(
        ["" if cell is None else visible(str(cell)) for cell in cells]
    )
    return line.getvalue()


def as_markdown(answers: Iterable[Answer]) -> Iterator[str]:
    """A document: a heading for each query and article, the passages below with their numbers."""
    for answer in answers:
        yield visible(_markdown(answer.result))


def _markdown(result: SearchResult) -> str:
    blocks = [f"# {_one_line(result.query)}"]
    if said := verdict_line(result):
        blocks.append(said)
    elif not (result.articles or result.passages):
        blocks.append("No answer found.")
    for hit in result.articles:
        article = hit.article
        blocks.append(f"## {hit.rank}. {_one_line(article.question)}")
        blocks.append(" · ".join(filter(None, (*facts(article), place(article)))))
        blocks += [_markdown_passage(point) for point in hit.points]
    for hit in result.passages or ():
        blocks.append(f"## {hit.rank}. {hit.passage.id}")
        blocks.append(_markdown_passage(hit))
    return "\n\n".join(block for block in blocks if block) + "\n"


def verdict_line(result: SearchResult) -> str:
    """What stands above hits that may not answer; empty above those that do, or if unknown."""
    hits = result.articles or result.passages or ()
    what = "articles" if result.passages is None else "passages"
    if not hits or hits[0].confidence is None or result.verdict == "answer":
        return ""
    if result.verdict == "related":
        return f"Perhaps no answer in this collection; related {what}:"
    return f"No answer in this collection; nearest {what}:"


def _markdown_passage(hit: PassageHit) -> str:
    passage = hit.passage
    heading = " ".join(filter(None, (label(passage), _one_line(passage.title or ""))))
    section = f" ({_one_line(passage.section)})" if passage.section else ""
    return f"**{heading}**{section}\n\n{passage.text}".rstrip()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def facts(article: Article) -> list[str]:
    """What identifies an article beside its question: id, subjects, date."""
    date = article.date.isoformat() if article.date else ""
    return [fact for fact in (article.id, ", ".join(article.subjects), date) if fact]


def place(article: Article) -> str:
    """Where to read an article: its web address, else its file, else what it has; may be empty."""
    web = [url for url in article.urls if url.startswith(("https://", "http://"))]
    return next(iter((*web, *article.paths, *article.urls)), "")


def label(passage: Passage) -> str:
    """How a passage is numbered: a point as printed, ``5.`` or ``2.1``; any other by its place."""
    if passage.ordinal is None:
        return f"¶{passage.seq}"
    return passage.ordinal if "." in passage.ordinal else f"{passage.ordinal}."
