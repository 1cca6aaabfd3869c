"""Conditions on articles as the engines read them; nothing that a caller wrote becomes code.

Equal conditions on the subject, or on the date, are alternatives; everything else combines.
"""

import datetime
from collections.abc import Sequence

from qasearch.index import subject_key
from qasearch.records import Condition
from qasearch.stores.rows import lot_number


def milvus_filter(conditions: Sequence[Condition]) -> str:
    """The filter of Milvus for passages, by the fields ``subjects`` and ``day``."""
    subjects, same_day, bounds = _sorted(conditions)
    clauses = [f"day {op} {day}" for op, day in bounds]
    if subjects:
        clauses.append(f"array_contains_any(subjects, {[lot_number(key) for key in subjects]})")
    if same_day:
        clauses.append(f"day in {same_day}")
    if same_day or bounds:
        clauses.append("day > 0")
    return " and ".join(clauses)


def postgres_filter(conditions: Sequence[Condition]) -> tuple[str, dict[str, object]]:
    """A condition of SQL on the columns ``subjects`` and ``day``, and its parameters."""
    subjects, same_day, bounds = _sorted(conditions)
    parameters: dict[str, object] = {f"day{i}": day for i, (_, day) in enumerate(bounds)}
    clauses = ["TRUE", *(f"day {op} %(day{i})s" for i, (op, _) in enumerate(bounds))]
    if subjects:
        clauses.append("subjects && %(subjects)s::text[]")
        parameters["subjects"] = subjects
    if same_day:
        clauses.append("day = ANY(%(days)s::bigint[])")
        parameters["days"] = same_day
    if same_day or bounds:
        clauses.append("day > 0")
    return " AND ".join(clauses), parameters


def _sorted(
    conditions: Sequence[Condition],
) -> tuple[list[str], list[int], list[tuple[str, int]]]:
    """Keys of subjects, days that are alternatives, and bounds on the day."""
    subjects: list[str] = []
    same_day: list[int] = []
    bounds: list[tuple[str, int]] = []
    for condition in conditions:
        if condition.field == "subject":
            subjects.append(subject_key(condition.value))
            continue
        day = datetime.date.fromisoformat(condition.value).toordinal()
        if condition.op == "=":
            same_day.append(day)
        else:
            bounds.append((condition.op, day))
    return subjects, same_day, bounds
