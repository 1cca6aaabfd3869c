"""Words: which passages hold those of a question, by BM25.

tantivy builds the index and reads it. It wants a folder of its own, which it locks and writes to
even to read, so what a generation holds is one file: the folder's, packed. Opening unpacks the very
bytes that were hashed to a folder that is gone as soon as tantivy has mapped its files.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", FnTIR
2009, https://doi.org/10.1561/1500000019
"""

import io
import json
import re
import tarfile
import tempfile
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from errno import EIO, ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qasearch.errors import IndexWriteError
from qasearch.index.files import FileDigest, Files, NewFile, writing
from qasearch.protocols import Rows, Scores

if TYPE_CHECKING:
    import tantivy

_FIELD = "text"
_ROW = "row"
_ANALYZER = "qasearch"
_META = "meta.json"
_MEMBER = re.compile(r"meta\.json|[0-9a-f]{32}\.[a-z]+")

_HEAP_BYTES = 2_000_000_000
"""What tantivy may gather before it begins another segment: it takes only what it needs."""

_LONGEST_WORD = 40


def write_lexical(files: Files, path: Path, texts: Iterable[str]) -> FileDigest:
    """Index texts by their words, and write the index to a new file.

    Args:
        files: the file operations.
        path: the file, which must not exist; a folder beside it is used meanwhile.
        texts: in the order of the rows.

    Raises:
        IndexWriteError: no space, or an I/O error.
    """
    scratch = path.with_suffix(".tmp")
    with writing(path):
        files.make_folder(scratch)
    try:
        _build(scratch, path, texts)
        with NewFile(files, path) as new:
            for name, content in _contents(scratch):
                new.write(_head(name, len(content)))
                new.write(content)
                new.write(bytes(-len(content) % tarfile.BLOCKSIZE))
            new.write(bytes(2 * tarfile.BLOCKSIZE))
            return new.seal()
    finally:
        with writing(path):
            files.remove_tree(scratch)


class LexicalIndex:
    """Searches the words of passages. Thread-safe.

    Args:
        data: of a file that ``write_lexical`` wrote; hashed already.

    Raises:
        ValueError: it is something else.
        OSError: there is no room for a folder to unpack it in.
    """

    def __init__(self, data: bytes) -> None:
        import tantivy

        with tempfile.TemporaryDirectory(prefix="qasearch-") as folder:
            _unpack(data, Path(folder))
            try:
                index = tantivy.Index.open(folder)
                index.config_reader(reload_policy="manual")
                index.reload()
                self._searcher = index.searcher()
            except ValueError as error:
                raise ValueError(f"what tantivy cannot read: {error}") from error
        self._schema = index.schema
        self._analyzer = _analyzer()
        self._lock = threading.Lock()

    @property
    def rows(self) -> int:
        """How many texts there are."""
        return self._searcher.num_docs

    def terms(self, text: str) -> list[str]:
        """The words of a text as they are indexed: stemmed, in lower case, stop words left out."""
        with self._lock:
            return self._analyzer.analyze(text)

    def inverse_frequencies(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """How rare each term is among the rows, as BM25 weighs it: float32 (n,), 0 or more."""
        n = self.rows
        found = np.array([self._searcher.doc_freq(_FIELD, term) for term in terms], np.float32)
        return np.log(1 + (n - found + 0.5) / (found + 0.5)).astype(np.float32)

    def search(self, terms: Sequence[str], k: int) -> tuple[Scores, Rows]:
        """Find the k best rows for some terms.

        Args:
            terms: from ``terms``.
            k: rows wanted, at least 1.

        Returns:
            BM25 scores float32 (h,), best first, and their rows int64 (h,), ties by ascending row;
            h is at most k, and smaller if fewer rows hold a term.
        """
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


def _build(folder: Path, path: Path, texts: Iterable[str]) -> None:
    """Let tantivy index the texts in a folder; ``path`` is what to name in an error."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field(_FIELD, tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_unsigned_field(_ROW, fast=True)
    with _writing_by_tantivy(path):
        index = tantivy.Index(builder.build(), path=str(folder))
        index.register_tokenizer(_ANALYZER, _analyzer())
        # One thread, for a segment in the order of the rows: equal texts give equal bytes.
        writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
    for row, text in enumerate(texts):
        document = tantivy.Document()
        document.add_text(_FIELD, text)
        document.add_unsigned(_ROW, row)
        with _writing_by_tantivy(path):
            writer.add_document(document)
    with _writing_by_tantivy(path):
        writer.commit()
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


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files of tantivy's folder, its segments numbered where tantivy names them at random."""
    meta = json.loads((folder / _META).read_bytes())
    for number, segment in enumerate(meta["segments"], start=1):
        name = f"{number:032x}"
        old = segment["segment_id"].replace("-", "")
        for file in sorted(folder.glob(f"{old}.*")):
            yield f"{name}{file.suffix}", file.read_bytes()
        segment["segment_id"] = f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"
    yield _META, json.dumps(meta, sort_keys=True).encode()


def _head(name: str, size: int) -> bytes:
    """The head of a file in an archive, without time or owner."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT)


def _unpack(data: bytes, folder: Path) -> None:
    """Write the files of an archive to a folder.

    Raises:
        ValueError: it is no archive, or holds other files than tantivy's.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or not _MEMBER.fullmatch(member.name):
                    raise ValueError(f"a member {member.name!r:.50}")
                (folder / member.name).write_bytes(content.read())
    except tarfile.TarError as error:
        raise ValueError(f"no archive: {error}") from error


@contextmanager
def _writing_by_tantivy(path: Path) -> Generator[None]:
    """Name what tantivy fails to write as the store's own error."""
    try:
        yield
    except (OSError, ValueError) as error:
        full = "No space left" in str(error)
        raise IndexWriteError(path, OSError(ENOSPC if full else EIO, str(error))) from error
