import pytest

from qasearch.cli.where import parse_where


def test_conditions_are_gathered_by_field() -> None:
    assert parse_where(
        ["subject=Sociology", "date>=2024-12-01", "subject = Computer science", "date<2025-01-01"]
    ) == {
        "subject": [("=", "Sociology"), ("=", "Computer science")],
        "date": [(">=", "2024-12-01"), ("<", "2025-01-01")],
    }


@pytest.mark.parametrize("op", ["=", ">=", "<=", ">", "<"])
def test_every_operator(op: str) -> None:
    assert parse_where([f"date{op}2024-12-01"]) == {"date": [(op, "2024-12-01")]}


def test_a_value_may_hold_operators() -> None:
    assert parse_where(["subject=a=b>c"]) == {"subject": [("=", "a=b>c")]}


def test_no_conditions() -> None:
    assert parse_where([]) == {}


@pytest.mark.parametrize("text", ["", "Sociology", "subject=", "subject= ", "=Sociology", ">=1"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a condition"):
        parse_where([text])
