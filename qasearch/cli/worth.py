"""What a hit is worth, for people: its confidence as a meter, and what its score is made of."""

import textwrap
from collections.abc import Mapping
from typing import TypeAlias

from qasearch.cli.console import Screen, Style
from qasearch.records import ArticleHit, PassageHit, SignalPart, Verdict, verdict_of

Worth: TypeAlias = tuple[str, Style]
"""A short text and its colour."""

CELLS = 5
"""Of a full meter."""


def worth_of(hit: ArticleHit | PassageHit, screen: Screen) -> Worth:
    """The confidence where there is one, else the score; a meter too where colours are welcome."""
    if hit.confidence is None:
        return f"{hit.score:.2f}", "dim"
    percent = f"{hit.confidence:.0%}"
    if not screen.rich:
        return percent, "dim"
    full = round(CELLS * hit.confidence)
    return f"{'▰' * full}{'▱' * (CELLS - full)} {percent:>4}", _colour(hit.confidence)


def explained(parts: Mapping[str, SignalPart] | None, screen: Screen, indent: str) -> list[str]:
    """Each signal's score, weight and rank, on as few lines as they take; none if not asked for."""
    if not parts:
        return []
    # A part stays together: what is a blank within it becomes one after the wrapping.
    line = " · ".join(_part(name, part).replace(" ", "\0") for name, part in parts.items())
    lines = textwrap.wrap(line, screen.width - len(indent), break_on_hyphens=False)
    return [indent + screen.paint(line.replace("\0", " "), "dim") for line in lines]


def _part(name: str, part: SignalPart) -> str:
    rank = "" if part.rank is None else f" #{part.rank}"
    return f"{name} {part.score:.2f} x {part.weight:.2f}{rank}"


def _colour(confidence: float) -> Style:
    """Of the verdict that it gives alone."""
    colours: dict[Verdict, Style] = {"answer": "green", "related": "yellow", "no_answer": "red"}
    return colours[verdict_of(confidence)]
