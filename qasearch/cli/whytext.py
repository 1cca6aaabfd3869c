"""Why an article was found, or not, for people."""

import textwrap
from collections.abc import Sequence

from qasearch.cli.console import Screen, visible
from qasearch.cli.render import article_facts, passage_lines
from qasearch.records import Mode, WhyResult

_PROPOSERS: dict[Mode, tuple[str, ...]] = {
    "hybrid": ("vectors", "words"),
    "dense": ("vectors",),
    "lexical": ("words",),
}
"""What proposes passages in each mode."""


def why_text(told: WhyResult, screen: Screen) -> str:
    """Where it ended, its best passage, and the words that this has and lacks."""
    question = " ".join(told.article.question.split())
    lines = [screen.paint(line, "bold", "cyan") for line in _wrap(question, screen)]
    lines += article_facts(told.article, screen, screen.width)
    found = told.outcome == "found"
    colour = "green" if found else "red"
    lines += ["", *(screen.paint(line, "bold", colour) for line in _wrap(_outcome(told), screen))]
    lines += _wrap(_proposals(told), screen)
    if told.passage is None:
        return "\n".join([*lines, "", "It has no passage."])
    lines += ["", "Its best passage:", "", *passage_lines(told.passage, screen, "  "), ""]
    lines += _list("words of the query it has", told.words, screen)
    lines += _list("words it lacks", told.missing, screen)
    return "\n".join(lines)


def _outcome(told: WhyResult) -> str:
    """The step where it ended, as a sentence."""
    match told.outcome:
        case "found":
            return f"Found at rank {told.rank}{_sure(told)}."
        case "filtered":
            return "Left out by the filter (--where); among all articles it would stand so:"
        case "no_candidate":
            best = " and ".join(
                f"the best {told.depth} by {name}" for name in _PROPOSERS[told.mode]
            )
            return f"Not ranked: no passage of it is among the candidates, which are {best}."
        case "folded":
            return (
                f"Folded under {told.folded_under}, which asks the same and ranks better: "
                f"rank {told.rank}{_sure(told)}."
            )
        case "below_k":
            beside = f", folded under {told.folded_under}" if told.folded_under else ""
            return (
                f"Ranked below those wanted: rank {told.rank} of {told.candidates}{beside}, "
                f"where {told.k} were wanted (-k)."
            )
        case "low_confidence":
            return (
                f"Left out by --min-confidence {told.min_confidence:g}: rank {told.rank}"
                f"{_sure(told)}."
            )


def _sure(told: WhyResult) -> str:
    return "" if told.confidence is None else f", confidence {told.confidence:.1%}"


def _proposals(told: WhyResult) -> str:
    """How near its passages came to being candidates."""
    ranks = {"vectors": told.vector_rank, "words": told.word_rank}
    names = _PROPOSERS[told.mode]
    said = [f"{ranks[name]:,} by {name}" for name in names if ranks[name] is not None]
    if not said:
        return ""
    of_each = " of each" if len(names) > 1 else ""
    return (
        f"Of {told.passage_count:,} passages its best is number {', and number '.join(said)}; "
        f"the first {told.depth}{of_each} are candidates."
    )


def _list(name: str, words: Sequence[str], screen: Screen) -> list[str]:
    lines = _wrap(f"{name}: {', '.join(words) or 'none'}", screen)
    return [screen.paint(line, "dim") for line in lines]


def _wrap(text: str, screen: Screen) -> list[str]:
    return textwrap.wrap(visible(text), screen.width, break_on_hyphens=False)
