"""Rows of PostgreSQL: what the columns hold of an article or passage."""

from collections.abc import Iterator, Sequence

from qasearch.stores.engine import PASSAGE_BITS, ArticleRow

_MOST_POSITIONS = 255
"""Of one word in a ``tsvector``; BM25 hardly tells 255 occurrences from more."""


def article_values(article: ArticleRow) -> tuple[object, ...]:
    """The columns of an article."""
    return (
        article.row,
        article.id,
        article.digest,
        article.lot,
        article.day,
        list(article.subjects),
        list(article.labels),
        len(article.passages),
        article.question,
        article.codes,
        article.record,
    )


def passage_values(article: ArticleRow) -> Iterator[tuple[object, ...]]:
    """The columns of each passage of an article."""
    for passage in article.passages:
        terms = passage.words.split()
        yield (
            passage.row,
            passage.row >> PASSAGE_BITS,
            article.day,
            list(article.subjects),
            passage.vector,
            passage.codes,
            passage.point,
            _tsvector(terms),
            len(terms),
        )


def _tsvector(terms: Sequence[str]) -> str:
    """Words with as many positions as they have occurrences."""
    counts: dict[str, int] = {}
    for term in terms:
        counts[term] = counts.get(term, 0) + 1
    return " ".join(
        f"{quoted(term)}:{','.join(map(str, range(1, min(count, _MOST_POSITIONS) + 1)))}"
        for term, count in counts.items()
    )


def quoted(term: str) -> str:
    """A term as ``tsvector`` and ``tsquery`` read it."""
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"
