"""An exported index made an index again: nothing is embedded, and no model is needed."""

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from qasearch.build.publish import refuse_to_shrink
from qasearch.build.tables import (
    ARTICLES_FILE,
    FILES,
    PASSAGES_FILE,
    SOURCES_FILE,
    arrow,
    not_an_export,
    read_metadata,
    schemas,
)
from qasearch.index import (
    Codes,
    GenerationWriter,
    Manifest,
    TokenCodec,
    stored_articles,
    version_of,
)
from qasearch.ingest import joined_text
from qasearch.protocols import Progress, Rows, Vectors
from qasearch.records import Article, ImportReport, Passage, PassageKind, Refusal, Source

_COMPARED = (
    "vectors.npy", "questions.npy", "tokens.npy", "tokens.offsets.npy", "tokens.codec",
    "confidence.json", "sources.jsonl",
)  # fmt: skip
"""Files that are the same, byte for byte, wherever they are written. The others are what the
versions of SQLite, FAISS and tantivy make of them."""


def import_(
    folder: Path, index: Path, *, allow_shrink: bool, wait: float, progress: Progress
) -> ImportReport:
    """Make an export the next generation of an index; ``Index.import_`` says the rest."""
    exported = Export(folder)
    manifest = exported.manifest
    if not allow_shrink:
        before = stored_articles(index)
        refuse_to_shrink(before - manifest.counts.articles, before)
    writer = GenerationWriter(
        index,
        embedder=manifest.embedder,
        splitter_version=manifest.splitter,
        tool_version=version_of("qasearch"),
        wait=wait,
    )
    with writer:
        try:
            _write(writer, exported, progress)
        except ValueError as error:  # rows out of order, vectors without length 1, ...
            raise not_an_export(folder, str(error).rstrip(".")) from error
        with writer.preview() as generation:
            exported.compare(generation.manifest)
        name = writer.commit()
    counts = manifest.counts
    return ImportReport(name, manifest.generation, counts.articles, counts.passages)


def _write(writer: GenerationWriter, exported: "Export", progress: Progress) -> None:
    writer.write_passages(exported.articles(progress))
    writer.write_vectors(exported.vectors(PASSAGES_FILE))
    writer.write_questions(exported.vectors(ARTICLES_FILE))
    writer.write_tokens(exported.codec, exported.tokens)
    writer.write_lexical(joined_text)
    writer.write_sources(exported.sources())
    writer.write_confidence(exported.confidence)


class Export:
    """The folder of an export, to be read some articles at a time.

    Args:
        folder: what ``export`` wrote.

    Attributes:
        manifest: of the generation that was exported.
        codec: of its tokens; None if there are none.
        confidence: its calibration.

    Raises:
        ValueError: pyarrow is not installed.
        IndexStoreError: the folder is not a whole export. Raised wherever it is read, too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if folder.is_file():
            raise not_an_export(folder, "it is a file, and an export a folder")
        self._files = {name: self._open(name) for name in FILES}
        told = {name: file.schema_arrow.metadata for name, file in self._files.items()}
        path = folder / ARTICLES_FILE
        self.manifest, self.codec, self.confidence = read_metadata(path, told[ARTICLES_FILE])
        for name, expected in schemas(self.manifest.embedder.dim).items():
            path = folder / name
            if read_metadata(path, told[name])[0] != self.manifest:
                raise not_an_export(path, f"it is of another export than {ARTICLES_FILE}")
            if not self._files[name].schema_arrow.remove_metadata().equals(expected):
                raise not_an_export(path, "its columns are others")
        groups = {self._files[name].num_row_groups for name in (ARTICLES_FILE, PASSAGES_FILE)}
        if len(groups) > 1:
            raise not_an_export(folder / PASSAGES_FILE, "its row groups are not those of articles")

    def articles(self, progress: Progress) -> Iterator[Article]:
        """The articles with their passages, in order."""
        groups = (self._articles_of(group) for group in self._groups())
        total = self._files[ARTICLES_FILE].metadata.num_rows
        for articles in progress(groups, total=total, what="importing"):
            yield from articles

    def vectors(self, name: str) -> Iterator[Vectors]:
        """The vectors of all articles, or of all passages: some rows at a time."""
        for group in self._groups():
            yield self._matrix(self._read(name, group, ["vector"]).column("vector"))

    def tokens(self) -> Iterator[tuple[Codes, Rows]]:
        """The tokens as ``GenerationWriter.write_tokens`` takes them."""
        if self.codec is None:
            return
        for group in self._groups():
            questions = self._read(ARTICLES_FILE, group, ["id", "tokens"]).to_pylist()
            passages = self._read(PASSAGES_FILE, group, ["article_id", "tokens"]).to_pylist()
            yield _interleaved(questions, passages, self.codec)

    def sources(self) -> Iterator[Source]:
        """The files that the articles were read from."""
        for group in range(self._files[SOURCES_FILE].num_row_groups):
            for row in self._read(SOURCES_FILE, group, None).to_pylist():
                fields = _with_tuples(row)
                fields["refused"] = tuple(Refusal(**refusal) for refusal in row["refused"])
                yield Source(**fields)

    def compare(self, found: Manifest) -> None:
        """Refuse an import that is not, to the byte, what was exported.

        Raises:
            IndexStoreError: a file differs.
        """
        for file in _COMPARED:
            if found.files[file] != self.manifest.files[file]:
                reason = f"it gives another {file} than was exported"
                raise not_an_export(self._folder, reason)

    def _groups(self) -> range:
        return range(self._files[ARTICLES_FILE].num_row_groups)

    def _open(self, name: str) -> Any:
        path = self._folder / name
        if not path.is_file():
            raise not_an_export(self._folder, f"there is no {name}")
        with self._reading(name):
            return arrow().parquet.ParquetFile(path, page_checksum_verification=True)

    def _read(self, name: str, group: int, columns: Sequence[str] | None) -> Any:
        with self._reading(name):
            table = self._files[name].read_row_group(group, columns=columns)
            table.validate(full=True)
            return table

    def _articles_of(self, group: int) -> list[Article]:
        fields = schemas(self.manifest.embedder.dim)
        names = {name: fields[name].names[:-2] for name in (ARTICLES_FILE, PASSAGES_FILE)}
        rows = self._read(ARTICLES_FILE, group, names[ARTICLES_FILE]).to_pylist()
        passages = self._read(PASSAGES_FILE, group, names[PASSAGES_FILE]).to_pylist()
        of_article = {
            id: tuple(map(self._passage, own))
            for id, own in groupby(passages, key=lambda row: row["article_id"])
        }
        articles = [
            Article(**_with_tuples(row), passages=of_article.pop(row["id"], ())) for row in rows
        ]
        if of_article:
            raise not_an_export(
                self._folder / PASSAGES_FILE, f"article {min(of_article)!r:.50} is not there"
            )
        return articles

    def _passage(self, row: dict[str, Any]) -> Passage:
        if row["kind"] not in get_args(PassageKind):
            reason = f"a passage of kind {row['kind']!r:.20}"
            raise not_an_export(self._folder / PASSAGES_FILE, reason)
        return Passage(**_with_tuples(row))

    def _matrix(self, column: Any) -> Vectors:
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return cast(Vectors, flat.reshape(-1, self.manifest.embedder.dim))

    @contextmanager
    def _reading(self, name: str) -> Generator[None]:
        """Name what Arrow cannot read."""
        try:
            yield
        except (OSError, arrow().ArrowException) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
            if isinstance(error, OSError) and error.errno:
                reason = os.strerror(error.errno)
            raise not_an_export(self._folder / name, reason) from error


def _interleaved(
    questions: Sequence[dict[str, Any]], passages: Sequence[dict[str, Any]], codec: TokenCodec
) -> tuple[Codes, Rows]:
    """Of each article the codes of its question, then those of its passages; and their numbers."""
    own = {id: list(rows) for id, rows in groupby(passages, key=lambda row: row["article_id"])}
    codes = [
        row["tokens"] for question in questions for row in (question, *own.get(question["id"], ()))
    ]
    sizes = np.array([len(code) // codec.width for code in codes], dtype=np.int64)
    return np.frombuffer(b"".join(codes), dtype=np.uint8).reshape(-1, codec.width), sizes


def _with_tuples(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a record, of which Arrow gives those with several values as lists."""
    return {
        name: tuple(cast(list[Any], value)) if isinstance(value, list) else value
        for name, value in row.items()
    }
