"""A reranker reorders the best hits, which trade their scores; all else stays as it was."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from qasearch import Article, EmbedderError, Index, Passage, Reranker
from tests.tiny import TinyEmbedder

QUERY = "how do lions hunt"
ARTICLES = 25
HEAD = 20


class Backwards:
    """Likes best what comes last."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append((query, list(texts)))
        return np.arange(len(texts), dtype=np.float32) - 100


class Given:
    name = "given"

    def __init__(self, *scores: float) -> None:
        self.scores = scores

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array(self.scores, dtype=np.float32)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Articles of which each says more that is not asked for than the one before."""
    folder = tmp_path_factory.mktemp("rerank") / "index"
    Index.build([article(n) for n in range(ARTICLES)], folder, embedder=TinyEmbedder())
    return folder


def article(number: int) -> Article:
    text = " ".join(["lions hunt", *(f"w{number}x{i}" for i in range(number + 1))])
    id = f"{number:02}"
    passage = Passage(
        id=f"{id}#1", article_id=id, seq=1, kind="text", ordinal=None, title=None,
        section_path=(), text=text, start=0, end=len(text),
    )  # fmt: skip
    return Article(id=id, question=f"Question q{number}?", answer=text, passages=(passage,))


def opened(index: Path, reranker: Reranker | None = None) -> Index:
    return Index.open(index, embedder=TinyEmbedder(), reranker=reranker)
