r"""Decode the literal ``\n`` that some exports leave where an answer had line breaks.

Such an export undid the escapes of JSON by halves: ``\\frac`` became ``\frac``, but ``\n`` stayed
two characters. So a backslash before an ``n`` is a line break, a LaTeX command (``\neq``) or code.
"""

import re
from typing import Final

from qasearch.ingest import fences

_LATEX: Final = (
    "nabla|ncong|ne|nearrow|neg|neq|newcommand|newline|nexists|ni|nleftarrow|nleq|nless|nmid"
    "|nolimits|nonumber|not|notin|nparallel|nprec|nrightarrow|nsim|nsubset|nsubseteq|nsupseteq"
    "|natural|ngeq|nu|nvdash|nwarrow|nLeftarrow|nRightarrow"
)
_BREAK: Final = re.compile(r"\\(n[A-Za-z]*)")
_COMMAND: Final = re.compile(rf"\\(?:{_LATEX})(?![A-Za-z])")
_END_OF_STRING: Final = re.compile(r"""["']\s*(?:[);,+]|<<)""")
_QUOTED: Final = ('"\\n"', "'\\n'", "`", "~~~")


def decode(text: str) -> str:
    r"""Turn each literal ``\n`` that stands for a line break into one.

    LaTeX commands that begin with an n, and ``\n`` inside the strings of a code sample, stay as
    they are; so does every other escape (``\t`` opens ``\text`` or ``\times`` far more often than
    it is a tab). Of several backslashes the one next to the n counts: ``\\n`` is a backslash and a
    line break.

    Args:
        text: an answer as loaded. With a real line break in it, it was never encoded and is
            returned unchanged.
    """
    if "\n" in text or "\\n" not in text:
        return text
    if _COMMAND.search(text) or any(sign in text for sign in _QUOTED):
        return _decode_with_care(text)
    return text.replace("\\n", "\n")


def _decode_with_care(text: str) -> str:
    breaks = list(_BREAK.finditer(text))
    stretch_ends = [*(found.start() for found in breaks[1:]), len(text)]
    lines: list[str] = []
    line_start = stretch_start = 0
    is_fence, fence, fence_behind = False, "", ""
    for found, stretch_end in zip(breaks, stretch_ends, strict=True):
        at, behind = found.start(), found.start() + 2
        if stretch_start == line_start:  # else a break was kept, in a line that marks no fence
            is_fence, fence_behind = fences.follow(fence, text[line_start:at])
        if is_fence:
            keep = False
        elif fence:
            keep = _END_OF_STRING.match(text, behind) is not None
        else:
            keep = _is_latex(text, found) or _is_quoted(
                text[stretch_start:at], text[behind:stretch_end]
            )
        stretch_start = behind
        if not keep:
            lines.append(text[line_start:at])
            line_start = behind
            fence = fence_behind
    lines.append(text[line_start:])
    return "\n".join(lines)


def _is_latex(text: str, found: re.Match[str]) -> bool:
    r"""``$$\nu = x$$`` opens a formula with the variable u; ``\ne)`` is item e) of a list."""
    return (
        _COMMAND.match(text, found.start()) is not None
        and not text.endswith("$$", 0, found.start())
        and not text.startswith(")", found.end())
    )


def _is_quoted(before: str, after: str) -> bool:
    r"""Tell ``"\n"`` and code such as `` `a\nb` `` from a line break, by the text on both sides."""
    if fences.follow("", after)[0]:
        return False
    quote = before[-1:]
    if quote and quote in "\"'`" and after.startswith(quote):
        return quote != '"' or before.count(quote) % 2 == 1
    return before.count("`") % 2 == 1 and after.count("`") % 2 == 1
