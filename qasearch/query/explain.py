"""What each signal gave to a hit's score."""

from typing import Any

import numpy as np

from qasearch.query.rank import RankedArticle, RankedPassage, Ranking
from qasearch.query.signals import SIGNALS, Signal
from qasearch.records import SignalPart


class Explainer:
    """Takes apart the scores of one query's hits: a score is the sum of its parts, weighted.

    Args:
        ranking: that gave the scores.
    """

    def __init__(self, ranking: Ranking) -> None:
        self._scores = ranking.candidates.scores
        self._weights = ranking.weights
        self._questions = ranking.questions()

    def passage(self, hit: RankedPassage) -> dict[str, SignalPart]:
        """The parts of a passage's score, of the signals that count in the mode."""
        return self._parts(hit, 1.0)

    def article(self, hit: RankedArticle) -> dict[str, SignalPart]:
        """The parts of an article's score: its own question's, and those of its best passage."""
        share = self._weights.question
        parts = self._parts(hit.best, 1 / (1 + share))
        if not share:
            return parts
        rank = _rank(hit.question, self._questions)
        return {"question": SignalPart(hit.question, share / (1 + share), rank), **parts}

    def _parts(self, hit: RankedPassage, share: float) -> dict[str, SignalPart]:
        return {signal: self._part(signal, hit, share) for signal in self._counted()}

    def _counted(self) -> list[Signal]:
        return [signal for signal in SIGNALS if self._weights.of(signal)]

    def _part(self, signal: Signal, hit: RankedPassage, share: float) -> SignalPart:
        score = hit.signals[signal]
        weight = share * self._weights.of(signal) / self._weights.total
        return SignalPart(score, weight, _rank(score, self._scores[signal]))


def _rank(score: float, candidates: "np.ndarray[Any, np.dtype[np.float32]]") -> int | None:
    """Of a signal's score among those of the candidates; None for 0, which says nothing."""
    return 1 + int(np.sum(candidates > np.float32(score))) if score else None
