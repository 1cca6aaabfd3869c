"""A large index made of a small one: what is mixed, what stays, and that it answers."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.grow import OWN_SHARE, grow, grown
from qasearch import Article, Index, split_article
from qasearch.index import Generation
from tests.tiny import TinyTokenEmbedder

ARTICLES = [
    split_article(Article(id=id, question=question, answer=answer))
    for id, question, answer in (
        ("bread", "How is bread baked?", "1. Knead flour and water.\n\n2. Bake the loaf."),
        ("tea", "How is tea made?", "1. Boil fresh water.\n\n2. Steep the leaves.\n\n3. Pour."),
    )
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    index = tmp_path_factory.mktemp("small") / "index"
    Index.build(ARTICLES, index, embedder=TinyTokenEmbedder())
    return index


def test_the_first_articles_are_those_of_the_index(small: Path, tmp_path: Path) -> None:
    grow(small, tmp_path / "grown", 12)
    with Generation.open(small) as own, Generation.open(tmp_path / "grown") as more:
        assert more.manifest.counts.passages == 12  # two rounds of five, and bread once more
        assert more.store.ids() == [
            *("00000-bread", "00000-tea", "00001-bread", "00001-tea", "00002-bread")
        ]
        np.testing.assert_allclose(more.vectors[:5], own.vectors, atol=1e-6)
        np.testing.assert_allclose(more.questions[:2], own.questions, atol=1e-6)
        assert [p.text for p in more.store.passages(range(5))] == [
            p.text for p in own.store.passages(range(5))
        ]
        assert own.tokens and more.tokens
        assert more.manifest.counts.tokens > 2 * own.manifest.counts.tokens


def test_a_mixed_vector_is_mostly_the_article_s_own(small: Path, tmp_path: Path) -> None:
    grow(small, tmp_path / "grown", 10)
    with Generation.open(small) as own, Generation.open(tmp_path / "grown") as more:
        mixed = more.vectors[5:]
        np.testing.assert_allclose(np.linalg.norm(mixed, axis=1), 1, atol=1e-6)
        # The cosine to its own where the two are orthogonal; no two words point apart.
        least = OWN_SHARE / np.hypot(OWN_SHARE, 1 - OWN_SHARE)
        assert (np.einsum("nd,nd->n", mixed, own.vectors) >= least - 1e-6).all()


def test_it_is_made_once_and_answers(small: Path, tmp_path: Path) -> None:
    index = grown(small, 10, tmp_path)
    before = (index / "CURRENT").read_bytes()
    assert grown(small, 10, tmp_path) == index
    assert (index / "CURRENT").read_bytes() == before
    with Index.open(index, embedder=TinyTokenEmbedder()) as opened:
        assert opened.search("how is bread baked").articles[0].id == "00000-bread"
