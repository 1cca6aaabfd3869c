"""Split an answer into its numbered points, and into passages where it has none."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from qasearch.ingest import wording
from qasearch.ingest.blocks import Text
from qasearch.ingest.lines import Kind, scan
from qasearch.ingest.outline import Outliner
from qasearch.ingest.parts import Part
from qasearch.records import Article, Passage

_FEWEST_WORDS: Final = 5
_NUMBERING: Final = "0123456789.()*_\\ "
_MID_SENTENCE: Final = ",;(\N{EN DASH}\N{EM DASH}-"


@dataclass(frozen=True, slots=True)
class Outline:
    """How an answer is built.

    Attributes:
        parts: disjoint, in order; together they cover every character that is not blank. The
            bullets of a section that are passages too lie inside the section's part; a section
            intro or lead-in long enough to be a passage is a part under its own kind.
        passages: in order, ``seq`` from 1; at least one unless the answer is blank.
        intro: what stands before the first point or heading; None without either.
        summary: the closing words.
        flags: ``no_points``, ``refusal``, ``truncated``, ``unclosed_fence``; sorted.
        warnings: what looks wrong, as readable lines; line numbers count in the decoded answer.
    """

    parts: tuple[Part, ...]
    passages: tuple[Passage, ...]
    intro: str | None
    summary: str | None
    flags: tuple[str, ...]
    warnings: tuple[str, ...]


def split(answer: str, *, article_id: str = "") -> Outline:
    """Split an answer. Any text is accepted, and no character of it is lost or changed.

    Args:
        answer: the decoded text (see ``linebreaks.decode``).
        article_id: the article that the passages name as theirs.
    """
    lines, unclosed_fence = scan(answer)
    text = Text(answer, lines)
    outliner = Outliner(text, article_id)
    outliner.walk()
    found = outliner.found
    flags = {
        "no_points": not any(passage.kind == "point" for passage in found.passages),
        "refusal": wording.refuses(answer),
        "truncated": _is_cut_off(text, found.passages),
        "unclosed_fence": unclosed_fence is not None,
    }
    return Outline(
        parts=tuple(found.parts),
        passages=tuple(found.passages),
        intro=outliner.intro,
        summary=outliner.summary,
        flags=tuple(flag for flag, holds in flags.items() if holds),
        warnings=() if unclosed_fence is None else (f"line {unclosed_fence}: unclosed code fence",),
    )


def split_article(article: Article) -> Article:
    """Fill in the passages, intro, summary and flags of an article; flags it has are kept."""
    outline = split(article.answer, article_id=article.id)
    return replace(
        article,
        intro=outline.intro,
        summary=outline.summary,
        passages=outline.passages,
        flags=tuple(sorted({*article.flags, *outline.flags})),
    )


def split_all(
    articles: Iterable[Article], on_warning: Callable[[str], None] | None = None
) -> list[Article]:
    """Split articles that were read, in their order, and warn of what looks wrong in them.

    Args:
        articles: those with passages are taken as they are.
        on_warning: told of each code fence that is never closed.
    """
    done = [article if article.passages else split_article(article) for article in articles]
    for article in done:
        if on_warning and "unclosed_fence" in article.flags:
            on_warning(f"{', '.join(article.paths) or article.id}: a code fence is never closed")
    return done


def _is_cut_off(text: Text, passages: list[Passage]) -> bool:
    """Tell an answer that stops in the middle of a sentence, or behind a title."""
    last = text.last_line()
    if last < 0:
        return False
    line, kind = text.line(last), text.lines[last].kind
    mid_sentence = line[-1].isalnum() or line[-1] in _MID_SENTENCE
    if kind is Kind.HEADING:
        return line.startswith("#")
    if kind is Kind.TEXT:
        return mid_sentence and len(line.split()) >= _FEWEST_WORDS
    if kind not in (Kind.BULLET, Kind.MARKER):
        return False
    above = (i for i in range(last - 1, -1, -1) if text.lines[i].kind is kind)
    sibling = text.line(next(above, last)).lstrip(_NUMBERING)
    has_sentences = ". " in line.lstrip(_NUMBERING) or sibling.endswith(".")
    return (
        line.count("**") % 2 == 1
        or (mid_sentence and has_sentences)
        or (kind is Kind.MARKER and _is_bare_among_others(passages))
    )


def _is_bare_among_others(passages: list[Passage]) -> bool:
    """Tell a last point that is only a title, where others of its run say more."""
    last = passages[-1]
    return (
        last.kind == "point"
        and not last.text
        and any(other.text for other in passages if other.run == last.run)
    )
