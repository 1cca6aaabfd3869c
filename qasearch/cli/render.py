"""Results for people: what a search, an article or a status looks like on a screen."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from qasearch.cli.console import Screen, Style, visible
from qasearch.cli.formats import Answer, facts, label, place
from qasearch.records import (
    Article,
    ArticleHit,
    IndexStatus,
    Passage,
    PassageHit,
    Refusal,
    RelatedResult,
    SearchResult,
)

TEXT_LINES = 6
"""Lines of a passage that a search shows; ``qasearch show`` has the rest."""

NAMED = 5
"""Stale and refused articles that a status names."""

_TITLE: tuple[Style, ...] = ("bold",)
_SECTION: tuple[Style, ...] = ("dim", "italic")

DEEPEST_INDENT = 8
"""Columns of a line's own indentation that are kept."""

_STRONG = re.compile(r"(?<![\w*])\*\*(?=\S)(.+?)(?<=\S)\*\*(?![\w*])")
"""Markdown's bold within a line; not the powers of ``2**3**4``."""

_BULLET = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s{1,4}")


def as_text(answers: Iterable[Answer], screen: Screen, *, headed: bool) -> Iterator[str]:
    """One block of lines for each answer, under its query if ``headed``."""
    for answer in answers:
        lines = _result(answer.result, screen)
        if headed:
            query = screen.paint(f"? {_one_line(answer.result.query)}", "bold", "cyan")
            lines = [query, "", *lines, ""]
        yield "\n".join(lines)


def source_text(article: Article, passage: Passage | None, source: str, screen: Screen) -> str:
    """What identifies an article (and its passage's section), then ``source`` untouched."""
    lines = [screen.paint(line, "bold") for line in _wrap(article.question, screen.width)]
    lines += article_facts(article, screen, screen.width)
    if passage and passage.section:
        lines += ["", screen.paint(visible(_one_line(passage.section)), "italic")]
    return "\n".join([*lines, "", visible(source).strip("\n")])


def status_text(status: IndexStatus, screen: Screen) -> str:
    """What an index holds, one line for each fact."""
    lines = {
        "index": status.path,
        "generation": status.generation,
        "built": status.created,
        "model": f"{status.model} ({status.dim} dimensions)",
        "fingerprint": status.fingerprint,
        "articles": f"{status.articles:,}",
        "passages": f"{status.passages:,}",
        "source files": f"{status.sources:,}",
        "stale": _named(status.stale),
        "refused": _named([_place(refusal) for refusal in status.refused]),
        "generations": ", ".join(status.generations),
        **{f"{name.replace('_', ' ')} on disk": size(b) for name, b in status.bytes.items()},
    }
    width = max(map(len, lines)) + 2
    return "\n".join(
        screen.paint(name.ljust(width), "dim") + visible(fact) for name, fact in lines.items()
    )


def related_text(found: RelatedResult, screen: Screen) -> str:
    """The articles near one, under its question."""
    head = [
        screen.paint(line, "bold", "cyan") for line in _wrap(found.article.question, screen.width)
    ]
    blocks = [_article_hit(hit, screen) for hit in found.articles]
    return "\n".join(_apart([head, *(blocks or [["No other article is there."]])]))


def _named(names: Sequence[str]) -> str:
    """How many these are, and what the first of them are called."""
    shown = ", ".join(names[:NAMED])
    more = ", ..." if len(names) > NAMED else ""
    return f"{len(names):,}: {shown}{more}" if names else "0"


def _place(refusal: Refusal) -> str:
    return refusal.path if refusal.line is None else f"{refusal.path}:{refusal.line}"


def _result(result: SearchResult, screen: Screen) -> list[str]:
    if result.verdict == "no_answer":
        return [f"No answer: nothing in {result.article_count:,} articles fits."]
    blocks = [_article_hit(hit, screen) for hit in result.articles]
    blocks += [_passage_hit(hit, screen) for hit in result.passages or ()]
    blocks += [
        [visible(f"{field}: {', '.join(f'{value} ({count})' for value, count in counts)}")]
        for field, counts in result.facets.items()
    ]
    return _apart(blocks)


def _article_hit(hit: ArticleHit, screen: Screen) -> list[str]:
    mark = f"{hit.rank:<2}"
    column = len(mark) + 1
    worth = _worth(hit)
    question = _wrap(hit.article.question, screen.width - column - len(worth) - 2)
    head = _headline(screen, "", (mark, "cyan"), (question, _TITLE), worth)
    head += [
        " " * column + line for line in article_facts(hit.article, screen, screen.width - column)
    ]
    labels = max((len(label(point.passage)) for point in hit.points), default=0)
    points = [
        _passage(point.passage, screen, " " * column, labels, _worth(point)) for point in hit.points
    ]
    return _apart([head, *points])


def _passage_hit(hit: PassageHit, screen: Screen) -> list[str]:
    mark = f"{hit.rank:<2}"
    indent = " " * (len(mark) + 1)
    id = [visible(hit.passage.id)]
    head = _headline(screen, "", (mark, "cyan"), (id, ()), _worth(hit))
    return head + _passage(hit.passage, screen, indent, len(label(hit.passage)), "")


def _passage(passage: Passage, screen: Screen, indent: str, labels: int, worth: str) -> list[str]:
    """Its label beside its title, then section and first lines; what is missing moves up."""
    column = len(indent) + labels + 1
    width = screen.width - column
    beside_worth = width - len(worth) - 2
    section = _wrap(passage.section or "", width)
    if passage.title:
        lead, styles = _wrap(passage.title, beside_worth), _TITLE
    elif passage.section:
        lead, styles, section = _wrap(passage.section, beside_worth), _SECTION, []
    else:
        lead, styles = _first_lines(passage.text, beside_worth), ()
    text = _first_lines(passage.text, width) if styles else []
    mark = label(passage).rjust(labels)
    head = _headline(screen, indent, (mark, "green"), (lead, styles), worth)
    below = [screen.paint(line, *_SECTION) for line in section]
    below += [_strong(line, screen) for line in text]
    return head + [" " * column + line for line in below]


def _headline(
    screen: Screen,
    indent: str,
    mark: tuple[str, Style],
    text: tuple[Sequence[str], Sequence[Style]],
    worth: str,
) -> list[str]:
    """A mark, wrapped text beside it, and at the right edge of its first line what it is worth."""
    (sign, sign_style), (lines, styles) = mark, text
    column = len(indent) + len(sign) + 1
    first, *rest = lines or [""]
    gap = " " * (screen.width - column - len(first) - len(worth)) if worth else ""
    sign = screen.paint(visible(sign), "bold", sign_style)
    line = f"{indent}{sign} {screen.paint(first, *styles)}{gap}{screen.paint(worth, 'dim')}"
    return [line.rstrip(), *(" " * column + screen.paint(more, *styles) for more in rest)]


def article_facts(article: Article, screen: Screen, width: int) -> list[str]:
    """Id, subjects, date and place: on one line if they fit, else the place on its own."""
    known = visible(_one_line(" · ".join(facts(article))))
    address = place(article)
    where = visible(_one_line(address))
    # A link can be followed whatever is shown of it; what is piped may be copied, so stays whole.
    if screen.rich and len(where) > width:
        where = f"{where[: width // 2]}…{where[len(where) - (width - width // 2 - 1) :]}"
    linked = screen.link(screen.paint(where, "dim"), address)
    lines = [screen.paint(line, "dim") for line in _wrap(known, width)]
    if not where:
        return lines
    if len(known) + 3 + len(where) <= width:
        return [screen.paint(f"{known} · ", "dim") + linked]
    return [*lines, linked]


def _worth(hit: ArticleHit | PassageHit) -> str:
    """The confidence where there is one, else the score."""
    return f"{hit.score:.2f}" if hit.confidence is None else f"{hit.confidence:.0%}"


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(visible(_one_line(text)), max(width, 1), break_on_hyphens=False)


def _first_lines(text: str, width: int) -> list[str]:
    """The beginning of a text, wrapped; its own lines and their bullets are kept."""
    first, _, rest = visible(text).partition("\n")
    lines: list[str] = []
    for line in (first, *textwrap.dedent(rest).split("\n")):
        lines += _wrap_bullet(line, width)
        if len(lines) > TEXT_LINES:
            last = lines[TEXT_LINES - 1]
            if len(last) > width - 2:
                last = last[: width - 2].rpartition(" ")[0] or last[: width - 2]
            return [*lines[: TEXT_LINES - 1], f"{last} …"]
    return lines


def _wrap_bullet(line: str, width: int) -> list[str]:
    """One line of a text, its indentation (some of it) kept, wrapped to hang under its bullet."""
    bare = line.lstrip()
    bullet = _BULLET.match(bare)
    indent = min(len(line) - len(bare), DEEPEST_INDENT)
    hanging = indent + (bullet.end() if bullet else 0)
    return textwrap.wrap(
        bare,
        max(width, 20),
        initial_indent=" " * indent,
        subsequent_indent=" " * hanging,
        break_on_hyphens=False,
    )


def _strong(line: str, screen: Screen) -> str:
    """Bold instead of asterisks where the screen can show it."""
    return _STRONG.sub(lambda match: screen.paint(match[1], "bold"), line) if screen.rich else line


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _apart(blocks: Sequence[Sequence[str]]) -> list[str]:
    """The lines of all blocks, an empty line between two."""
    return [line for i, block in enumerate(blocks) for line in (*([""] if i else []), *block)]


def size(bytes: int) -> str:
    """A number of bytes, with three digits or so and a unit."""
    amount = float(bytes)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
