from dataclasses import replace
from pathlib import Path

import pytest

from qasearch import Article, Index
from qasearch.evaluate.changes import changed_answers, first_point, generation_before
from qasearch.evaluate.queries import Query
from tests.tiny import TinyEmbedder

TEA = Article(
    id="tea",
    question="How is tea made?",
    answer="1. **Water**: boil fresh water.\n2. **Leaves**: steep leaves in a pot.",
)
INK = Article(id="ink", question="How is ink made?", answer="1. **Soot**: grind soot finely.")
QUERIES = [Query("q1", "boil water"), Query("q2", "steep tea leaves"), Query("q3", "grind soot")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def changes(folder: Path, *after: Article) -> dict[str, str]:
    """What changes from tea and ink to other articles, by query."""
    Index.build([TEA, INK], folder, embedder=TinyEmbedder())
    Index.build(list(after), folder, embedder=TinyEmbedder(), allow_shrink=True)
    with Index.open(folder, embedder=TinyEmbedder()) as new:
        older = generation_before(new.status())
        with Index.open(folder, embedder=TinyEmbedder(), generation=older) as old:
            assert old.status().generation == older < new.status().generation
            found = changed_answers(old, new, QUERIES)
    for change in found:
        told = change.to_dict()
        assert told["before"]["index"]["generation"] == older  # type: ignore[index]
        assert (told["qid"], told["kind"]) == (change.query.qid, change.kind)
    return {change.query.qid: change.kind for change in found}


def test_another_article(folder: Path) -> None:
    assert changes(folder, TEA) == {"q3": "article"}


def test_another_point(folder: Path) -> None:
    without = replace(TEA, answer="1. **Water**: boil fresh water.")
    assert changes(folder, without, INK) == {"q2": "point"}


def test_the_same_point_with_another_text(folder: Path) -> None:
    edited = replace(TEA, answer=TEA.answer.replace("fresh water", "water from a spring"))
    assert changes(folder, edited, INK) == {"q1": "text"}


def test_a_point_that_only_moved_has_not_changed(folder: Path) -> None:
    moved = replace(
        TEA,
        answer="Tea is old.\n\n1. **Pot**: warm it.\n2. **Water**: boil fresh water.\n"
        "3. **Leaves**: steep leaves in a pot.",
    )
    assert changes(folder, moved, INK) == {}


def test_nothing_changed(folder: Path) -> None:
    assert changes(folder, TEA, INK, Article(id="x", question="Sand?", answer="Dunes.")) == {}


def test_the_first_generation_has_none_before(folder: Path) -> None:
    Index.build([TEA], folder, embedder=TinyEmbedder())
    with (
        Index.open(folder, embedder=TinyEmbedder()) as index,
        pytest.raises(ValueError, match="has no generation before gen-0000000001-"),
    ):
        generation_before(index.status())


def test_no_answer_has_no_point(folder: Path) -> None:
    Index.build([TEA], folder, embedder=TinyEmbedder())
    with Index.open(folder, embedder=TinyEmbedder()) as index:
        nothing = index.search("tea", where={"subject": "Music"})
    assert first_point(nothing) is None
