"""The grammar of ``--where``: FIELD=VALUE, or a comparison of dates."""

import re
from collections.abc import Iterable

_CONDITION = re.compile(r"\s*([^<>=\s]+)\s*(<=|>=|<|>|=)\s*(\S.*?)\s*", re.DOTALL)


def parse_where(texts: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """Read conditions: for each field its (operator, value) pairs, in the order given.

    Raises:
        ValueError: a text is not a condition. Whether field and value exist is the index's affair.
    """
    where: dict[str, list[tuple[str, str]]] = {}
    for text in texts:
        match = _CONDITION.fullmatch(text)
        if not match:
            raise ValueError(
                f"{text!r} is not a condition; write subject=Sociology or 'date>=2024-12-01'."
            )
        field, op, value = match.groups()
        where.setdefault(field, []).append((op, value))
    return where
