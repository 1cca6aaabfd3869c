"""Make a large index of a smaller one, to measure speed at sizes that no corpus at hand has.

    python -m benchmarks.grow INDEX GROWN --passages 150000

The articles of INDEX come first, as they are. Mixed ones follow, round after round, until there are
so many passages: each is an article of INDEX, mixed with others that are drawn at random. A mixed
vector is seven parts the article's own and three parts another's, of length 1; of a mixed text the
first half of the words is the article's and the rest the second half of another's. So words are as
frequent as in INDEX, no text is there twice, and a vector has its neighbours. The tokens are the
article's own, and so is the confidence.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np

from qasearch import Article
from qasearch.index import Codes, Generation, GenerationWriter
from qasearch.ingest import joined_text
from qasearch.protocols import Rows, Vectors
from qasearch.records import Source

ROWS_AT_ONCE = 4_096
ARTICLES_AT_ONCE = 500
OWN_SHARE = 0.7


class Round:
    """One pass over the articles of an index.

    Args:
        base: the index.
        number: from 0; the first pass mixes nothing.
        most: passages to stop at, after the article that reaches it.
    """

    def __init__(self, base: Generation, number: int, most: int) -> None:
        offsets, random = base.store.passage_offsets, np.random.default_rng(number)
        self.articles = min(int(np.searchsorted(offsets, most)), len(offsets) - 1)
        self.passages = int(offsets[self.articles])
        self._base = base
        self._number = number
        self._others = self._drawn(random, self.articles, len(offsets) - 1)
        self._other_passages = self._drawn(random, self.passages, int(offsets[-1]))

    def _drawn(self, random: np.random.Generator, some: int, of: int) -> Rows:
        return random.integers(0, of, some) if self._number else np.arange(some)

    def read(self, texts: list[str], questions: list[str]) -> Iterator[Article]:
        """The articles; texts and questions are those of the whole index."""
        other = map(int, self._other_passages)
        for start in range(0, self.articles, ARTICLES_AT_ONCE):
            stop = min(start + ARTICLES_AT_ONCE, self.articles)
            others = map(int, self._others[start:stop])
            some = self._base.store.full_articles(start, stop)
            for article, place in zip(some, others, strict=True):
                id = f"{self._number:05}-{article.id}"
                bodies = [self._mixed(p.text, texts[next(other)]) for p in article.passages]
                yield replace(
                    article,
                    id=id,
                    question=self._mixed(article.question, questions[place]),
                    passages=tuple(
                        replace(passage, article_id=id, text=body)
                        for passage, body in zip(article.passages, bodies, strict=True)
                    ),
                )

    def _mixed(self, own: str, other: str) -> str:
        if not self._number:
            return own
        first, second = own.split(), other.split()
        return " ".join(first[: -(-len(first) // 2)] + second[len(second) // 2 :])

    def sources(self) -> Iterator[Source]:
        """A file for each that the index was read from."""
        for source in self._base.sources():
            yield replace(source, name=f"{self._number:05}/{source.name}")

    def passage_vectors(self) -> Iterator[Vectors]:
        """The vectors of the passages, a block at a time."""
        return _mixed_rows(self._base.vectors, self._other_passages)

    def question_vectors(self) -> Iterator[Vectors]:
        """The vectors of the questions, a block at a time."""
        return _mixed_rows(self._base.questions, self._others)

    def tokens(self) -> Iterator[tuple[Codes, Rows]]:
        """The codes of the tokens of all texts."""
        tokens = self._base.tokens
        for start in range(0, self.articles if tokens else 0, ARTICLES_AT_ONCE):
            if tokens:
                yield tokens.texts(start, min(start + ARTICLES_AT_ONCE, self.articles))


def _mixed_rows(rows: Vectors, others: Rows) -> Iterator[Vectors]:
    for start in range(0, len(others), ROWS_AT_ONCE):
        some = others[start : start + ROWS_AT_ONCE]
        sums = OWN_SHARE * rows[start : start + len(some)] + (1 - OWN_SHARE) * rows[some]
        yield (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)


def grown(index: Path, passages: int, work: Path) -> Path:
    """An index of so many passages made of ``index``, in the work folder; made if it is missing."""
    with Generation.open(index) as base:
        path = work / f"{base.name}-{passages}"
    if not (path / "CURRENT").exists():
        grow(index, path, passages)
    return path


def grow(index: Path, grown: Path, passages: int) -> None:
    """Write an index of so many passages, and of those that the last article has beyond."""
    with Generation.open(index) as base:
        rounds, left = list[Round](), passages
        for number in count():
            rounds.append(Round(base, number, left))
            left -= rounds[-1].passages
            if left <= 0:
                break
        stored = base.store.full_articles(0, base.store.article_count)
        questions = [article.question for article in stored]
        texts = [passage.text for article in stored for passage in article.passages]
        del stored
        _write(base, grown, rounds, texts, questions)


def _write(
    base: Generation, grown: Path, rounds: list[Round], texts: list[str], questions: list[str]
) -> None:
    def articles() -> Iterator[Article]:
        return (article for each in rounds for article in each.read(texts, questions))

    manifest, codec = base.manifest, base.tokens.codec if base.tokens else None
    with GenerationWriter(
        grown,
        embedder=manifest.embedder,
        splitter_version=manifest.splitter,
        tool_version=manifest.tool,
    ) as writer:
        writer.write_passages(articles())
        writer.write_vectors(block for each in rounds for block in each.passage_vectors())
        writer.write_questions(block for each in rounds for block in each.question_vectors())
        writer.write_tokens(codec, lambda: (some for each in rounds for some in each.tokens()))
        writer.write_lexical(joined_text)
        writer.write_sources(source for each in rounds for source in each.sources())
        writer.write_confidence(base.confidence)
        writer.commit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("grown", type=Path)
    parser.add_argument("--passages", type=int, default=150_000)
    arguments = parser.parse_args()
    grow(arguments.index, arguments.grown, arguments.passages)


if __name__ == "__main__":
    main()
