"""Markdown of other people made safe and readable.

Three fences, one behind the other: the parser knows no HTML, so that what looks like a tag is text;
what it writes passes an allow-list without images, styles and scripts; and the policy of every page
lets nothing run that is not ours. Formulas are drawn last, by a list of their own.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from qasearch.server.formulas import formulas, to_mathml

Span = tuple[int, int]

# Signs of ours while a text is on its way through the parser. Content has none of them: they stand
# for no character, and are taken out of it first.
_MARK, _END, _FORMULA, _STOP = "\ue000", "\ue001", "\ue002", "\ue003"
_SIGNS = str.maketrans(dict.fromkeys((_MARK, _END, _FORMULA, _STOP), "\ufffd"))

_BULLET = re.compile(r"^\s*([-*+•]|\d{1,9}[.)])\s", re.MULTILINE)

_CLEANER = nh3.Cleaner(
    tags={
        *("p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "blockquote", "ol", "ul", "li", "pre"),
        *("code", "strong", "em", "s", "a", "table", "thead", "tbody", "tr", "th", "td", "div"),
    },
    clean_content_tags={"script", "style"},
    attributes={
        "a": {"href"},
        "ol": {"start"},
        "li": {"value", "id"},
        **{tag: {"id"} for tag in ("p", "h2", "h3", "h4", "h5", "h6", "code", "blockquote")},
    },
    allowed_classes={"th": {"right", "center"}, "td": {"right", "center"}, "div": {"wide"}},
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
)


class _Parser(MarkdownIt):
    """markdown-it, whose links lead where they did before there were signs in the text."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802  the name is the library's
        return super().normalizeLink(re.sub(f"[{_MARK}{_END}]", "", url))


def _parser(preset: str) -> MarkdownIt:
    parser = _Parser(preset, {"html": False, "linkify": False, "typographer": False})
    formulas(parser)
    parser.add_render_rule("formula", _draw_later)
    parser.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return parser


def _draw_later(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any
) -> str:
    """Leave a sign where a formula goes: what draws it must not pass the allow-list of text."""
    token = tokens[place]
    tex = re.sub(f"[{_MARK}{_END}]", "", token.content)
    env["formulas"].append(to_mathml(tex, display=token.meta["display"]))
    sign = f"{_FORMULA}{len(env['formulas']) - 1}{_STOP}"
    return f"<div>{sign}</div>\n" if token.block else sign


_BLOCKS = _parser("js-default")
_WORDS = _parser("zero").enable("backticks")


@lru_cache(maxsize=4_096)
def line(text: str) -> Markup:
    """A question or a title: plain words, with code and formulas but no other Markdown."""
    env: dict[str, Any] = {"formulas": []}
    return _finish(_WORDS.renderInline(text.translate(_SIGNS), env), env)


@lru_cache(maxsize=4_096)
def excerpt(text: str, highlights: tuple[Span, ...] = ()) -> Markup:
    """The text of a passage; its highlights marked, its headings no headings of the page."""
    marked = _dedent(_marked(text.translate(_SIGNS), highlights))
    env: dict[str, Any] = {"formulas": []}
    tokens = _BLOCKS.parse(marked, env)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "p"
    return _finish(_render(tokens, env), env)


def whole(text: str, anchors: Mapping[int, str]) -> Markup:
    """A whole answer, its topmost headings right below the page's own.

    Args:
        text: Markdown.
        anchors: for a line of ``text``, counted from 0, the id of what begins there.
    """
    env: dict[str, Any] = {"formulas": []}
    tokens = _BLOCKS.parse(text.translate(_SIGNS), env)
    headings = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) - min(headings) + 2, 6)}"
    _place(anchors, tokens)
    return _finish(_render(tokens, env), env)


def _place(anchors: Mapping[int, str], tokens: Sequence[Token]) -> None:
    """Give each id to the block that begins in its line, or else to the last one before it."""
    blocks = [
        token
        for token in tokens
        if token.map is not None
        and (token.nesting == 1 or token.type in ("fence", "code_block"))
        and token.type not in ("ordered_list_open", "bullet_list_open", "table_open")
    ]
    for line, id in anchors.items():
        before = [token for token in blocks if token.map and token.map[0] <= line]
        begins = [token for token in before if token.map and token.map[0] == line]
        for token in (*begins, *reversed(before)):
            if token.attrGet("id") is None:
                token.attrSet("id", id)
                break


def _render(tokens: Sequence[Token], env: dict[str, Any]) -> str:
    for token in tokens:
        _adjust(token)
    return _BLOCKS.renderer.render(tokens, _BLOCKS.options, env)


def _adjust(token: Token) -> None:
    """Make of a token what the allow-list and the policy of the page let through."""
    style = token.attrGet("style")
    if token.type == "list_item_open" and token.info:
        token.attrSet("value", token.info)  # the number as printed, whatever came before it
    elif isinstance(style, str):
        token.attrSet("class", style.removeprefix("text-align:"))
    elif token.type == "image":
        token.type, token.content = "text", f"[image: {token.content}]"
    for child in token.children or ():
        _adjust(child)


def _finish(written: str, env: dict[str, Any]) -> Markup:
    """Clean what the parser wrote, mark what is highlighted, and draw the formulas."""
    clean = _with_marks(_CLEANER.clean(written))
    drawn = re.sub(f"{_FORMULA}([0-9]+){_STOP}", lambda sign: env["formulas"][int(sign[1])], clean)
    return Markup(drawn)


def _marked(text: str, highlights: Sequence[Span]) -> str:
    """Put signs around what is highlighted."""
    parts: list[str] = []
    done = 0
    for start, end in sorted(highlights):
        if done <= start < end <= len(text):
            parts += [text[done:start], _MARK, text[start:end], _END]
            done = end
    return "".join([*parts, text[done:]])


def _with_marks(clean: str) -> str:
    """Turn signs into elements, each within one element of the text."""
    parts: list[str] = []
    inside = False
    for piece in re.split(f"(<[^>]*>|[{_MARK}{_END}])", clean):
        if piece in (_MARK, _END):
            inside = piece == _MARK
        elif inside and piece and not piece.startswith("<"):
            parts.append(f"<mark>{piece}</mark>")
        else:
            parts.append(piece)
    return "".join(parts)


def _dedent(text: str) -> str:
    """Bring the lines below the first to the margin: they were indented under a number.

    Not where they are indented under a mark that is still there: bullets under a number.
    """
    first, newline, rest = text.partition("\n")
    mark, below = _BULLET.match(first), _BULLET.search(rest)
    if mark and not (below and below[1] == mark[1]):
        return text
    return first + newline + textwrap.dedent(rest)
