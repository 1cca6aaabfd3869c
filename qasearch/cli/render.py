"""Results for people: what a search, an article or a status looks like on a screen."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from qasearch.cli.console import Screen, Style, unpainted, visible
from qasearch.cli.formats import Answer, facts, label, place, verdict_line
from qasearch.cli.marked import marked
from qasearch.cli.worth import Worth, explained, worth_of
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
    """What identifies an article (and its passage's section), then ``source``.

    On a terminal its long lines break between words; what is piped stays as it stands.
    """
    lines = [screen.paint(line, "bold") for line in _wrap(article.question, screen.width)]
    lines += article_facts(article, screen, screen.width)
    if passage and passage.section:
        lines += ["", screen.paint(visible(_one_line(passage.section)), "italic")]
    shown = visible(source).strip("\n")
    if screen.terminal:
        shown = "\n".join(_source_lines(shown, screen))
    return "\n".join([*lines, "", shown])


def _source_lines(source: str, screen: Screen) -> Iterator[str]:
    for line in source.split("\n"):
        yield from marked(_wrap_bullet(line, screen.width) or [""], line, (), screen)


def status_facts(status: IndexStatus) -> dict[str, str]:
    """What an index holds, each fact under its name."""
    return {
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


def status_text(status: IndexStatus, screen: Screen) -> str:
    """What an index holds, one line for each fact; a long one goes on below itself."""
    facts = status_facts(status)
    width = max(map(len, facts)) + 2
    lines: list[str] = []
    for name, fact in facts.items():
        # What is piped may be copied, so stays whole.
        shown = [visible(fact)]
        if screen.terminal:
            shown = textwrap.wrap(shown[0], screen.width - width, break_long_words=False) or [""]
        lines.append(screen.paint(name.ljust(width), "dim") + shown[0])
        lines += [" " * width + more for more in shown[1:]]
    return "\n".join(lines)


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
    blocks = [_article_hit(hit, screen) for hit in result.articles]
    blocks += [_passage_hit(hit, screen) for hit in result.passages or ()]
    if not blocks:
        return [f"No answer: nothing in {result.article_count:,} articles fits."]
    blocks += [
        [visible(f"{field}: {', '.join(f'{value} ({count})' for value, count in counts)}")]
        for field, counts in result.facets.items()
    ]
    said = verdict_line(result)
    head = [[screen.paint(said, "bold", "yellow")]] if said else []
    return _apart([*head, *blocks])


def _article_hit(hit: ArticleHit, screen: Screen) -> list[str]:
    mark = f"{hit.rank:<2}"
    indent = " " * (len(mark) + 1)
    worth = worth_of(hit, screen)
    question = _wrap(hit.article.question, screen.width - len(indent) - len(worth[0]) - 2)
    painted = [screen.paint(line, *_TITLE) for line in question]
    head = _headline(screen, "", (mark, "cyan"), painted, worth)
    facts_lines = article_facts(hit.article, screen, screen.width - len(indent))
    head += [indent + line for line in facts_lines]
    head += explained(hit.explain, screen, indent)
    labels = max((len(label(point.passage)) for point in hit.points), default=0)
    return _apart([head, *(passage_lines(point, screen, indent, labels) for point in hit.points)])


def _passage_hit(hit: PassageHit, screen: Screen) -> list[str]:
    mark = f"{hit.rank:<2}"
    indent = " " * (len(mark) + 1)
    id = [visible(hit.passage.id)]
    head = _headline(screen, "", (mark, "cyan"), id, worth_of(hit, screen))
    return head + passage_lines(hit, screen, indent, worth=("", "dim"))


def passage_lines(
    hit: PassageHit, screen: Screen, indent: str, labels: int = 0, *, worth: Worth | None = None
) -> list[str]:
    """Its label beside its title, then section and first lines; what is missing moves up.

    Args:
        hit: the passage.
        screen: to fill.
        indent: of all lines.
        labels: columns of the widest label of the passages shown together.
        worth: at the right edge; of the hit if None.
    """
    passage = hit.passage
    mark = label(passage).rjust(labels)
    worth = worth_of(hit, screen) if worth is None else worth
    below = " " * (len(indent) + len(mark) + 1)
    width = screen.width - len(below)
    beside = width - len(worth[0]) - 2
    section = [screen.paint(line, *_SECTION) for line in _wrap(passage.section or "", width)]
    text: list[str] = []
    if passage.title or passage.section:
        styles = _TITLE if passage.title else _SECTION
        lead = _wrap(passage.title or passage.section or "", beside)
        painted = [screen.paint(line, *styles) for line in lead]
        section = section if passage.title else []
        text = _first_lines(passage.text, width)
        text = marked(text, passage.text, hit.highlights, screen)
    else:
        lead = _first_lines(passage.text, beside)
        painted = marked(lead, passage.text, hit.highlights, screen)
    head = _headline(screen, indent, (mark, "green"), painted, worth)
    lines = [below + line for line in (*section, *text)]
    return [*head, *lines, *explained(hit.explain, screen, below)]


def _headline(
    screen: Screen,
    indent: str,
    mark: tuple[str, Style],
    text: Sequence[str],
    worth: Worth,
) -> list[str]:
    """A mark, wrapped text beside it, and at the right edge of its first line what it is worth."""
    (sign, sign_style), (value, colour) = mark, worth
    column = len(indent) + len(sign) + 1
    first, *rest = text or [""]
    length = len(unpainted(first))
    gap = " " * (screen.width - column - length - len(value)) if value else ""
    sign = screen.paint(visible(sign), "bold", sign_style)
    line = f"{indent}{sign} {first}{gap}{screen.paint(value, colour)}"
    return [line.rstrip(), *(" " * column + more for more in rest)]


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
