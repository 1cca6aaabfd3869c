"""Words: which passages hold those of a question, by BM25.

tantivy builds the index (``wordblocks``) and reads it. It wants a folder of its own, which it locks
and writes to even to read, so what a generation holds is one file: the folder's, packed. Opening
unpacks the very bytes that were hashed to a folder that is gone as soon as tantivy has mapped its
files.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", FnTIR
2009, https://doi.org/10.1561/1500000019
"""

import json
import os
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qasearch.index.archive import unpacked
from qasearch.protocols import Rows, Scores

if TYPE_CHECKING:
    import tantivy

META = "meta.json"
"""What tantivy says of its segments: the last member of the archive."""
FIELD = "text"
ROW = "row"
"""Within its block."""

Meta: TypeAlias = dict[str, Any]

_SEGMENT = attrgetter("segment_ord")

_ERROR_NUMBER = re.compile(r"(?:os error |code: )(\d+)")
"""How Rust shows an error of the system, plainly and within another error."""

_LONGEST_WORD = 40

_WORDS_KNOWN = 32_768
"""Words whose terms are remembered, and terms whose frequency is: some megabytes, and most words of
what is asked and shown."""


class LexicalIndex:
    """Searches the words of passages. Thread-safe.

    Args:
        data: of a file that ``write_lexical`` wrote; hashed already.

    Raises:
        ValueError: it is something else.
        IndexWriteError: it cannot be unpacked to a temporary folder, or not be read from there.
    """

    def __init__(self, data: bytes) -> None:
        import tantivy

        with unpacked(data) as folder, within_tantivy():
            index = tantivy.Index.open(str(folder))
            index.config_reader(reload_policy="manual")
            index.reload()
            self._searcher = index.searcher()
            meta = json.loads((folder / META).read_bytes())
        self._schema = index.schema
        self._frequency = lru_cache(_WORDS_KNOWN)(partial(self._searcher.doc_freq, FIELD))
        firsts = [first for first, _, block in blocks_of(meta) for _ in block]
        self._firsts = np.array(firsts, dtype=np.int64)

    @property
    def rows(self) -> int:
        """How many texts there are."""
        return self._searcher.num_docs

    def terms(self, text: str) -> list[str]:
        """The words of a text as they are indexed: stemmed, in lower case, stop words left out."""
        return terms(text)

    def terms_of_each(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """The terms of each of some words: mostly one, none of a stop word."""
        return terms_of_each(words)

    def inverse_frequencies(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """How rare each term is among the rows, as BM25 weighs it: float32 (n,), 0 or more."""
        return inverse_frequencies(list(map(self._frequency, terms)), self.rows)

    def search(self, terms: Sequence[str], k: int) -> tuple[Scores, Rows]:
        """Find the k best rows for some terms.

        Args:
            terms: from ``terms``.
            k: rows wanted, at least 1.

        Returns:
            BM25 scores float32 (h,), best first, and their rows int64 (h,), ties by ascending row;
            h is at most k, and smaller if fewer rows hold a term.

        Raises:
            ValueError: ``k`` is below 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}.")
        if not terms or not self.rows:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        hits = self._searcher.search(self._query(terms), min(k, self.rows), count=False).hits
        scores = np.array([score for score, _ in hits], dtype=np.float32)
        rows = self._rows_at([address for _, address in hits])
        order = np.lexsort((rows, -scores))
        return scores[order], rows[order]

    def _rows_at(self, addresses: list["tantivy.DocAddress"]) -> Rows:
        """The rows of what tantivy found."""
        within = np.array(self._searcher.fast_field_values(ROW, addresses), dtype=np.int64)
        if len(self._firsts) < 2:
            return within
        ordinals = np.fromiter(map(_SEGMENT, addresses), np.int64, len(addresses))
        return within + self._firsts[ordinals]

    def _query(self, terms: Sequence[str]) -> "tantivy.Query":
        """Any of the terms; one that is asked for twice weighs twice."""
        from tantivy import Occur, Query

        clauses = [
            (Occur.Should, Query.boost_query(Query.term_query(self._schema, FIELD, term), times))
            for term, times in Counter(terms).items()
        ]
        return Query.boolean_query(clauses)


def terms(text: str) -> list[str]:
    """The words of a text as they are indexed: stemmed, in lower case, stop words left out."""
    return _own.analyzer.analyze(regular(text))


def terms_of_each(words: Sequence[str]) -> list[tuple[str, ...]]:
    """The terms of each of some words: mostly one, none of a stop word."""
    return list(map(_terms_of, words))


def inverse_frequencies(found: Sequence[int], rows: int) -> NDArray[np.float32]:
    """How rare terms are of which each is found in some of the rows: float32 (n,), 0 or more."""
    holding = np.array(found, np.float32)
    return np.log(1 + (rows - holding + 0.5) / (holding + 0.5)).astype(np.float32)


def blocks_of(meta: Meta) -> list[tuple[int, int, list[Meta]]]:
    """The blocks that an index of words consists of, in order.

    Returns:
        Of each block its first row, how many rows it has, and what is said of its segments, which
        are named by the block's number and their own.
    """
    blocks: list[tuple[int, int, list[Meta]]] = []
    first = 0
    for _, group in groupby(meta["segments"], key=lambda segment: segment["segment_id"][:18]):
        segments = list(group)
        rows = sum(segment["max_doc"] for segment in segments)
        blocks.append((first, rows, segments))
        first += rows
    return blocks


def new_analyzer() -> "tantivy.TextAnalyzer":
    """What finds the terms of a text; not to be shared between threads."""
    import tantivy

    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(_LONGEST_WORD))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stopword("english"))
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


class _Own(threading.local):
    """What each thread has for itself, since none may share it."""

    @cached_property
    def analyzer(self) -> "tantivy.TextAnalyzer":
        return new_analyzer()


_own = _Own()


@lru_cache(_WORDS_KNOWN)
def _terms_of(word: str) -> tuple[str, ...]:
    return tuple(_own.analyzer.analyze(regular(word)))


def regular(text: str) -> str:
    """One form of a text for all its spellings: tantivy would cut a word at a separate accent."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text).encode("utf-8", "replace").decode()


@contextmanager
def within_tantivy() -> Generator[None]:
    """Tell errors of the system, which tantivy shows as a ``ValueError``, from other ones."""
    try:
        yield
    except BaseException as error:
        # A panic, as where no thread can be begun, has a class that Python code cannot import.
        if not isinstance(error, ValueError) and type(error).__name__ != "PanicException":
            raise
        if number := _ERROR_NUMBER.search(str(error)):
            code = int(number[1])
            raise OSError(code, os.strerror(code)) from error
        raise ValueError(f"an error of tantivy: {error}") from error
