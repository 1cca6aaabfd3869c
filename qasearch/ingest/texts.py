"""What is embedded of an article: its question, and each passage with the question in front."""

from collections.abc import Sequence
from typing import Final

from qasearch.ingest.headings import split_number
from qasearch.ingest.lines import BULLET, MARKER, Kind, scan
from qasearch.records import Article, Passage

_LONGEST_BLOCK: Final = 300
_SIGNS: Final = frozenset("#|-+*_=(0123456789•‣◦")
"""What a line begins with that is more than text."""


def question_text(article: Article) -> str:
    """The question on one line."""
    return _on_one_line(article.question)


def passage_text(article: Article, passage: Passage) -> str:
    """What is embedded for a passage."""
    return joined_text(article.question, passage.section_path, passage.title, passage.text)


def joined_text(question: str, sections: Sequence[str], title: str | None, body: str) -> str:
    """What is embedded for a passage: question, sections, title and body, a line each.

    Titles alone are ambiguous, so the question comes first. No number that only counts is in it,
    neither the point's own nor those of sections and nested items: the digits of a query must not
    match them. Bullets lose their signs, formulas stay, and of each table or code block the first
    300 characters are kept.
    """
    path = " > ".join(split_number(section)[1] for section in sections)
    said = ": ".join(part for part in (title, _flat(body)) if part)
    return "\n".join(part for part in (_on_one_line(question), path, said) if part)


def _flat(text: str) -> str:
    """The text on one line, without the signs that lay it out."""
    if _is_plain(text):
        return _on_one_line(text.replace("**", ""))
    shown: list[str] = []
    block: Kind | None = None
    room = 0
    for line in scan(text)[0]:
        words = _words(text[line.start : line.end], line.kind)
        if line.kind in (Kind.CODE, Kind.TABLE):
            room = room if line.kind is block else _LONGEST_BLOCK
            words = words[:room].rstrip()
            room -= len(words)
        block = line.kind
        shown.append(words)
    return " ".join(words for words in shown if words)


def _is_plain(text: str) -> bool:
    """Tell a text, as most are, of which no line needs a closer look."""
    if any(sign in text for sign in ("```", "~~~", "$$")):
        return False
    return not any(line.lstrip()[:1] in _SIGNS for line in text.split("\n"))


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _words(line: str, kind: Kind) -> str:
    """A line without its bullet, number or heading sign, its fence or the rules of a table."""
    if kind is Kind.RULE or (kind is Kind.CODE and line.startswith(("```", "~~~"))):
        return ""
    if kind is Kind.TABLE:
        line = " ".join(cell for cell in line.split("|") if cell.strip("-: "))
    elif kind is Kind.HEADING:
        line = line.lstrip("#")
    elif kind is Kind.BULLET:
        line = BULLET.sub("", line, count=1)
    elif kind is Kind.MARKER:
        line = MARKER.sub("", line, count=1)
    if kind is not Kind.CODE:
        line = line.replace("**", "")
    return _on_one_line(line)
