"""Words: which passages hold those of a question, by BM25.

tantivy builds the index and reads it. It wants a folder of its own, which it locks and writes to
even to read, so what a generation holds is one file: the folder's, packed. Opening unpacks the very
bytes that were hashed to a folder that is gone as soon as tantivy has mapped its files.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", FnTIR
2009, https://doi.org/10.1561/1500000019
"""

import json
import os
import re
import sys
import threading
import unicodedata
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EIO, ENOTEMPTY
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qasearch.errors import IndexWriteError
from qasearch.index.archive import pack, unpacked
from qasearch.index.files import FileDigest, Files, writing
from qasearch.protocols import Rows, Scores, in_batches

if TYPE_CHECKING:
    import tantivy

_FIELD = "text"
_ROW = "row"
_ANALYZER = "qasearch"
_META = "meta.json"
_ERROR_NUMBER = re.compile(r"(?:os error |code: )(\d+)")
"""How Rust shows an error of the system, plainly and within another error."""

_HEAP_BYTES = 2_000_000_000
"""What tantivy may gather before it begins another segment: it takes only what it needs."""

_LONGEST_WORD = 40

_TEXTS_AT_ONCE = 256
_WORDS_KNOWN = 32_768
"""Words whose terms are remembered: some megabytes, and most words of what a search shows."""

_REMOVALS = 3
"""Times that tantivy's folder is removed without the last file that it writes there."""


def write_lexical(files: Files, path: Path, texts: Iterable[str], *, rows: int) -> FileDigest:
    """Index texts by their words, and write the index to a new file.

    Args:
        files: the file operations.
        path: the file, which must not exist; a folder beside it is used meanwhile.
        texts: in the order of the rows.
        rows: how many texts there will be.

    Raises:
        ValueError: there are more or fewer texts than said.
        IndexWriteError: no space, or an I/O error.
    """
    scratch = path.with_suffix(".tmp")
    with writing(scratch):
        files.make_folder(scratch)
    try:
        _build(scratch, texts, rows)
        digest = pack(files, path, _contents(files, scratch))
    except BaseException:
        with suppress(OSError):  # the error that led here is the one to tell
            _remove(files, scratch)
        raise
    with writing(scratch):
        _remove(files, scratch)
    return digest


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

        with unpacked(data) as folder, _within_tantivy():
            index = tantivy.Index.open(str(folder))
            index.config_reader(reload_policy="manual")
            index.reload()
            self._searcher = index.searcher()
        self._schema = index.schema

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
        found = [self._searcher.doc_freq(_FIELD, term) for term in terms]
        return inverse_frequencies(found, self.rows)

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
        found = self._searcher.fast_field_values(_ROW, [address for _, address in hits])
        rows = np.array(found, dtype=np.int64)
        order = np.lexsort((rows, -scores))
        return scores[order], rows[order]

    def _query(self, terms: Sequence[str]) -> "tantivy.Query":
        """Any of the terms; one that is asked for twice weighs twice."""
        from tantivy import Occur, Query

        clauses = [
            (Occur.Should, Query.boost_query(Query.term_query(self._schema, _FIELD, term), times))
            for term, times in Counter(terms).items()
        ]
        return Query.boolean_query(clauses)


def terms(text: str) -> list[str]:
    """The words of a text as they are indexed: stemmed, in lower case, stop words left out."""
    return _own.analyzer.analyze(_regular(text))


def terms_of_each(words: Sequence[str]) -> list[tuple[str, ...]]:
    """The terms of each of some words: mostly one, none of a stop word."""
    return [_terms_of(word) for word in words]


def inverse_frequencies(found: Sequence[int], rows: int) -> NDArray[np.float32]:
    """How rare terms are of which each is found in some of the rows: float32 (n,), 0 or more."""
    holding = np.array(found, np.float32)
    return np.log(1 + (rows - holding + 0.5) / (holding + 0.5)).astype(np.float32)


def _build(folder: Path, texts: Iterable[str], rows: int) -> None:
    """Let tantivy index the texts in a folder."""
    import tantivy

    written = 0
    with _writer(folder) as writer:
        for batch in in_batches(texts, _TEXTS_AT_ONCE):
            with _writing_by_tantivy(folder):
                for row, text in enumerate(batch, start=written):
                    document = tantivy.Document()
                    document.add_text(_FIELD, _regular(text))
                    document.add_unsigned(_ROW, row)
                    writer.add_document(document)
            written += len(batch)
        if written != rows:
            raise ValueError(f"The words of {rows} texts were announced, not of {written}.")
        with _writing_by_tantivy(folder):
            writer.commit()


@contextmanager
def _writer(folder: Path) -> Generator["tantivy.IndexWriter"]:
    """What writes an index to a folder, and does so no longer when the context ends."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field(_FIELD, tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_unsigned_field(_ROW, fast=True)
    with _writing_by_tantivy(folder):
        index = tantivy.Index(builder.build(), path=str(folder))
        index.config_reader(reload_policy="manual")  # the usual one looks at the folder on its own
        index.register_tokenizer(_ANALYZER, _analyzer())
        # One thread, for a segment in the order of the rows: equal texts give equal bytes.
        writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
    try:
        yield writer
    except BaseException:
        with suppress(IndexWriteError), _writing_by_tantivy(folder):
            writer.wait_merging_threads()  # they write on until then, into a folder that will go
        raise
    with _writing_by_tantivy(folder):
        writer.wait_merging_threads()


def _analyzer() -> "tantivy.TextAnalyzer":
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
        return _analyzer()


_own = _Own()


@lru_cache(_WORDS_KNOWN)
def _terms_of(word: str) -> tuple[str, ...]:
    return tuple(_own.analyzer.analyze(_regular(word)))


def _regular(text: str) -> str:
    """One form of a text for all its spellings: tantivy would cut a word at a separate accent."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text).encode("utf-8", "replace").decode()


def _contents(files: Files, folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files of tantivy's folder, its segments numbered where tantivy names them at random."""
    meta = json.loads(files.read(folder / _META, sys.maxsize))
    names = files.folder_names(folder)
    for number, segment in enumerate(meta["segments"], start=1):
        new = f"{number:032x}"
        old = segment["segment_id"].replace("-", "")
        for name in names:
            if name.startswith(f"{old}."):
                yield name.replace(old, new), files.read(folder / name, sys.maxsize)
        segment["segment_id"] = f"{new[:8]}-{new[8:12]}-{new[12:16]}-{new[16:20]}-{new[20:]}"
    yield _META, json.dumps(meta, sort_keys=True).encode()


def _remove(files: Files, folder: Path) -> None:
    """Remove tantivy's folder, in which a thread of its own may yet be opening a lock."""
    for _ in range(_REMOVALS):
        try:
            return files.remove_tree(folder)
        except OSError as error:
            if error.errno != ENOTEMPTY:
                raise
    files.remove_tree(folder)


@contextmanager
def _writing_by_tantivy(folder: Path) -> Generator[None]:
    """Name what tantivy fails to write as the store's own error."""
    try:
        with _within_tantivy():
            yield
    except OSError as error:
        raise IndexWriteError(folder, error) from error
    except ValueError as error:
        raise IndexWriteError(folder, OSError(EIO, str(error))) from error


@contextmanager
def _within_tantivy() -> Generator[None]:
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
