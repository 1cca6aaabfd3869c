"""``Index.update``: some articles change, the others stay, and the open index answers from it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from qasearch import Article, BuildRefusedError, Index, IndexStoreError
from qasearch.protocols import Vectors
from tests.tiny import TinyEmbedder, TinyTokenEmbedder

FISH = Article(
    "fish", "Which fish are landed?", "1. **Herring**: in autumn.\n\n2. **Cod**: always."
)
TOLLS = Article("tolls", "Who pays for the harbour?", "Ships pay a toll when they land.")
WALLS = Article("walls", "What breaks the waves?", "Two stone walls do.")
BELLS = Article("bells", "Who rings in a storm?", "The keeper rings a bell.")
ARTICLES = [FISH, TOLLS, WALLS, BELLS]


class Counting(TinyEmbedder):
    """Remembers what it embedded."""

    def __init__(self) -> None:
        super().__init__()
        self.embedded: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return super().embed_passages(texts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Index.build(ARTICLES, tmp_path / "index", embedder=TinyEmbedder())
    return tmp_path / "index"


def test_articles_are_added_changed_and_removed_at_one_stroke(folder: Path) -> None:
    gulls = Article("gulls", "What do gulls eat?", "Anything.")
    eel = Article("fish", FISH.question, "1. **Eel**: since the dam went.")
    with Index.open(folder, embedder=TinyEmbedder()) as index:
        before = index.status().generation
        report = index.update([gulls, eel], remove=["tolls", "never there"])
        assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 2)
        assert report.generation == index.status().generation != before
        assert index.ids() == ["bells", "fish", "gulls", "walls"]
        best = index.search("eel since the dam").articles[0]
        assert (best.id, best.points[0].title) == ("fish", "Eel")
        assert index.search("gulls eat").articles[0].id == "gulls"
        assert index.article("walls").answer == WALLS.answer


def test_only_what_changed_is_embedded(folder: Path) -> None:
    embedder = Counting()
    with Index.open(folder, embedder=embedder) as index:
        report = index.update([Article("walls", WALLS.question, "One wall does.")])
    assert report.embedded == 1
    assert [text.splitlines()[-1] for text in embedder.embedded] == ["One wall does."]


def test_an_update_is_what_a_build_of_all_would_be(folder: Path, tmp_path: Path) -> None:
    tolls = Article("tolls", TOLLS.question, "Nobody does.")
    with Index.open(folder, embedder=TinyEmbedder()) as index:
        index.update([tolls])
        updated = index.search_many(["who pays", "herring", "stone walls"], k=4)
    Index.build([FISH, tolls, WALLS, BELLS], tmp_path / "whole", embedder=TinyEmbedder())
    with Index.open(tmp_path / "whole", embedder=TinyEmbedder()) as index:
        built = index.search_many(["who pays", "herring", "stone walls"], k=4)
    for one, other in zip(updated, built, strict=True):
        assert [(h.id, h.score) for h in one.articles] == [(h.id, h.score) for h in other.articles]


def test_an_update_with_nothing_changes_nothing(folder: Path) -> None:
    with Index.open(folder, embedder=TinyEmbedder()) as index:
        before = index.status().generation
        assert index.update().generation == index.update([FISH]).generation == before


def test_rows_that_cannot_be_taken_over_are_made_again(folder: Path) -> None:
    """An embedder of the same vectors that tells tokens too: nothing stored has any."""
    with Index.open(folder, embedder=TinyTokenEmbedder()) as index:
        report = index.update([Article("gulls", "What do gulls eat?", "Anything.")])
        assert (report.added, report.unchanged, report.articles) == (1, 4, 5)
        assert index.ids() == ["bells", "fish", "gulls", "tolls", "walls"]
        assert index.search("stone walls").articles[0].scores["late"] > 0


def test_the_next_build_from_files_brings_back_what_they_hold(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for article in ARTICLES:
        text = f"---\nid: {article.id}\nquestion: {article.question}\n---\n\n{article.answer}\n"
        (files / f"{article.id}.md").write_text(text)
    folder = tmp_path / "index"
    Index.build(files, folder, embedder=TinyEmbedder())
    with Index.open(folder, embedder=TinyEmbedder()) as index:
        assert index.update().generation == index.status().generation
        assert index.status().sources == 4
        index.update([Article("fish", FISH.question, "None.")], remove=["walls"])
        assert (index.status().sources, index.ids()) == (0, ["bells", "fish", "tolls"])
        report = Index.build(files, folder, embedder=TinyEmbedder())
        assert (report.added, report.changed, report.unchanged) == (1, 1, 2)
        assert index.refresh()
        assert index.article("fish").answer.strip() == FISH.answer
        assert index.search("stone walls").articles[0].id == "walls"


def test_what_is_refused_leaves_the_index_as_it_was(folder: Path) -> None:
    blank = Article("blank", " ", "Something.")
    with Index.open(folder, embedder=TinyEmbedder()) as index:
        before = index.status().generation
        with pytest.raises(BuildRefusedError, match="nothing was built"):
            index.update([blank], strict=True)
        with pytest.raises(BuildRefusedError, match="No article is left"):
            index.update(remove=index.ids())
        with pytest.raises(ValueError, match="'fish' is both given and to be removed"):
            index.update([FISH], remove=["fish"])
        assert index.status().generation == before
        assert [refusal.path for refusal in index.update([blank]).refused] == ["blank"]


def test_an_index_that_cannot_embed_cannot_be_updated(folder: Path) -> None:
    with (
        Index.open(folder, searchable=False) as index,
        pytest.raises(ValueError, match="searchable=False"),
    ):
        index.update([FISH])


def test_where_nothing_whole_is_left_nothing_is_built_from_the_articles_given(
    folder: Path,
) -> None:
    with Index.open(folder, embedder=TinyEmbedder()) as index:
        (folder / "CURRENT").write_text("nonsense")
        with pytest.raises(IndexStoreError, match="no whole index in"):
            index.update([FISH])
        assert index.search("stone walls").articles[0].id == "walls"
