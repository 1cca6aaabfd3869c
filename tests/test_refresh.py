"""An open index and the generations that come after it: refresh, queries under way, close."""

import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qasearch import Article, Index, SearchResult
from qasearch.errors import IndexMismatchError, IndexNotFoundError
from qasearch.index import Files
from qasearch.index.pins import pinned_generations
from tests.tiny import TinyEmbedder

EMBEDDER = TinyEmbedder(64)


def build(index: Path, edition: int) -> str:
    """Build from two articles that say which edition they are of; return the generation."""
    articles = [
        Article(
            id=id,
            question=f"What about {id} in edition {edition}?",
            answer=f"1. **{id}**: edition {edition} says this of {id}.\n\n2. **More**: a bell.",
        )
        for id in ("walls", "ships")
    ]
    return str(Index.build(articles, index, embedder=EMBEDDER).generation)


def editions(result: SearchResult) -> set[str]:
    """The editions that a result speaks of."""
    texts = [text for hit in result.articles for text in (hit.question, hit.article.answer)]
    texts += [point.text for hit in result.articles for point in hit.points[:1]]
    return {text.partition("edition ")[2][:2].strip("? ") for text in texts if "edition" in text}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build(tmp_path / "index", 1)
    return tmp_path / "index"


def test_a_new_generation_is_seen_on_refresh_and_not_before(folder: Path) -> None:
    with Index.open(folder, embedder=EMBEDDER) as index:
        assert index.refresh() is False
        before = index.search("walls").generation
        after = build(folder, 2)
        assert index.search("walls").generation == index.status().generation == before
        assert editions(index.search("walls")) == {"1"}
        assert index.refresh() is True
        assert index.search("walls").generation == index.status().generation == after
        assert editions(index.search("walls")) == {"2"}
        assert "edition 2" in index.article("walls").question
        assert index.refresh() is False


def test_a_refresh_follows_a_rollback(folder: Path) -> None:
    build(folder, 2)
    with Index.open(folder, embedder=EMBEDDER) as index:
        before = Index.rollback(folder)
        assert index.refresh()
        assert index.search("walls").generation == before
        assert editions(index.search("walls")) == {"1"}


def test_an_index_opened_for_its_texts_is_refreshed_too(folder: Path) -> None:
    with Index.open(folder, searchable=False) as index:
        build(folder, 2)
        assert index.refresh()
        assert "edition 2" in index.article("walls").question


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists open files in /proc")
def test_what_is_not_answered_from_any_more_is_let_go(folder: Path) -> None:
    before = open_files()
    index = Index.open(folder, embedder=EMBEDDER)
    held = open_files()
    for edition in range(2, 6):
        name = build(folder, edition)
        assert index.refresh()
        assert pinned_generations(folder, Files()) == {name}
    assert open_files() == held > before
    index.close()
    index.close()
    assert pinned_generations(folder, Files()) == set()
    assert open_files() == before


class Waiting(TinyEmbedder):
    """Holds queries up until it may go on."""

    def __init__(self) -> None:
        super().__init__(64)
        self.asked, self.may_go_on = threading.Event(), threading.Event()

    def embed_queries(self, texts):  # pyright: ignore
        self.asked.set()
        self.may_go_on.wait(60)
        return super().embed_queries(texts)


@pytest.mark.parametrize("let_go", ["refresh", "close"])
def test_a_query_ends_on_the_generation_that_it_began_with(folder: Path, let_go: str) -> None:
    embedder = Waiting()
    index = Index.open(folder, embedder=embedder)
    first = index.status().generation
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(index.search, "walls")
        assert embedder.asked.wait(60)
        for edition in range(2, 6):  # enough for the first to be collected, if it were not in use
            newest = build(folder, edition)
        getattr(index, let_go)()
        if sys.platform != "win32":
            assert first in pinned_generations(folder, Files())
        embedder.may_go_on.set()
        result = running.result(60)
    assert result.generation == first
    assert editions(result) == {"1"}
    del running
    if sys.platform != "win32":
        left = {newest} if let_go == "refresh" else set[str]()
        assert pinned_generations(folder, Files()) == left
    index.close()


def test_threads_search_while_one_builds_and_all_refresh(folder: Path) -> None:
    edition_of = {Index.open(folder, embedder=EMBEDDER).status().generation: "1"}
    stop = threading.Event()
    seen: list[tuple[str, str]] = []

    def ask(index: Index) -> None:
        while not stop.is_set():
            index.refresh()
            result = index.search("walls and ships")
            (edition,) = editions(result)
            seen.append((result.generation, edition))

    with Index.open(folder, embedder=EMBEDDER) as index, ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, index) for _ in range(4)]
        for edition in range(2, 12):
            edition_of[build(folder, edition)] = str(edition)
        stop.set()
        for each in asking:
            each.result(60)
        index.refresh()
        assert editions(index.search("walls")) == {"11"}
    assert {edition_of[generation] == edition for generation, edition in seen} == {True}
    assert len({edition for _, edition in seen}) > 1


def test_of_refreshes_at_once_all_see_the_new_generation(folder: Path) -> None:
    with Index.open(folder, embedder=EMBEDDER) as index, ThreadPoolExecutor(8) as pool:
        barrier = threading.Barrier(8)

        def refresh_together() -> bool:
            barrier.wait(60)
            return index.refresh()

        newest = build(folder, 2)
        changed = [each.result(60) for each in [pool.submit(refresh_together) for _ in range(8)]]
        assert any(changed)
        assert index.status().generation == newest
        assert index.refresh() is False


def test_after_a_refresh_that_fails_the_generation_from_before_answers(folder: Path) -> None:
    with Index.open(folder, embedder=EMBEDDER) as index:
        Index.build(
            [Article("x", "X?", "X.")], folder, embedder=TinyEmbedder(32), allow_shrink=True
        )
        with pytest.raises(IndexMismatchError, match="tiny-32"):
            index.refresh()
        assert editions(index.search("walls")) == {"1"}
        shutil.rmtree(folder)
        with pytest.raises(IndexNotFoundError):
            index.refresh()
        assert editions(index.search("walls")) == {"1"}


def test_a_closed_index_says_so(folder: Path) -> None:
    index = Index.open(folder, embedder=EMBEDDER)
    index.close()
    for ask in (index.refresh, index.status, lambda: index.search("walls")):
        with pytest.raises(ValueError, match="closed"):
            ask()


def test_an_index_opened_by_the_name_of_a_generation_stays_with_it(folder: Path) -> None:
    with Index.open(folder, embedder=EMBEDDER) as index:
        first = index.status().generation
    with Index.open(folder, embedder=EMBEDDER, generation=first) as index:
        build(folder, 2)
        assert index.refresh() is False
        assert index.status().generation == first
        assert editions(index.search("walls")) == {"1"}
