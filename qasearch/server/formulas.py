r"""Formulas in answers: found in Markdown, shown as MathML, which browsers draw without a script.

``$x$`` and ``\(x\)`` stand in a line, ``$$x$$`` and ``\[x\]`` on their own. A dollar may be money,
so what lies between two of them must look like a formula.
"""

import html
import re
import xml.etree.ElementTree as ET
from functools import lru_cache

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

LONGEST_FORMULA = 2_000

_DELIMITERS = (("$$", "$$", True), ("\\[", "\\]", True), ("\\(", "\\)", False), ("$", "$", False))
"""What opens and what closes a formula, and whether it stands on its own line."""

_TEXT = re.compile(r"\\[a-z]*(?:text|rm|operatorname)[a-z]*\s*\{[^{}]*\}")
_PROSE = re.compile(r"(?<![\\a-zA-Z])[A-Za-z]{3,}[,;]?\s+[A-Za-z]{3,}")
"""Two words in a row: no formula has them outside of ``\\text{...}``."""

_MATHML = "{http://www.w3.org/1998/Math/MathML}"
_ELEMENTS = {
    "math", "mfrac", "mi", "mn", "mo", "mover", "mpadded", "mphantom", "mroot", "mrow", "mspace",
    "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder",
    "munderover",
}  # fmt: skip
_ATTRIBUTES = {
    "accent", "accentunder", "columnalign", "columnlines", "depth", "display", "displaystyle",
    "fence", "form", "height", "largeop", "linethickness", "lspace", "mathvariant", "maxsize",
    "minsize", "movablelimits", "rowlines", "rspace", "scriptlevel", "separator", "stretchy",
    "voffset", "width",
}  # fmt: skip
_VALUE = re.compile(r"[\w .%+-]*", re.ASCII)


def formulas(markdown: MarkdownIt) -> None:
    """Teach a Markdown parser formulas: tokens ``formula`` with TeX as their content."""
    markdown.inline.ruler.before("escape", "formula", _inline_rule)
    markdown.block.ruler.before(
        "fence", "formula", _block_rule, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


@lru_cache(maxsize=4_096)
def to_mathml(tex: str, *, display: bool) -> str:
    """Show a formula; as it was written, when it cannot be drawn.

    The result is safe to put into a page, whatever the formula says: elements and attributes are
    those of a fixed list, and everything else is text.
    """
    try:
        if len(tex) > LONGEST_FORMULA:
            raise ValueError("too long to be a formula")
        root = ET.fromstring(convert(tex, display="block" if display else "inline"))
        _check(root)
    # The converter raises errors of many kinds for what is not TeX, IndexError and KeyError too.
    except Exception:
        return f'<code class="formula">{html.escape(tex)}</code>'
    drawn = ET.tostring(root, encoding="unicode", short_empty_elements=False)
    return f'<span class="formula">{drawn}</span>' if display else drawn


def _check(element: ET.Element) -> None:
    """Keep what draws a formula, and nothing that links, styles or runs.

    Raises:
        ValueError: there is an element of another kind, or a command that was not understood.
    """
    name = element.tag.removeprefix(_MATHML)
    if name not in _ELEMENTS:
        raise ValueError(f"{name} draws no formula")
    if name in ("mi", "mo") and re.match(r"\\\w", element.text or ""):
        raise ValueError(f"{element.text} is not known")
    element.tag = name
    element.attrib = {
        key: value
        for key, value in element.attrib.items()
        if key in _ATTRIBUTES and _VALUE.fullmatch(value)
    }
    for child in element:
        _check(child)
    for before, middle, after in zip(element, element[1:], element[2:], strict=False):
        # The bars of a determinant, which have nothing that says so.
        if middle.tag == "mtable" and before.text == after.text and before.text in ("|", "\u2225"):
            before.attrib.update(stretchy="true", form="prefix")
            after.attrib.update(stretchy="true", form="postfix")


def _inline_rule(state: StateInline, silent: bool) -> bool:
    source, start = state.src, state.pos
    if source[start] not in "$\\":
        return False
    for opening, closing, display in _DELIMITERS:
        if not source.startswith(opening, start):
            continue
        begin = start + len(opening)
        end = _find(source, closing, begin, min(state.posMax, begin + LONGEST_FORMULA))
        if end < 0 or not source[begin:end].strip():
            continue
        if opening == "$" and not _is_formula(source, begin, end):
            continue
        if not silent:
            token = state.push("formula", "math", 0)
            token.content = source[begin:end].strip()
            token.meta = {"display": display}
        state.pos = end + len(closing)
        return True
    return False


def _find(source: str, closing: str, begin: int, stop: int) -> int:
    """Where a formula ends: at the first ``closing`` that no backslash escapes; -1 if nowhere."""
    place = source.find(closing, begin, stop)
    while place > 0 and closing[0] == "$" and source[place - 1] == "\\":
        place = source.find(closing, place + 1, stop)
    return place


def _is_formula(source: str, begin: int, end: int) -> bool:
    """Whether two dollars enclose a formula, and not the words between two prices."""
    inside = source[begin:end]
    before, after = source[begin - 2 : begin - 1], source[end + 1 : end + 2]
    return (
        not before.isalnum()
        and not after.isalnum()
        and inside[0].isspace() == inside[-1].isspace()
        and not _PROSE.search(_TEXT.sub("", inside))
    )


def _block_rule(state: StateBlock, first: int, stop: int, silent: bool) -> bool:
    if state.is_code_block(first):
        return False
    begin = state.bMarks[first] + state.tShift[first]
    for opening, closing, display in _DELIMITERS:
        if display and state.src.startswith(opening, begin):
            last = _last_line(state, first, stop, begin + len(opening), closing)
            if last is None:
                return False
            if not silent:
                text = state.getLines(first, last + 1, state.sCount[first], False).strip()
                token = state.push("formula", "math", 0)
                token.content = text[len(opening) : -len(closing)].strip()
                token.meta = {"display": True}
                token.block = True
                token.map = [first, last + 1]
            state.line = last + 1
            return True
    return False


def _last_line(state: StateBlock, first: int, stop: int, begin: int, closing: str) -> int | None:
    """The line that ends with ``closing``, before which there is no empty one."""
    for line in range(first, stop):
        start = begin if line == first else state.bMarks[line] + state.tShift[line]
        text = state.src[start : state.eMarks[line]].rstrip()
        if line > first and (not text or state.sCount[line] < state.blkIndent):
            return None
        if closing in text:
            return line if text.find(closing) == len(text) - len(closing) else None
    return None
