"""Confidence without labels: the corpus asks itself, in words that are less and less its own.

The questions of some articles are blurred: of their words a part, from none to all, is replaced by
others, most of which are no words at all. Each blurred question is searched for, and its article is
found or not. What the evidence of a search said when it was, and what when it was not, gives the
curves.

Source of the curves: Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
"""

import random
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, get_args

import numpy as np

from qasearch.protocols import Embedder, processors
from qasearch.query.confidence import (
    Calibration,
    Curves,
    Evidence,
    evidence,
    logistic,
    same_questions,
    to_bytes,
)
from qasearch.query.rank import Ranking
from qasearch.query.signals import Question, SignalReader, read_questions
from qasearch.query.text import LONGEST_QUERY, clean
from qasearch.records import Mode
from qasearch.storage import Reader

FEWEST_ARTICLES = 20
"""Articles from which a corpus has enough to say of itself."""

QUERIES = 500
"""Blurred questions: 2,000 give the same curves, and take a build four times as long
(docs/decisions/0009-ranking.md)."""

KEPT_WORDS = (1.0, 0.8, 0.65, 0.5, 0.35, 0.2, 0.0)
"""Share of a question's words that stay, by turns."""

FOREIGN_WORDS = 0.75
"""Share of the replacing words whose letters are shuffled, so that nobody knows them."""

FOUND_AMONG = 20
"""Hits among which the article must be for the search to have found it."""
BY_CHANCE = 0.05
"""Share of all articles that these are at most: among more, any article is found by chance."""
FOUND_IN = 3_000
"""Articles of which these are the best, at least: among few, any is found, whatever was asked.
A smaller corpus is asked whether the article would have been found in one of that size."""
WRONG_HITS = 10
"""Hits that tell how fast wrong articles get rarer with a higher score."""
LOWER_HITS = 5
"""Hits that teach how confidence falls below the first."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
"""Letters of scripts that set no space between words: Thai, Lao, Burmese, Khmer, Kana, Han."""
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
"""A word, or a letter of those scripts."""

_QUERIES_AT_ONCE = 64
_DIGITS = 4
_RIDGE = 1e-3
_STEPS = 50
_CONSTANT = 1e-6
"""A feature that spreads less than that is the same for all, but for rounding."""

_Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class _Trial:
    """A blurred question: its evidence, and which hits ask what it was made of: bool (n,)."""

    evidence: Evidence
    right: np.ndarray[Any, np.dtype[np.bool_]]


def calibrate(reader: Reader, embedder: Embedder) -> bytes:
    """Find the curves of confidence for each mode, as an index stores them.

    A corpus that is too small to say gets none.
    """
    return to_bytes(_calibration(reader, embedder))


def _calibration(reader: Reader, embedder: Embedder) -> Calibration:
    if reader.article_count < FEWEST_ARTICLES:
        return {}
    from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

    trials: dict[Mode, list[_Trial]] = {mode: [] for mode in get_args(Mode)}
    sample = reader.store.sample(QUERIES)
    questions = [a.question[:LONGEST_QUERY] for a in reader.store.articles(sample)]
    texts = list(_blurred(questions))
    for first in range(0, len(texts), _QUERIES_AT_ONCE):
        batch = texts[first : first + _QUERIES_AT_ONCE]
        questions = read_questions(reader, embedder, [text for text, _ in batch])
        sources = [sample[place] for _, place in batch]
        # Most of a search is done by libraries: on all cores, none of which they share out again.
        with threadpool_limits(1), ThreadPoolExecutor(processors()) as executor:
            tried = executor.map(partial(_trials, reader), questions, sources)
            for of_question in tried:
                for mode, trial in of_question.items():
                    trials[mode].append(trial)
    return {
        mode: _curves(of_mode, reader.article_count) for mode, of_mode in trials.items() if of_mode
    }


def _blurred(questions: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Blurred questions, with the place of the one that each came from."""
    rounds = min(len(KEPT_WORDS), -(-QUERIES // len(questions)))
    for turn in range(rounds):
        for place, text in enumerate(questions):
            kept = KEPT_WORDS[(place + turn) % len(KEPT_WORDS)]
            other = questions[(place + 1) % len(questions)]
            try:
                yield clean(_blur(text, other, kept, random.Random(f"{turn} {text}")))[0], place
            except ValueError:
                continue  # a question without a word, that nobody can ask


def _blur(text: str, other: str, kept: float, chance: random.Random) -> str:
    """A text of whose words only a share is kept, some of the rest being another text's."""
    others = _WORD.findall(other) or ["?"]
    return _WORD.sub(
        lambda word: word[0] if chance.random() < kept else _other_word(others, chance), text
    )


def _other_word(words: Sequence[str], chance: random.Random) -> str:
    word = chance.choice(words)
    if chance.random() < FOREIGN_WORDS:
        return "".join(chance.sample(word, len(word)))
    return word


def _trials(reader: Reader, question: Question, source: int) -> dict[Mode, _Trial]:
    """What a search brought back, in each mode that brings back anything."""
    trials: dict[Mode, _Trial] = {}
    signals: SignalReader | None = None
    for mode in get_args(Mode):
        ranking = Ranking(
            reader, question, mode=mode, wanted=FOUND_AMONG, among=None, signals=signals
        )
        signals = ranking.signals
        if trial := _trial(reader, mode, ranking, source):
            trials[mode] = trial
    return trials


def _trial(reader: Reader, mode: Mode, ranking: Ranking, source: int) -> _Trial | None:
    """What a search brought back; None if nothing."""
    among = int(BY_CHANCE * reader.article_count)
    ranked = ranking.articles(FOUND_AMONG)
    if not ranked:
        return None
    asked = reader.question_vectors(np.array([source, *(hit.row for hit in ranked)], np.int64))
    right = same_questions(asked[1:], asked[:1])[:, 0]
    right[max(1, among) :] = False
    return _Trial(evidence(reader, mode, ranked, ranking.best_lexical), right)


def _curves(trials: Sequence[_Trial], articles: int) -> Curves:
    """The curves that trials in a corpus of so many articles give."""
    there = _fit(np.array([trial.evidence.levels[0] for trial in trials]), _found(trials, articles))
    found = [trial for trial in trials if trial.right.any()]
    leads = np.array([[trial.evidence.lead[0]] for trial in found])
    this = _fit(leads, np.array([trial.right[0] for trial in found], np.float64))
    return Curves(there, this, _fit_lower(found, this))


def _found(trials: Sequence[_Trial], articles: int) -> _Numbers:
    """Whether each trial found its article, 0 or 1, and would have in a corpus of ``FOUND_IN``."""
    wrong = [trial.evidence.behind[~trial.right][: WRONG_HITS + 1] for trial in trials]
    gaps = [behind[-1] - behind[:-1].mean() for behind in wrong if len(behind) > 1]
    gap = max(float(np.mean(gaps)), _CONSTANT) if gaps else _CONSTANT
    better = np.array([_better(trial, gap) for trial in trials])
    return (better * max(1, FOUND_IN / articles) < FOUND_AMONG).astype(np.float64)


def _better(trial: _Trial, gap: float) -> float:
    """How many wrong articles score higher than the right one.

    Above the best of them their number is taken to fall exponentially with the score.

    Args:
        trial: a search.
        gap: by how much scores rise where the number falls by e: the mean distance of the best
            wrong hits to the next one.

    Source: Pickands, "Statistical Inference Using Extreme Order Statistics", Annals of Statistics
    3, 1975: the tails of most distributions are such.
    """
    if not trial.right.any():
        return np.inf
    if place := int(trial.right.argmax()):
        return place
    return float(np.exp(-trial.evidence.behind[~trial.right].min(initial=np.inf) / gap))


def _fit_lower(found: Sequence[_Trial], this: Sequence[float]) -> list[float]:
    """How much less likely a hit is for standing below the first."""
    hits = [(t, i) for t in found for i in range(1, min(LOWER_HITS, len(t.evidence.lead)))]
    behind = np.array([[trial.evidence.behind[i]] for trial, i in hits])
    known = np.array([this[0] + this[1] * trial.evidence.lead[i] for trial, i in hits])
    return _fit(behind, np.array([t.right[i] for t, i in hits], np.float64), known)


def _fit(features: _Numbers, labels: _Numbers, known: _Numbers | None = None) -> list[float]:
    """Logistic regression by Newton's method: weights of the constant and of each feature.

    Args:
        features: (n, f).
        labels: (n,), 0 or 1.
        known: (n,), log-odds that stand already.
    """
    if not len(features):
        return [0.0, 0.0]
    offset = np.zeros(len(labels)) if known is None else known
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > _CONSTANT, spread, np.inf)
    weights = _minimum(
        np.column_stack([np.ones(len(features)), (features - mean) / spread]), labels, offset
    )
    scaled = weights[1:] / spread
    return [round(float(w), _DIGITS) for w in (weights[0] - scaled @ mean, *scaled)]


def _minimum(inputs: _Numbers, labels: _Numbers, offset: _Numbers) -> _Numbers:
    """Weights (f,) of the least loss; a small ridge bounds them where a feature decides all."""
    ridge = _RIDGE * len(labels)

    def loss(weights: _Numbers) -> float:
        odds = inputs @ weights + offset
        total = np.logaddexp(0, odds).sum() - labels @ odds + ridge / 2 * weights @ weights
        return float(total)

    weights = np.zeros(inputs.shape[1])
    for _ in range(_STEPS):
        expected = logistic(inputs @ weights + offset)
        slope = inputs.T @ (expected - labels) + ridge * weights
        bend = (inputs * (expected * (1 - expected))[:, np.newaxis]).T @ inputs
        step = np.linalg.solve(bend + ridge * np.eye(len(weights)), slope)
        # A whole step may lead far beyond the minimum where the curve is flat.
        while loss(weights - step) > loss(weights) and np.abs(step).max() > _CONSTANT:
            step = step / 2
        weights = weights - step
    return weights
