"""``Index.asearch``: the event loop goes on while it searches."""

import asyncio
import inspect
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_type_hints

import pytest

from qasearch import Article, Index
from qasearch.protocols import Vectors
from qasearch.query import SearchOptions
from tests.tiny import TinyEmbedder

ARTICLES = [
    Article("fish", "Which fish are landed?", "Mostly herring and cod.", subjects=("Food",)),
    Article("tolls", "Who pays for the harbour?", "Ships pay a toll.", subjects=("Law",)),
]


class Waiting(TinyEmbedder):
    """Holds each query up until the event loop lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = threading.Semaphore(0)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        assert self.may_go_on.acquire(timeout=60)
        return super().embed_queries(texts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Index.build(ARTICLES, tmp_path, embedder=TinyEmbedder())
    return tmp_path


@pytest.fixture
def index(folder: Path) -> Iterator[Index]:
    with Index.open(folder, embedder=TinyEmbedder()) as index:
        yield index


def test_it_answers_as_search_does(index: Index) -> None:
    found = asyncio.run(index.asearch("herring", k=1, where={"subject": "food"}, explain=True))
    same = index.search("herring", k=1, where={"subject": "food"}, explain=True)
    assert found.articles == same.articles
    assert found.articles[0].id == "fish"


def test_the_loop_goes_on_meanwhile_and_searches_run_side_by_side(folder: Path) -> None:
    embedder = Waiting()

    async def ask() -> list[str]:
        with Index.open(folder, embedder=embedder) as index:
            asked = [asyncio.create_task(index.asearch(query)) for query in ("herring", "toll")]
            await asyncio.sleep(0)
            # Only if the loop was not held up does this let both of them go on.
            embedder.may_go_on.release(2)
            return [result.articles[0].id for result in await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == ["fish", "tolls"]


def test_a_slip_is_raised_where_it_is_awaited(index: Index) -> None:
    with pytest.raises(ValueError, match="k must be"):
        asyncio.run(index.asearch("herring", k=0))


def test_it_takes_what_search_takes() -> None:
    """``search`` spells its options out for people; the two must not drift apart."""
    taken = inspect.signature(Index.search).parameters
    assert set(get_type_hints(SearchOptions)) == set(taken) - {"self", "query"}
