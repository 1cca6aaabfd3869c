"""Related articles, every score worked out in plain numpy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qasearch import Article, Index
from qasearch.ingest import passage_text, question_text, split_article
from tests.tiny import TinyEmbedder

TEA = Article(
    id="tea", question="How is black tea made?", answer="1. **Water**: boil it.\n2. Steep."
)
GREEN = Article(id="green", question="How is green tea made?", answer="1. **Water**: warm it.")
POTS = Article(id="pots", question="Which pots hold heat?", answer="1. **Water**: boil it in clay.")
INK = Article(id="ink", question="What did scribes write with?", answer="Soot and gum.")
COPY = replace(TEA, id="copy", question="how is BLACK tea made", answer="Ask your grandmother.")
TWIN = replace(GREEN, id="twin", question="How is green tea made")
ARTICLES = [TEA, GREEN, POTS, INK, COPY, TWIN]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("related") / "index"
    Index.build(ARTICLES, folder, embedder=TinyEmbedder())
    return Index.open(folder, searchable=False)


def vectors(article: Article) -> tuple[np.ndarray, np.ndarray]:
    """Of the question, and of the answer: the direction of its passages' mean."""
    embedder, article = TinyEmbedder(), split_article(article)
    texts = [passage_text(article, passage) for passage in article.passages]
    mean = embedder.embed_passages(texts).mean(axis=0)
    return embedder.embed_passages([question_text(article)])[0], mean / np.linalg.norm(mean)


def test_scores_are_the_mean_of_two_cosines(index: Index) -> None:
    result = index.related("tea")
    assert (result.article.id, result.article_count) == ("tea", 6)
    assert [hit.id for hit in result.articles] == ["green", "pots", "ink"]
    question, answer = vectors(TEA)
    for hit, other in zip(result.articles, [GREEN, POTS, INK], strict=True):
        of_question, of_answer = vectors(other)
        assert hit.scores == pytest.approx(
            {"question": question @ of_question, "passage": answer @ of_answer}, abs=1e-6
        )
        assert hit.score == pytest.approx(sum(hit.scores.values()) / 2, abs=1e-6)
    assert [hit.rank for hit in result.articles] == [1, 2, 3]


def test_those_that_ask_the_same_are_left_out_and_others_shown_once(index: Index) -> None:
    (green, *_) = index.related("tea").articles
    assert green.same_question == ("twin",)
    assert {hit.id for hit in index.related("green").articles} == {"tea", "pots", "ink"}
    assert index.related("green").articles[0].same_question in [("copy",), ("tea",)]


def test_k_is_kept(index: Index) -> None:
    assert [hit.id for hit in index.related("tea", k=1).articles] == ["green"]
    for k in (0, 101, True, 2.0):
        with pytest.raises(ValueError, match="k must be a whole number from 1 to 100"):
            index.related("tea", k=k)  # type: ignore[arg-type]


def test_an_article_that_is_not_there_is_a_lookup_error(index: Index) -> None:
    with pytest.raises(LookupError, match="There is no article 'coffee'"):
        index.related("coffee")


def test_an_article_alone_has_none(tmp_path: Path) -> None:
    Index.build([TEA], tmp_path / "index", embedder=TinyEmbedder())
    with Index.open(tmp_path / "index", searchable=False) as index:
        assert index.related("tea").articles == ()


def test_as_json(index: Index) -> None:
    told = index.related("tea", k=1).to_dict()
    search_hit = (
        Index.open(Path(index.status().path), embedder=TinyEmbedder())
        .search("green tea", k=1)
        .to_dict()["articles"]
    )
    (hit,) = told["articles"]  # type: ignore[misc]
    assert hit.keys() == search_hit[0].keys()  # type: ignore[index]
    assert told["schema"] == "qasearch.related/1"
    assert told["article"] == {
        "id": "tea",
        "question": TEA.question,
        "subjects": [],
        "date": None,
        "url": None,
        "path": None,
    }
