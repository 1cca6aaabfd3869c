"""Runs: what a system brought back for each query, read from a file or asked of an index."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from qasearch.evaluate.lines import as_text, at, name_of, parse_object, read_lines, text_under
from qasearch.evaluate.qrels import PASSAGE_ID
from qasearch.evaluate.queries import ID_KEYS, Query
from qasearch.protocols import Progress, in_batches, no_progress
from qasearch.records import Mode, Passage

if TYPE_CHECKING:
    from qasearch import Index

Level = Literal["article", "passage"]

DEPTH = 100
"""Hits of a query that are judged: as deep as the deepest measure looks."""

QUERIES_AT_ONCE = 64
"""Queries embedded together, and steps of a progress bar."""

LONGEST_RUN_LINE = 64 * 1024 * 1024
"""Bytes of one line of a run: a hundred hits with all their texts."""


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A passage in a run; ``text`` is None where the run does not tell it."""

    id: str
    article_id: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class First:
    """How sure a search was of its first article.

    Attributes:
        id: of the article; None if nothing was brought back.
        confidence: None where the run tells none; 0 if nothing was brought back.
        verdict: of the search; None where the run does not tell it.
    """

    id: str | None
    confidence: float | None
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """What one system brought back, best first, by query id.

    Attributes:
        name: of the system, to tell it from others.
        articles: ids of articles; None if the run ranks none.
        passages: passages; None if the run ranks none.
        firsts: the first article of each query, where the run tells confidence.
    """

    name: str
    articles: Mapping[str, Sequence[str]] | None = None
    passages: Mapping[str, Sequence[RankedPassage]] | None = None
    firsts: Mapping[str, First] = field(default_factory=dict[str, First])

    @property
    def levels(self) -> list[Level]:
        """What it ranks."""
        ranked: list[tuple[Level, object]] = [
            ("article", self.articles),
            ("passage", self.passages),
        ]
        return [level for level, lists in ranked if lists is not None]


def search_run(
    index: "Index",
    queries: Sequence[Query],
    *,
    levels: Collection[Level],
    mode: Mode | None = None,
    name: str = "index",
    progress: Progress = no_progress,
) -> Run:
    """Ask an index all queries, to the depth of 100.

    Articles that ask the same are ranked each for itself: judgments know nothing of each other.

    Args:
        index: open to be searched.
        queries: what to ask.
        levels: what to rank; each is a search of its own.
        mode: how to search; None leaves it to the index.
        name: what to call the run.
        progress: shows how far it got.
    """
    search = partial(index.search_many, k=DEPTH, points=0, fold=False)
    if mode is not None:
        search = partial(search, mode=mode)
    articles: dict[str, list[str]] | None = {} if "article" in levels else None
    passages: dict[str, list[RankedPassage]] | None = {} if "passage" in levels else None
    firsts: dict[str, First] = {}
    batches = in_batches(queries, QUERIES_AT_ONCE)
    for batch in progress(batches, total=len(queries), what=f"searching {name}"):
        texts = [query.text for query in batch]
        if articles is not None:
            for query, result in zip(batch, search(texts), strict=True):
                articles[query.qid] = [hit.id for hit in result.articles]
                firsts[query.qid] = _first(
                    [(hit.id, hit.confidence) for hit in result.articles[:1]], result.verdict
                )
        if passages is not None:
            flat = search(texts, flat=True)
            for query, result in zip(batch, flat, strict=True):
                passages[query.qid] = [_ranked(hit.passage) for hit in result.passages or ()]
    return Run(name, articles, passages, firsts)


def _first(hits: Sequence[tuple[str, float | None]], verdict: str | None) -> First:
    id, confidence = hits[0] if hits else (None, 0.0)
    return First(id, confidence, verdict)


def _ranked(passage: Passage) -> RankedPassage:
    return RankedPassage(passage.id, passage.article_id, passage.text)


def read_run(path: Path) -> Run:
    """Read a run as ``qasearch run`` writes it (``-`` is stdin): in TREC form, or as JSONL.

    The order of a TREC run is that of its scores, and that of its ranks where they are equal;
    it ranks passages if all its ids look like theirs.

    Raises:
        ValueError: a line is not one of a run, named by file and line; or there is none.
        OSError: the file cannot be read.
    """
    lines = read_lines(path, longest=LONGEST_RUN_LINE)
    first = next(lines, None)
    if first is None:
        raise ValueError(f"{name_of(path)}: there is no run in it.")
    read = _read_jsonl if first[1].startswith("{") else _read_trec
    return read(name_of(path), chain([first], lines))


def _read_jsonl(name: str, lines: Iterable[tuple[str, str]]) -> Run:
    articles: dict[str, list[str]] = {}
    passages: dict[str, list[RankedPassage]] = {}
    firsts: dict[str, First] = {}
    for place, line in lines:
        with at(place):
            entry = parse_object(line, '{"qid": "1", "articles": [{"id": "7"}]}')
            qid = text_under(entry, ID_KEYS)
            if qid in articles or qid in passages:
                raise ValueError(f"the query id {qid!r} stands there twice")
            if entry.get("passages") is not None:
                passages[qid] = [_passage_of(hit) for hit in _hits(entry, "passages")]
            else:
                hits = _hits(entry, "articles")
                articles[qid] = [text_under(hit, ["id"]) for hit in hits]
                told = [(text_under(hit, ["id"]), _confidence(hit)) for hit in hits[:1]]
                firsts[qid] = _first(told, as_text(entry.get("verdict")))
    return Run(name, articles or None, passages or None, firsts)


def _confidence(hit: Mapping[str, object]) -> float | None:
    """The confidence of a hit, if it tells one.

    Raises:
        ValueError: it is no probability.
    """
    told = hit.get("confidence")
    if told is None:
        return None
    if not isinstance(told, int | float) or isinstance(told, bool) or not 0 <= told <= 1:
        raise ValueError(f"the confidence {told!r:.50} is no number from 0 to 1")
    return float(told)


def _hits(entry: Mapping[str, object], key: str) -> list[dict[str, object]]:
    hits = entry.get(key)
    if not isinstance(hits, list) or not all(isinstance(hit, dict) for hit in hits):  # pyright: ignore[reportUnknownVariableType]
        raise ValueError(f"no list of hits under {key!r}")
    return cast(list[dict[str, object]], hits)


def _passage_of(hit: Mapping[str, object]) -> RankedPassage:
    id = text_under(hit, ["id"])
    return RankedPassage(id, id.rpartition("#")[0], as_text(hit.get("text")))


def _read_trec(name: str, lines: Iterable[tuple[str, str]]) -> Run:
    scored: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
    for place, line in lines:
        with at(place):
            qid, id, rank, score = _trec_fields(line)
        scored[qid].append((-score, rank, id))
    ranked = {qid: [id for *_, id in sorted(hits)] for qid, hits in scored.items()}
    if not all(PASSAGE_ID.fullmatch(id) for ids in ranked.values() for id in ids):
        return Run(name, articles=ranked)
    passages = {
        qid: [RankedPassage(id, id.rpartition("#")[0]) for id in ids] for qid, ids in ranked.items()
    }
    return Run(name, passages=passages)


def _trec_fields(line: str) -> tuple[str, str, int, float]:
    try:
        qid, _, id, rank, score, _ = line.split()
        value = float(score)
        if not math.isfinite(value):
            raise ValueError
        return qid, id, int(rank), value
    except ValueError:
        raise ValueError(
            "not the six columns of a TREC run: query id, Q0, id, rank, score and tag"
        ) from None
