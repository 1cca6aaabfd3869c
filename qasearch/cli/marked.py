"""Lines of a wrapped text with what is bold in it: words that match a query, Markdown's own bold.

Wrapping moves white space and nothing else, so what stands where is told by counting the rest.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from qasearch.cli.console import Screen, visible

_STRONG = re.compile(r"(?<![\w*])\*\*(?=\S)(.+?)(?<=\S)\*\*(?![\w*])")
"""Markdown's bold within a line; not the powers of ``2**3**4``."""


def marked(
    lines: Sequence[str], text: str, spans: Iterable[tuple[int, int]], screen: Screen
) -> list[str]:
    """Paint the lines that the beginning of a text was wrapped to.

    Args:
        lines: already ``visible``.
        text: as it was before.
        spans: (start, end) code points of what is bold in it, ascending.
        screen: a plain one shows the lines as they are.
    """
    if not screen.rich:
        return list(lines)
    bold = _bold(text, spans)
    return ["".join(_pieces(line, bold, screen)) for line in lines]


def _bold(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[bool]:
    """Whether each character that is no white space is bold, as the text is made visible."""
    last = 0
    for start, end in spans:
        yield from (False for _ in _solid(text[last:start]))
        yield from (True for _ in _solid(text[start:end]))
        last = end
    yield from (False for _ in _solid(text[last:]))


def _solid(text: str) -> Iterator[str]:
    return (character for character in visible(text) if not character.isspace())


def _pieces(line: str, bold: Iterator[bool], screen: Screen) -> Iterator[str]:
    """The line, painted; a white space between two that are bold is bold too."""
    styles = [None if character.isspace() else next(bold, False) for character in line]
    for match in _STRONG.finditer(line):
        styles[match.start(1) : match.end(1)] = [True] * len(match[1])
    for i, style in enumerate(styles):
        styles[i] = (i > 0 and styles[i - 1]) if style is None else style
    hidden = {i for match in _STRONG.finditer(line) for i in _asterisks(match)}
    shown = [i for i in range(len(line)) if i not in hidden]
    for is_bold, places in groupby(shown, key=lambda i: bool(styles[i])):
        piece = "".join(line[i] for i in places)
        solid = piece.rstrip()
        yield (screen.paint(solid, "bold") + piece[len(solid) :]) if is_bold else piece


def _asterisks(strong: re.Match[str]) -> tuple[int, ...]:
    start, end = strong.span()
    return start, start + 1, end - 2, end - 1
