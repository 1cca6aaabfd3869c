"""From entries to the rows of an engine's tables."""

from collections.abc import Iterable

from qasearch.index import lot, subject_key, terms
from qasearch.ingest import passage_text
from qasearch.records import Article, Passage
from qasearch.storage import Entry
from qasearch.stores.documents import article_bytes, digest, packed
from qasearch.stores.engine import (
    LONGEST_WORDS,
    MOST_PASSAGES,
    PASSAGE_BITS,
    ArticleRow,
    PassageRow,
)


def lot_number(text: str) -> int:
    """The first 63 bits of a hash of a text."""
    return int.from_bytes(lot(text)[:8], "big") >> 1


def article_row(entry: Entry, row: int) -> ArticleRow:
    """What an engine keeps of an entry, as an article of that row.

    Raises:
        ValueError: it has more passages than rows can number.
    """
    article = entry.article
    if len(article.passages) > MOST_PASSAGES:
        raise ValueError(
            f"Article {article.id!r} has {len(article.passages):,} passages; a store takes "
            f"{MOST_PASSAGES:,}. Split it."
        )
    data = article_bytes(article)
    return ArticleRow(
        row=row,
        id=article.id,
        digest=digest(data),
        lot=lot_number(article.id),
        day=article.date.toordinal() if article.date else 0,
        subjects=tuple(sorted({subject_key(subject) for subject in article.subjects})),
        labels=article.subjects,
        question=entry.question,
        codes=entry.question_codes.tobytes(),
        record=packed(data),
        passages=tuple(
            PassageRow(
                (row << PASSAGE_BITS) + place,
                entry.vectors[place],
                entry.codes[place].tobytes() if entry.codes else b"",
                passage.kind == "point",
                _words(article, passage),
            )
            for place, passage in enumerate(article.passages)
        ),
    )


def _words(article: Article, passage: Passage) -> str:
    return _cut(terms(passage_text(article, passage)))


def _cut(words: Iterable[str]) -> str:
    """The words with a space between, as many as there is room for."""
    text = " ".join(words)
    if len(text.encode()) <= LONGEST_WORDS:
        return text
    cut = text.encode()[:LONGEST_WORDS].decode(errors="ignore")
    return cut.rpartition(" ")[0]
