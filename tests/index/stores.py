"""Small indexes to test with, and file operations that are logged or fail."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from errno import EIO
from pathlib import Path

import numpy as np

from qasearch.index import Codes, EmbedderIdentity, Files, GenerationWriter, TokenCodec
from qasearch.protocols import Rows, Vectors
from qasearch.records import Article, Passage, Source
from tests.tiny import TinyTokenEmbedder

EMBEDDER = TinyTokenEmbedder(dim=64)
IDENTITY = EmbedderIdentity("tiny", EMBEDDER.fingerprint, EMBEDDER.dim)


def article(
    id: str, question: str, *points: str, subjects: Sequence[str] = (), **fields
) -> Article:
    """An article whose answer is its points, one a line."""
    passages: list[Passage] = []
    start = 0
    for seq, text in enumerate(points, start=1):
        end = start + len(text)
        passages.append(Passage(id, seq, "point", text, start, end, ordinal=str(seq)))
        start = end + 1
    return Article(
        id=id,
        question=question,
        answer="\n".join(points),
        subjects=tuple(subjects),
        passages=tuple(passages),
        **fields,
    )


BREAD = article(
    "bread",
    "How is bread baked?",
    "Knead flour, water and yeast.",
    "Let the dough rise.",
    "Bake it in a hot oven.",
    subjects=["Cooking"],
    date=date(2024, 11, 30),
)
KITES = article(
    "kites",
    "Why do kites fly?",
    "Wind lifts the sail.",
    "The string holds the angle.",
    subjects=["Physics", "Toys"],
    date=date(2025, 1, 15),
)
RIVERS = article("rivers", "Where do rivers begin?", "Springs feed brooks.", subjects=["geography"])
ARTICLES = [BREAD, KITES, RIVERS]
OTHERS = [BREAD, article("tides", "What moves the tides?", "The Moon pulls the sea.")]


def sources(articles: Sequence[Article]) -> list[Source]:
    return [
        Source(f"{a.id}.md", "a" * 64, include_no_index=False, article_ids=(a.id,))
        for a in articles
    ]


def token_rows(article: Article) -> list[Vectors]:
    """The tokens of an article's texts: the question's, then those of its passages."""
    texts = [article.question, *(passage.text for passage in article.passages)]
    return EMBEDDER.embed_passage_tokens(texts)[1]


def codec_of(articles: Sequence[Article]) -> TokenCodec:
    """One fitted to these articles, which has 2 bits."""
    return TokenCodec.fit([rows for article in articles for rows in token_rows(article)], 2)


def coded(codec: TokenCodec, articles: Sequence[Article]) -> Iterator[tuple[Codes, Rows]]:
    """As ``GenerationWriter.write_tokens`` takes them, an article at a time."""
    for each in articles:
        codes = [codec.encode(rows) for rows in token_rows(each)]
        yield np.concatenate(codes), np.array([len(of_text) for of_text in codes], dtype=np.int64)


def write(writer: GenerationWriter, articles: Sequence[Article]) -> str:
    codec = codec_of(articles)
    writer.write_passages(articles)
    writer.write_vectors(
        EMBEDDER.embed_passages([passage.text for passage in article.passages])
        for article in articles
        if article.passages
    )
    writer.write_questions([EMBEDDER.embed_passages([article.question for article in articles])])
    writer.write_tokens(codec, lambda: coded(codec, articles))
    writer.write_lexical(body_of)
    writer.write_sources(sources(articles))
    # Nobody here reads it; so it need only be another for other articles.
    writer.write_confidence(json.dumps([each.question for each in articles]).encode())
    return writer.commit()


def body_of(question: str, sections: Sequence[str], title: str | None, body: str) -> str:
    """The text whose words are indexed."""
    return body


class UnsyncedFiles(Files):
    """As ``Files``, but waits for no medium: nobody cuts the power during these tests."""

    def sync(self, descriptor):
        pass

    def sync_folder(self, path):
        pass


def build(
    index: Path, articles: Sequence[Article] = ARTICLES, *, files: Files | None = None
) -> str:
    """Build a generation of these articles; return its name."""
    with writer_for(index, files=files) as writer:
        return write(writer, articles)


def writer_for(index: Path, *, files: Files | None = None, wait: float = 0.0) -> GenerationWriter:
    return GenerationWriter(
        index,
        embedder=IDENTITY,
        splitter_version="s1",
        tool_version="0.1.0",
        wait=wait,
        files=files or UnsyncedFiles(),
    )


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


WRITE_SIDE = (
    "create",
    "write",
    "make_read_only",
    "sync",
    "close",
    "make_folder",
    "sync_folder",
    "replace",
    "unlink",
    "remove_folder",
)
"""The operations of ``Files`` that change what is on the disk."""


class LoggedFiles(UnsyncedFiles):
    """Keeps a log of what it does: (operation, *names relative to the index)."""

    def __init__(self, index: Path) -> None:
        self.log: list[tuple[str, ...]] = []
        self._index = index
        self._open: dict[int, Path] = {}

    def before(self, operation: str, paths: Iterable[Path]) -> None:
        self.log.append((operation, *(path.relative_to(self._index).as_posix() for path in paths)))


class FailingFiles(LoggedFiles):
    """Fails at one operation, counted from 0, with an I/O error; later ones work again."""

    def __init__(self, index: Path, fail_at: int) -> None:
        super().__init__(index)
        self._fail_at = fail_at

    def before(self, operation: str, paths: Iterable[Path]) -> None:
        super().before(operation, paths)
        if len(self.log) == self._fail_at + 1:
            raise OSError(EIO, "Input/output error")


def _logged(operation: str):
    """A method that logs an operation, then does it."""
    real = getattr(UnsyncedFiles, operation)

    def method(self: LoggedFiles, *arguments):
        paths = [
            argument if isinstance(argument, Path) else self._open[argument]
            for argument in arguments
            if isinstance(argument, Path) or argument in self._open
        ]
        self.before(operation, paths)
        outcome = real(self, *arguments)
        if operation == "create":
            self._open[outcome] = arguments[0]
        elif operation == "close":
            self._open.pop(arguments[0], None)
        return outcome

    return method


for _operation in WRITE_SIDE:
    setattr(LoggedFiles, _operation, _logged(_operation))
