"""Metadata filters: from what a caller writes to conditions that the index understands."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, cast, get_args

from qasearch.records import Condition, ConditionField, ConditionOp

Value: TypeAlias = str | datetime.date
Comparison: TypeAlias = tuple[str, Value]
Where: TypeAlias = Mapping[str, Value | Comparison | Sequence[Value | Comparison]]
"""``{"subject": ["Sociology", "Law"], "date": (">=", "2024-12-01")}``"""

_FIELDS = get_args(ConditionField)
_OPS = get_args(ConditionOp)


def conditions(where: Where | None) -> list[Condition]:
    """Check a filter and spell it out.

    Raises:
        ValueError: an unknown field or operator, a range of a field that has no order, or a date
            that is not an ISO date.
    """
    return [
        _condition(field, comparison)
        for field, wanted in (where or {}).items()
        for comparison in _comparisons(wanted)
    ]


def _comparisons(wanted: object) -> Iterator[tuple[object, object]]:
    """Every form a caller may write, as (operator, value)."""
    if isinstance(wanted, tuple):
        pair = cast(tuple[object, ...], wanted)
        if len(pair) == 2 and pair[0] in _OPS:
            yield pair[0], pair[1]
            return
    if isinstance(wanted, str) or not isinstance(wanted, Sequence):
        yield "=", wanted
        return
    for entry in cast(Sequence[object], wanted):
        yield from _comparisons(entry)


def _condition(field: str, comparison: tuple[object, object]) -> Condition:
    op, value = comparison
    if field not in _FIELDS:
        raise ValueError(f"There is no field {field!r} to filter by; there are {_list(_FIELDS)}.")
    if isinstance(value, datetime.date):
        value = value.isoformat()
    if not isinstance(value, str):
        raise ValueError(f"{field} is compared with a text, not with {value!r}.")
    if field == "date":
        value = _iso(value)
    elif op != "=":
        raise ValueError(f"{field} has no order, so {op} cannot be asked of it; use =.")
    return Condition(cast(ConditionField, field), cast(ConditionOp, op), value)


def _iso(value: str) -> str:
    try:
        return datetime.date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError(f"{value!r} is not a date; write it as 2024-12-31.") from None


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
