"""Follow code fences from line to line."""

import re
from typing import Final

_OPENING: Final = re.compile(r"\s*(?:(?:[-*+•]|\d{1,3}[.)])\s+)?(`{3,}(?=[^`]*$)|~{3,})")


def follow(fence: str, line: str) -> tuple[bool, str]:
    """Take one line further through code fences, as CommonMark reads them.

    Args:
        fence: the marks that opened the fence around ``line``; empty outside one.
        line: one line, without its end. A fence may open behind a list marker.

    Returns:
        Whether the line opens or closes a fence, and the state behind it.
    """
    if fence:
        marks = line.strip()
        closes = marks.startswith(fence) and not marks.strip(fence[0])
        return closes, "" if closes else fence
    opening = _OPENING.match(line)
    return (True, opening[1]) if opening else (False, "")
