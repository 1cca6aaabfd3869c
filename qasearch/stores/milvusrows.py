"""Rows of Milvus: what each field holds of an article or passage, and what is read of it."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from qasearch.stores.engine import PASSAGE_BITS, ArticleRow, Kept
from qasearch.stores.milvuscollections import ROWS_AT_ONCE
from qasearch.stores.rows import lot_number

LISTED = ["key", "id", "digest", "labels"]
"""The fields that ``kept`` reads."""
_PART: Final = 65_000
"""Characters of a text that Milvus takes at once: 65,535, less some."""
_BYTES_AT_ONCE = 8_000_000
"""Milvus takes messages up to 64 MB."""


def passage_rows(article: ArticleRow) -> Iterator[dict[str, Any]]:
    """A row for each passage of an article."""
    for passage in article.passages:
        yield {
            "key": passage.row,
            "article": passage.row >> PASSAGE_BITS,
            "day": article.day,
            "subjects": [lot_number(subject) for subject in article.subjects],
            "vector": passage.vector.tolist(),
            "codes": packed(passage.codes),
            "point": passage.point,
            "words": passage.words,
        }


def article_row(article: ArticleRow) -> dict[str, Any]:
    """The row of an article, but for its passages."""
    return {
        "key": article.row,
        "id": article.id,
        "digest": article.digest,
        "lot": article.lot,
        "passages": len(article.passages),
        "labels": packed("\n".join(article.labels).encode()),
        "vector": article.question.tolist(),
        "codes": packed(article.codes),
        "record": packed(article.record),
    }


def kept(row: dict[str, Any]) -> Kept:
    """What is listed of the article of a row."""
    labels = tuple(joined(row["labels"]).decode().split("\n"))
    return Kept(row["key"], row["id"], row["digest"], tuple(filter(None, labels)))


def packed(data: bytes) -> list[str]:
    """Bytes, which Milvus has no field for, as texts that it takes."""
    text = base64.b64encode(data).decode("ascii")
    return [text[start : start + _PART] for start in range(0, len(text), _PART)]


def joined(parts: Iterable[str]) -> bytes:
    """The bytes that ``packed`` made texts of."""
    return base64.b64decode("".join(parts))


def numbers_of(numbers: Sequence[float]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """A vector: float32 (d,)."""
    return np.array(numbers, dtype=np.float32)


def portions(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows in lists that fit a message of Milvus."""
    portion: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        portion.append(row)
        size += 4 * len(row["vector"]) + sum(
            len(t) for t in (*row["codes"], *row.get("record", ()))
        )
        size += len(row.get("words", ""))
        if len(portion) >= ROWS_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
    yield portion
