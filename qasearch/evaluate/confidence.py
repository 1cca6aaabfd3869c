"""How far the confidence of the first article is to be trusted, by judgments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qasearch.evaluate.qrels import Qrels
from qasearch.evaluate.runs import First, Run

BINS = 10
DRAWS = 2_000
SEED = 7

Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trust:
    """What the confidence of a run's first articles is worth; None is what nothing could tell.

    Attributes:
        run: its name.
        answerable, unanswerable: how many queries have, and have not, an article that answers.
        auroc_answerable: how often an answerable query has the higher confidence of a pair with an
            unanswerable one; a half is chance.
        auroc_right: the same of right first articles and of wrong ones, of answerable queries.
        ece: expected calibration error, from 0 to 1, of 10 bins of equal width.
        ece_if_calibrated: its 95th percentile, if each confidence were the true probability.
        answered: share of the queries whose verdict was ``answer``: those whose first article was
            ``right`` or ``wrong``, and the ``unanswerable`` ones.
    """

    run: str
    answerable: int
    unanswerable: int
    auroc_answerable: float | None
    auroc_right: float | None
    ece: float | None
    ece_if_calibrated: float | None
    answered: dict[str, float | None]


def trust(run: Run, qrels: Qrels, *, qids: Collection[str], relevant: int) -> Trust | None:
    """Judge the confidence of a run; None if it has none, or every query has an answer.

    A query that nothing was brought back for has confidence 0. What nobody judged is wrong, so a
    query without judgments has no answer.

    Args:
        run: what was brought back.
        qrels: the judgments of articles.
        qids: the queries that were asked.
        relevant: the lowest grade that is an answer.
    """
    answers = {qid: _answers(qrels, qid, relevant) for qid in qids}
    firsts = {qid: run.firsts.get(qid, First(None, 0.0, None)) for qid in qids}
    told = {qid: first for qid, first in firsts.items() if first.confidence is not None}
    if not any(first.id for first in told.values()) or all(answers.values()):
        return None
    right = {qid for qid, first in told.items() if first.id in answers[qid]}
    wrong = {qid for qid, first in told.items() if first.id and answers[qid]} - right
    answerable = {qid for qid in told if answers[qid]}
    found = [qid for qid, first in told.items() if first.id]
    confidences = np.array([told[qid].confidence for qid in found], np.float64)
    labels = np.array([qid in right for qid in found], np.float64)
    return Trust(
        run=run.name,
        answerable=len(answerable),
        unanswerable=len(told) - len(answerable),
        auroc_answerable=auroc(_of(told, answerable), _of(told, told.keys() - answerable)),
        auroc_right=auroc(_of(told, right), _of(told, wrong)),
        ece=calibration_error(confidences, labels),
        ece_if_calibrated=_error_if_calibrated(confidences),
        answered={
            "right": _answered(firsts, right),
            "wrong": _answered(firsts, answerable - right),
            "unanswerable": _answered(firsts, told.keys() - answerable),
        },
    )


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Share of the pairs whose positive is the greater, equal ones counting half.

    Source: Hanley and McNeil, "The Meaning and Use of the Area under a ROC Curve", Radiology 1982.
    """
    if not len(positive) or not len(negative):
        return None
    differences = np.subtract.outer(np.array(positive), np.array(negative))
    return float((differences > 0).mean() + (differences == 0).mean() / 2)


def calibration_error(confidences: Numbers, labels: Numbers) -> float:
    """Mean distance, over the bins, of the mean confidence and the share of labels.

    Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    bins = np.minimum((confidences * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=confidences - labels, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidences))


def _error_if_calibrated(confidences: Numbers) -> float:
    chance = np.random.default_rng(SEED)
    drawn = [
        calibration_error(
            confidences, (chance.random(len(confidences)) < confidences).astype(np.float64)
        )
        for _ in range(DRAWS)
    ]
    return float(np.quantile(drawn, 0.95))


def _answers(qrels: Qrels, qid: str, relevant: int) -> set[str]:
    return {judgment.id for judgment in qrels.articles.get(qid, ()) if judgment.grade >= relevant}


def _of(firsts: dict[str, First], qids: Collection[str]) -> list[float]:
    return [confidence for qid in qids if (confidence := firsts[qid].confidence) is not None]


def _answered(firsts: dict[str, First], qids: Collection[str]) -> float | None:
    verdicts = [firsts[qid].verdict == "answer" for qid in qids if firsts[qid].verdict]
    return sum(verdicts) / len(verdicts) if verdicts else None
