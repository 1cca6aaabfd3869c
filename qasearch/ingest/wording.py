"""Recognise by its first words what a heading or a paragraph is for."""

import re
from typing import Final

_SUMMARY_HEADING: Final = re.compile(
    r"(?:in\s+)?(?:conclusions?|summary)|(?:final|concluding)\s+(?:thoughts|remarks)"
    r"|key\s+takeaways?",
    re.IGNORECASE,
)
_SUMMARY_CUE: Final = re.compile(
    r"""[*_]*(?:
        in\ (?:summary|conclusion|essence|short|brief|closing)\b
      | (?:overall|ultimately|all\ in\ all|in\ the\ end)\b
      | to\ (?:summari[sz]e|sum\ up|conclude)\b
      | (?:summary|conclusion)[*_]*:
      | by\ (?:\w+ly\ )?\w+ing\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_LOOKING_BACK: Final = re.compile(
    r"[*_]*(?:this|these|each of|all of|both|together|through(?:out)? th(?:is|ese)"
    r"|understanding|recognizing)\b",
    re.IGNORECASE,
)
_CONNECTOR: Final = re.compile(
    r"""(?:
        where | here | then | thus | therefore | hence | so | substituting | solving | simplifying
      | using | which | if | let | note\ that | in\ this\ (?:case|equation|formula)
      | this\ (?:equation|formula|expression|derivative|integral|value|result)
      | this\ (?:means|gives|shows|yields|implies|simplifies)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_WHERE: Final = re.compile(r"(?:^|\s)where:$", re.IGNORECASE)
_FORMULA: Final = re.compile(r"[-*+•‣◦]\s+[*]*(?:\$|\\\()")
_REFUSAL: Final = re.compile(r"I (?:cannot|can't|am (?:unable|not able) to) answer\b")


def names_summary(heading: str) -> bool:
    """Tell a heading that announces the closing words."""
    return _SUMMARY_HEADING.fullmatch(heading) is not None


def sums_up(paragraph: str) -> bool:
    """Tell a closing paragraph by its cue: "In summary", "Overall", "By following these"."""
    return _SUMMARY_CUE.match(paragraph) is not None


def introduces_summary(paragraph: str) -> bool:
    """Tell the cues that may announce a list: "In summary, the differences are:"."""
    return sums_up(paragraph) and not paragraph.lower().startswith("by ")


def looks_back(paragraph: str) -> bool:
    """Tell a paragraph that speaks of all that stood before it: "These steps", "Both methods"."""
    return _LOOKING_BACK.match(paragraph) is not None


def explains_formula(paragraph: str) -> bool:
    """Tell a paragraph that goes on from the formula or code above it: "where", "Thus"."""
    return paragraph[:1].islower() or _CONNECTOR.match(paragraph) is not None


def announces_symbols(line: str) -> bool:
    """Tell a line that ends in "where:"."""
    return _WHERE.search(line, max(0, len(line) - 7)) is not None


def opens_with_formula(bullet: str) -> bool:
    r"""Tell a bullet whose first word is a formula, such as ``$x$`` or ``\(x\)``."""
    return _FORMULA.match(bullet) is not None


def refuses(answer: str) -> bool:
    """Tell an answer that only says that there is none."""
    return _REFUSAL.match(answer) is not None
