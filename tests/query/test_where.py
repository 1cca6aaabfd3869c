import datetime

import pytest

from qasearch.query.where import Where, conditions
from qasearch.records import Condition


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (None, []),
        ({}, []),
        ({"subject": "Law"}, [Condition("subject", "=", "Law")]),
        (
            {"subject": ["Law", "Politics"]},
            [Condition("subject", "=", "Law"), Condition("subject", "=", "Politics")],
        ),
        ({"date": (">=", "2024-12-01")}, [Condition("date", ">=", "2024-12-01")]),
        (
            {"date": [(">=", "2024-12-01"), ("<", datetime.date(2025, 1, 1))]},
            [Condition("date", ">=", "2024-12-01"), Condition("date", "<", "2025-01-01")],
        ),
        (
            {"subject": "Law", "date": "2024-12-01"},
            [Condition("subject", "=", "Law"), Condition("date", "=", "2024-12-01")],
        ),
    ],
)
def test_every_form_a_caller_may_write(where: Where | None, expected: list[Condition]) -> None:
    assert conditions(where) == expected


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ({"author": "me"}, "no field 'author'"),
        ({"subject": (">=", "Law")}, "no order"),
        ({"date": (">=", "yesterday")}, "not a date"),
        ({"date": 20241201}, "compared with a text"),
        ({"subject": [None]}, "compared with a text"),
        ({"date": ("!=", "2024-12-01")}, "not a date"),
    ],
)
def test_what_is_no_filter_is_refused(where: Where, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        conditions(where)
