"""Reading judgments: which articles, and which passages of them, answer a query, and how well."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from qasearch.evaluate.lines import at, name_of, parse_object, read_lines, text_under, whole_number

HIGHEST_GRADE = 20
"""A gain of 2^20 - 1; more is no grade but a mistake."""

PASSAGE_ID = re.compile(r"(.+)#[1-9][0-9]*")

_QUERY_NAMES = ("qid", "query-id", "query_id", "topic")
_ID_NAMES = ("passage_id", "article_id", "id", "corpus-id", "corpus_id", "doc_id", "docid")
_GRADE_NAMES = ("grade", "score", "relevance", "rel", "label")


@dataclass(frozen=True, slots=True)
class Judgment:
    """How well one article or passage answers one query.

    Attributes:
        id: of the article, or of the passage where ``starts`` is None and it looks like one.
        grade: from 0, which does not answer.
        starts: how the text of the passage meant starts, in ASCII letters and digits alone; then
            ``id`` is its article's.
    """

    id: str
    grade: int
    starts: str | None = None


@dataclass(frozen=True, slots=True)
class Qrels:
    """The judgments of all queries, by query id, in the order of the files.

    Attributes:
        articles: those of articles.
        passages: those of passages.
    """

    articles: Mapping[str, list[Judgment]] = field(default_factory=dict[str, list[Judgment]])
    passages: Mapping[str, list[Judgment]] = field(default_factory=dict[str, list[Judgment]])

    def highest_grade(self) -> int:
        """The best that any was given."""
        every = [*self.articles.values(), *self.passages.values()]
        return max(judgment.grade for judgments in every for judgment in judgments)


def read_qrels(*paths: Path) -> Qrels:
    """Read files of judgments (``-`` is stdin).

    Each may be in TREC form (``qid 0 id grade``), a TSV of query id, id and grade, with a header
    or without, or JSONL of ``{"qid", "article_id", "grade"}``. An id such as ``124895#5`` is that
    of a passage. In JSONL a passage may also be known by how its text starts: ``"starts"``, in
    ASCII letters and digits alone, lower case, beside its ``article_id``.

    Raises:
        ValueError: a line is no judgment, named by file and line; or there is none.
        OSError: a file cannot be read.
    """
    grades: dict[str, dict[tuple[str, str | None], int]] = defaultdict(dict)
    for path in paths:
        for place, qid, judgment in _judgments(path):
            known = grades[qid].setdefault((judgment.id, judgment.starts), judgment.grade)
            if known != judgment.grade:
                raise ValueError(
                    f"{place}: {judgment.id!r} is graded {judgment.grade} here and {known} before"
                )
    if not grades:
        raise ValueError(f"{', '.join(map(name_of, paths))}: there are no judgments in it.")
    articles: dict[str, list[Judgment]] = defaultdict(list)
    passages: dict[str, list[Judgment]] = defaultdict(list)
    for qid, graded in grades.items():
        for (id, starts), grade in graded.items():
            of_passage = starts is not None or PASSAGE_ID.fullmatch(id)
            (passages if of_passage else articles)[qid].append(Judgment(id, grade, starts))
    return Qrels(dict(articles), dict(passages))


def _judgments(path: Path) -> Iterator[tuple[str, str, Judgment]]:
    """Each judgment of a file as (place, query id, judgment)."""
    parse: Callable[[str], tuple[str, Judgment]] | None = None
    for place, line in read_lines(path):
        with at(place):
            if parse is None:
                parse, is_header = _form_of(line)
                if is_header:
                    continue
            yield place, *parse(line)


def _form_of(line: str) -> tuple[Callable[[str], tuple[str, Judgment]], bool]:
    """How the lines of a file are read that begins with this one, and whether it is a header."""
    if line.startswith("{"):
        return _from_json, False
    cells = line.split()
    if len(cells) == 4 and whole_number(cells[3]) is not None:
        return _from_trec, False
    columns = [cell.strip().lower() for cell in line.split("\t")]
    is_header = any(name in columns for name in _GRADE_NAMES)
    return partial(_from_tsv, columns=columns if is_header else ("qid", "id", "grade")), is_header


def _from_json(line: str) -> tuple[str, Judgment]:
    example = '{"qid": "1", "article_id": "7", "grade": 2}'
    return _judgment(parse_object(line, example))


def _from_trec(line: str) -> tuple[str, Judgment]:
    cells = line.split()
    if len(cells) != 4:
        raise ValueError("not the four columns of TREC qrels: query id, 0, id and grade")
    return _judgment({"qid": cells[0], "id": cells[2], "grade": cells[3]})


def _from_tsv(line: str, columns: Sequence[str]) -> tuple[str, Judgment]:
    cells = line.split("\t")
    if len(cells) < len(columns):
        raise ValueError(f"not as many columns as {', '.join(columns)}")
    return _judgment(dict(zip(columns, cells, strict=False)))


def _judgment(fields: Mapping[str, object]) -> tuple[str, Judgment]:
    written = text_under(fields, _GRADE_NAMES)
    grade = whole_number(written)
    if grade is None or grade > HIGHEST_GRADE:
        raise ValueError(f"{written!r} is no grade; write a whole number up to {HIGHEST_GRADE}")
    starts = text_under(fields, ["starts"]) if "starts" in fields else None
    # TREC grades spam below 0; it does not answer either.
    judgment = Judgment(text_under(fields, _ID_NAMES), max(grade, 0), starts)
    return text_under(fields, _QUERY_NAMES), judgment
