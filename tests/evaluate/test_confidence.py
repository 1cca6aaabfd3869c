import numpy as np
import pytest

from qasearch.evaluate.confidence import auroc, calibration_error, trust
from qasearch.evaluate.qrels import Judgment, Qrels
from qasearch.evaluate.runs import First, Run

QRELS = Qrels({"q1": [Judgment("a", 3)], "q2": [Judgment("b", 2)], "q3": [Judgment("c", 1)]})
FIRSTS = {
    "q1": First("a", 0.95, "answer"),
    "q2": First("c", 0.5, "related"),
    "q3": First("c", 0.55, "answer"),
    "q4": First(None, 0.0, "no_answer"),
}


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    assert auroc([0.9, 0.5], [0.5, 0.1]) == (3 + 0.5) / 4
    assert auroc([], [0.5]) is auroc([0.5], []) is None


def test_calibration_error_is_the_mean_gap_of_bins() -> None:
    confidences, labels = np.array([0.95, 1.0, 0.25]), np.array([1.0, 0.0, 0.0])
    assert calibration_error(confidences, labels) == pytest.approx((0.95 + 0.25) / 3)


def test_trust() -> None:
    found = trust(Run("mine", firsts=FIRSTS), QRELS, qids=list(FIRSTS), relevant=2)
    assert found is not None
    assert (found.answerable, found.unanswerable) == (2, 2)
    assert (found.auroc_answerable, found.auroc_right) == (0.75, 1.0)
    # Bins of 0.95 (right), and of 0.5 and 0.55 (wrong); the query without hits has no article.
    assert found.ece == pytest.approx((0.05 + 1.05) / 3)
    assert found.ece_if_calibrated is not None and 0.3 < found.ece_if_calibrated < 0.7
    assert found.answered == {"right": 1.0, "wrong": 0.0, "unanswerable": 0.5}


def test_nothing_is_told_without_confidence_or_unanswerable_queries() -> None:
    assert trust(Run("mine", firsts=FIRSTS), QRELS, qids=["q1", "q2"], relevant=2) is None
    assert trust(Run("mine", {}), QRELS, qids=list(FIRSTS), relevant=2) is None
