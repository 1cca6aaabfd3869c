import numpy as np
import pytest

from qasearch.evaluate.compare import bootstrap_interval, compare
from qasearch.evaluate.measures import Scored


def scored(run: str, **values: float) -> Scored:
    return Scored(run, "article", {q: {"RR@10": v} for q, v in values.items()}, (), (), 0)


def test_a_difference_is_after_minus_before() -> None:
    before = scored("old", q1=0.5, q2=0.5, q3=1.0, only_here=1.0)
    after = scored("new", q3=0.5, q1=1.0, q2=0.5, only_there=1.0)
    found = compare(before, after, "RR@10")
    assert (found.before, found.after, found.level) == ("old", "new", "article")
    assert (found.queries, found.better, found.worse, found.equal) == (3, 1, 1, 1)
    assert found.mean == pytest.approx(0)
    assert found.low == pytest.approx(-found.high, abs=0.02)
    better = compare(before, scored("new", q1=1.0, q2=1.0, q3=1.0), "RR@10")
    assert better.mean == pytest.approx(1 / 3)
    assert 0 <= better.low < better.mean < better.high == pytest.approx(0.5)


def test_what_is_not_shared_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="No query is judged in both old and new"):
        compare(scored("old", q1=1), scored("new", q2=1), "RR@10")


def test_the_interval_is_that_of_the_normal_law_where_that_holds() -> None:
    values = np.random.default_rng(1).normal(0.2, 1.0, size=400)
    low, high = bootstrap_interval(values)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.01)
    assert high == pytest.approx(values.mean() + half, abs=0.01)
    assert (low, high) == bootstrap_interval(values)


def test_a_constant_has_no_width() -> None:
    assert bootstrap_interval(np.array([0.25])) == (0.25, 0.25)
