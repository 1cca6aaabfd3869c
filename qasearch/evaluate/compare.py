"""Two runs over the same queries: how much better one is, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qasearch.evaluate.measures import Scored

DRAWS = 10_000
SEED = 7
CONFIDENCE = 0.95

_DRAWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """What a measure gains from one run to another, over the queries that both were judged by.

    Attributes:
        before, after: names of the runs.
        level: what was ranked.
        measure: its name.
        queries: how many.
        mean: of ``after`` minus ``before``.
        low, high: the interval that holds the mean with a probability of 95 %.
        better, worse, equal: queries where ``after`` is.
    """

    before: str
    after: str
    level: str
    measure: str
    queries: int
    mean: float
    low: float
    high: float
    better: int
    worse: int
    equal: int


def compare(before: Scored, after: Scored, measure: str) -> Difference:
    """Compare two runs query by query.

    The interval is that of the paired bootstrap: queries are drawn with replacement, as many as
    there are, 10,000 times with a fixed seed; its ends are the 2.5th and 97.5th percentile of the
    mean difference.

    Raises:
        ValueError: no query was judged in both.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; for measures
        of retrieval: Sakai, Evaluating evaluation metrics based on the bootstrap, SIGIR 2006.
    """
    shared = [qid for qid in before.values if qid in after.values]
    if not shared:
        raise ValueError(f"No query is judged in both {before.run} and {after.run}.")
    gains = np.array([after.values[qid][measure] - before.values[qid][measure] for qid in shared])
    low, high = bootstrap_interval(gains)
    return Difference(
        before=before.run,
        after=after.run,
        level=before.level,
        measure=measure,
        queries=len(shared),
        mean=float(gains.mean()),
        low=low,
        high=high,
        better=int((gains > 0).sum()),
        worse=int((gains < 0).sum()),
        equal=int((gains == 0).sum()),
    )


def bootstrap_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of the mean of some values, float (n,), n at least 1."""
    generator = np.random.default_rng(SEED)
    means = [
        values[generator.integers(len(values), size=(_DRAWS_AT_ONCE, len(values)))].mean(axis=1)
        for _ in range(DRAWS // _DRAWS_AT_ONCE)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)
