from dataclasses import replace
from pathlib import Path

import pytest

from qasearch import Article, Index
from qasearch.evaluate.itself import find_again, sample
from tests.tiny import TinyEmbedder

SHIPS = Article(
    id="ships",
    question="Which sailing vessels crossed the northern oceans?",
    answer="Vessels that crossed the northern oceans were few. Most captains preferred sheltered "
    "routes along the islands. These crossed most often:\n\n"
    "1. **Knarr**: broad and slow.\n2. **Northern Oceans Vessels**: of all sorts.\n"
    "3. **Caravel**: with lateen rigging.\n4. **Knarr**: once more.",
    subjects=("History", "Travel"),
)
BREAD = Article(
    id="bread",
    question="How is bread baked?",
    answer="1. **Kneading**: by hand.\n2. **Proofing**: in the warmth.\n3. **Baking**: hot.",
    subjects=("Cooking",),
)
COAL = Article(id="coal", question="Where does coal lie?", answer="1. **Seams**: deep down.")
ONE = Article(id="one", question="What moves the tides?", answer="1. **Moon**: x.\n2. **Sun**: y.")
OTHER = Article(id="other", question="what moves the Tides", answer="1. **Tea**: x.\n2. **Ink**: y")
ARTICLES = [SHIPS, BREAD, COAL, ONE, OTHER]


def opened(folder: Path, articles: list[Article]) -> Index:
    Index.build(articles, folder, embedder=TinyEmbedder())
    return Index.open(folder, embedder=TinyEmbedder())


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return opened(tmp_path_factory.mktemp("itself") / "index", ARTICLES)


def test_what_is_asked_is_never_the_question(index: Index) -> None:
    wanted = sample(index, 10)
    assert {query.qid: query.text for query in wanted.queries} == {
        "ships titles": "Knarr; Caravel",
        "ships description": "Most captains preferred sheltered routes along the islands.",
        "bread titles": "Kneading; Proofing; Baking",
    }
    assert wanted.article_of == {
        "ships titles": "ships",
        "ships description": "ships",
        "bread titles": "bread",
    }
    assert {query.qid: query.fields for query in wanted.queries}["ships titles"] == {
        "wording": ("titles",),
        "subject": ("History", "Travel"),
    }
    assert (wanted.articles, wanted.passed_over, wanted.repeated) == (2, 1, 2)


def test_an_article_is_found_again_or_not(tmp_path: Path, index: Index) -> None:
    wanted = sample(index, 10)
    scored = find_again(index, wanted)
    assert scored.values["ships titles"]["RR@10"] == 1
    assert scored.values["bread titles"]["RR@10"] == 1
    assert scored.means(["ships titles", "bread titles"])["R@1"] == 1

    thief = Article(
        id="thief",
        question="Knarr caravel?",
        answer="1. **Knarr caravel**: captains preferred sheltered routes along islands.",
    )
    with_thief = find_again(opened(tmp_path / "index", [*ARTICLES, thief]), wanted)
    assert with_thief.values["ships titles"]["RR@10"] == 1 / 2
    assert with_thief.values["ships description"]["R@1"] == 0
    assert with_thief.values["bread titles"]["RR@10"] == 1


def test_the_sample_stays_when_other_articles_come(tmp_path: Path) -> None:
    many = [replace(BREAD, id=f"bread-{n}", question=f"Bread {n}?") for n in range(20)]
    many = [
        replace(article, answer=article.answer.replace("hot", f"at {n} degrees"))
        for n, article in enumerate(many)
    ]
    few = opened(tmp_path / "few", many[:19])
    more = opened(tmp_path / "more", many)
    before, after = (set(sample(index, 6).article_of.values()) for index in (few, more))
    assert len(before) == len(after) == 6
    assert len(before & after) >= 5
    assert before != {f"bread-{n}" for n in range(6)}


def test_what_cannot_be_sampled_is_told(tmp_path: Path, index: Index) -> None:
    with pytest.raises(ValueError, match="at least 1 article"):
        sample(index, 0)
    with pytest.raises(ValueError, match="No article has titles or a description"):
        sample(opened(tmp_path / "index", [COAL]), 5)
