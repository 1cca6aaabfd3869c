"""How likely a hit answers: two questions, each answered by a curve that the corpus itself gave.

    Does anything here answer?    by the level of the signals
    If so, is it this hit?        by its lead over the next ones, and its place below the first

Their product is the confidence. ``calibrate`` finds the curves when an index is built.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, TypeAlias, cast, get_args

import numpy as np

from qasearch.index import cosines
from qasearch.protocols import Vectors
from qasearch.query.rank import RankedArticle, RankedPassage
from qasearch.query.signals import Signal
from qasearch.records import Mode, Verdict, verdict_of
from qasearch.storage import Reader

SURE = 0.99
"""Least confidence of an article whose very question was asked."""

NEXT = 5
"""Articles below a hit that its lead is over."""

_SAME_QUESTION = 0.9999
"""Cosine of two questions that differ in case or signs at most; such articles are one hit."""

_FAR_BEHIND = 1.0

_STEEPEST = 1e9
"""No weight that was found in data comes near."""

Probabilities: TypeAlias = Vectors
"""float32 (n,), from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What tells whether hits answer.

    Attributes:
        levels: float64 (n, l), signals of each hit that mean the same for every query.
        lead: float64 (n,), by how much its leading signal exceeds the mean of the next hits'.
        behind: float64 (n,), how far its score is below the first hit's.
    """

    levels: np.ndarray[Any, np.dtype[np.float64]]
    lead: np.ndarray[Any, np.dtype[np.float64]]
    behind: np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Curves:
    """The calibration of one mode: logistic curves.

    Attributes:
        there: weights of the constant and of each level: does anything answer?
        this: weights of the constant and of the lead: is it the first hit?
        lower: weights of the constant and of ``behind``, added for hits below the first.
    """

    there: list[float]
    this: list[float]
    lower: list[float]

    def confidence(self, evidence: Evidence) -> Probabilities:
        """The probability that each hit answers."""
        there = self.there[0] + evidence.levels @ np.array(self.there[1:])
        this = self.this[0] + self.this[1] * evidence.lead
        lower = self.lower[0] + self.lower[1] * np.minimum(evidence.behind, _FAR_BEHIND)
        this = this + np.where(evidence.behind > 0, lower, 0)
        return (logistic(there) * logistic(this)).astype(np.float32)


Calibration: TypeAlias = dict[Mode, Curves]


def evidence(
    reader: Reader, mode: Mode, ranked: Sequence[RankedArticle], best_lexical: float
) -> Evidence:
    """What tells whether ranked articles answer.

    Args:
        reader: the articles.
        mode: they were ranked in.
        ranked: best first.
        best_lexical: BM25 that signal ``lexical`` is a share of.
    """
    levels = _levels(reader, mode, [hit.best for hit in ranked], best_lexical)
    scores = np.array([hit.score for hit in ranked], np.float64)
    rows = np.array([hit.row for hit in ranked], np.int64)
    return Evidence(
        levels=levels,
        lead=_leads(levels[:, 0], reader.question_vectors(rows)),
        behind=scores[:1] - scores if len(ranked) else scores,
    )


class Judge:
    """Tells the confidence of the hits of one query; None where the index is not calibrated.

    Args:
        reader: the articles.
        mode: the hits were ranked in.
        ranked: articles, best first.
        best_lexical: BM25 that signal ``lexical`` is a share of.
    """

    def __init__(
        self,
        reader: Reader,
        mode: Mode,
        ranked: Sequence[RankedArticle],
        best_lexical: float,
    ) -> None:
        self._reader = reader
        self._mode: Mode = mode
        self._best_lexical = best_lexical
        self._curves = read_calibration(reader).get(mode)
        self._evidence = evidence(reader, mode, ranked, best_lexical)
        self._places = {hit.row: (place, hit) for place, hit in enumerate(ranked)}

    def of_articles(self) -> list[float | None]:
        """The confidence of each of the articles."""
        return self._told(self._evidence)

    def of_passages(self, passages: Sequence[RankedPassage]) -> list[float | None]:
        """The confidence of passages: by their own levels, and the lead of their articles."""
        rows = np.array([passage.row for passage in passages], np.int64)
        owners = self._reader.store.article_rows_of(rows).tolist()
        lead, behind = np.zeros(len(passages)), np.full(len(passages), np.inf)
        for i, (passage, owner) in enumerate(zip(passages, owners, strict=True)):
            if owner in self._places:
                place, article = self._places[owner]
                lead[i] = self._evidence.lead[place]
                below_best = max(0.0, article.best.score - passage.score)
                behind[i] = self._evidence.behind[place] + below_best
        levels = _levels(self._reader, self._mode, passages, self._best_lexical)
        return self._told(Evidence(levels, lead, behind))

    def _told(self, evidence: Evidence) -> list[float | None]:
        if self._curves is None:
            return [None] * len(evidence.lead)
        return [float(each) for each in self._curves.confidence(evidence)]


def verdict(confidences: Sequence[float | None]) -> Verdict:
    """What the confidences of the hits of a search, best first, say of it."""
    if not confidences:
        return "no_answer"
    if confidences[0] is None:
        return "related"
    return verdict_of(confidences[0])


def read_calibration(reader: Reader) -> Calibration:
    """The curves that some articles have: none for a corpus too small to have any.

    Raises:
        IndexDamagedError: what it holds is no calibration of such an index.
    """
    try:
        return _from_bytes(reader.confidence, reader.tokens is not None)
    except ValueError as error:
        raise reader.damaged_confidence(str(error)) from error


def to_bytes(calibration: Calibration) -> bytes:
    """JSON; equal calibrations give equal bytes."""
    curves = {mode: asdict(each) for mode, each in calibration.items()}
    return f"{json.dumps(curves, indent=2, sort_keys=True)}\n".encode()


def logistic(values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """From log-odds to probabilities; without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * values))


def same_questions(some: Vectors, others: Vectors) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of some questions (n, d) are which of others (m, d), nearly to the letter: (n, m)."""
    return cosines(others, some) >= _SAME_QUESTION


def _leads(signal: np.ndarray[Any, Any], questions: Vectors) -> np.ndarray[Any, Any]:
    """By how much each number exceeds the mean of the next ones that are of other questions."""
    others = np.triu(~same_questions(questions, questions), 1)
    others &= np.cumsum(others, axis=1) <= NEXT
    count = others.sum(axis=1)
    return np.where(count > 0, signal - others @ signal / np.maximum(count, 1), 0)


def _levels(
    reader: Reader, mode: Mode, passages: Sequence[RankedPassage], best_lexical: float
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How much of each signal that tells something the passages have."""
    signals = _signals(mode, reader.tokens is not None)
    levels = [[hit.signals[signal] for signal in signals] for hit in passages]
    scale = best_lexical if mode == "lexical" else 1.0
    return scale * np.array(levels, np.float64).reshape(len(passages), len(signals))


def _signals(mode: Mode, tokens: bool) -> list[Signal]:
    """Those whose level tells something in a mode, the leading one first."""
    if mode == "lexical":
        return ["lexical"]
    return ["late", "passage"] if tokens and mode == "hybrid" else ["passage"]


@lru_cache(maxsize=16)
def _from_bytes(data: bytes, tokens: bool) -> Calibration:
    """Read what ``to_bytes`` wrote; nothing was written of an index that is being built."""
    try:
        read: Any = json.loads(data or b"{}")
        curves = {mode: Curves(**each) for mode, each in read.items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no calibration: {error}") from error
    for mode, each in curves.items():
        if mode not in get_args(Mode):
            raise ValueError(f"a mode {mode!r:.50}")
        _check_weights(each.there, 1 + len(_signals(mode, tokens)))
        _check_weights(each.this, 2)
        _check_weights(each.lower, 2)
    return curves


def _check_weights(weights: object, count: int) -> None:
    numbers: list[object] = weights if isinstance(weights, list) else []  # pyright: ignore[reportUnknownVariableType]
    finite = all(type(n) in (int, float) and abs(cast(float, n)) < _STEEPEST for n in numbers)
    if len(numbers) != count or not finite:
        raise ValueError(f"{weights!r:.100} instead of {count} weights")
