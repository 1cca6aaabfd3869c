"""An index copied to a store: what is sent, what is checked, and what a killed copy leaves."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qasearch import Index, IndexStoreError, StoreError
from qasearch.index import Generation
from qasearch.protocols import Batch
from qasearch.storage import Entry, Origin
from qasearch.stores import entries_of, open_store, origin_of
from tests.query.test_calibrate import ARTICLES
from tests.stores.conftest import EMBEDDER
from tests.tiny import TinyEmbedder


@pytest.fixture
def index(tmp_path: Path) -> Path:
    Index.build(ARTICLES, tmp_path / "index", embedder=EMBEDDER, token_bits=4)
    return tmp_path / "index"


def test_a_copy_answers_as_the_index_does(index: Path, remote: str) -> None:
    report = Index.copy(index, remote, embedder=EMBEDDER)
    assert (report.sent, report.unchanged, report.removed) == (24, 0, 0)
    assert (report.articles, report.passages, report.canaries) == (24, 48, 16)
    with (
        Index.open(remote, embedder=EMBEDDER) as there,
        Index.open(index, embedder=EMBEDDER) as here,
    ):
        for query in ("where do miners dig jade today", "who sells topaz", "xyzzy"):
            mine, theirs = here.search(query), there.search(query)
            assert theirs.verdict == mine.verdict
            assert theirs.articles[0].article == mine.articles[0].article
            assert theirs.articles[0].points[0].passage == mine.articles[0].points[0].passage
        assert there.article("jade") == here.article("jade")
        assert there.passage("jade#2") == here.passage("jade#2")
        assert there.subjects() == here.subjects()
        mine, theirs = here.related("jade"), there.related("jade")
        assert [hit.id for hit in theirs.articles] == [hit.id for hit in mine.articles] != []
        status = there.status()
        assert (status.articles, status.model, status.dim) == (24, "tiny", 128)
        assert status.generation == report.generation == there.search("jade").generation
        for ask in (there.ids, there.dupes, lambda: there.why("jade", "jade")):
            with pytest.raises(StoreError, match="is a store"):
                ask()


def test_only_what_differs_is_sent_again(index: Path, remote: str) -> None:
    first = Index.copy(index, remote, embedder=EMBEDDER)
    again = Index.copy(index, remote, embedder=EMBEDDER)
    assert (again.sent, again.unchanged, again.generation) == (0, 24, first.generation)
    newer = [replace(ARTICLES[0], question="Who digs for it?"), *ARTICLES[1:-1]]
    Index.build(newer, index, embedder=EMBEDDER)
    with Index.open(remote, embedder=EMBEDDER) as there:
        report = Index.copy(index, remote, embedder=EMBEDDER)
        assert (report.sent, report.unchanged, report.removed) == (1, 22, 1)
        assert there.status().generation == first.generation
        assert there.refresh()
        assert there.status().generation == report.generation
        assert there.article(ARTICLES[0].id).question == "Who digs for it?"
        with pytest.raises(LookupError):
            there.article(ARTICLES[-1].id)


class Killed(BaseException):
    """As if the process had ended."""


def test_a_killed_copy_goes_on_where_it_was(generation: Generation, remote: str) -> None:
    origin = origin_of(generation)
    entries = list(entries_of(generation))

    def some() -> Iterator[Entry]:
        yield from entries[:10]
        raise Killed

    with pytest.raises(Killed):
        _upsert(remote, origin, some(), batch=4)
    with pytest.raises(IndexStoreError, match="There is no index"):
        Index.open(remote, embedder=EMBEDDER)
    # Two batches of four had arrived whole.
    assert _upsert(remote, origin, entries, batch=4) == len(entries) - 8


def _upsert(address: str, origin: Origin, entries: Iterable[Entry], *, batch: int) -> int:
    """Upsert in batches of a size, with a store that is closed afterwards."""
    store = open_store(address, origin)
    sent, waiting = 0, list[Entry]()
    try:
        for entry in entries:
            waiting.append(entry)
            if len(waiting) == batch:
                sent += store.upsert(waiting)
                waiting = []
        return sent + store.upsert(waiting)
    finally:
        store.close()


def test_what_is_not_what_was_sent_is_not_published(generation: Generation, remote: str) -> None:
    store = open_store(remote, origin_of(generation))
    store.upsert(entries_of(generation))
    with pytest.raises(StoreError, match="not published"):
        store.publish(lambda reader: b"", expected="0" * 64)
    assert store.stats().generation is None
    store.close()


def test_an_index_of_another_model_is_refused(index: Path, remote: str) -> None:
    Index.copy(index, remote, embedder=EMBEDDER)
    with pytest.raises(IndexStoreError, match="built with embedder tiny"):
        Index.open(remote, embedder=TinyEmbedder(64))


def test_progress_counts_articles(index: Path, remote: str) -> None:
    seen: list[tuple[int, int, str]] = []

    def progress(batches: Iterable[Batch], *, total: int, what: str) -> Iterator[Batch]:
        for batch in batches:
            seen.append((len(batch), total, what))
            yield batch

    Index.copy(index, remote, embedder=EMBEDDER, progress=progress)
    assert seen == [(24, 24, "copying articles")]


def test_a_graph_finds_what_comparing_all_finds(generation: Generation, postgres: str) -> None:
    """Of PostgreSQL alone: Milvus has its graph always."""
    from qasearch.stores.address import parse_address
    from qasearch.stores.postgres import Postgres
    from qasearch.stores.remote import RemoteStore

    engine = Postgres(parse_address(f"{postgres}&schema=graph"), graph_above=0)
    store = RemoteStore(engine, origin_of(generation))
    store.upsert(entries_of(generation))
    store.publish(lambda reader: b"")
    scope = store.reader().scope()
    for row in range(0, 48, 7):
        query = generation.vectors[row : row + 1]
        there = store.reader().passage_vectors(scope.near(query, 5))
        here = generation.passage_vectors(generation.scope().near(query, 5))
        assert sorted((there @ query[0]).round(5)) == sorted((here @ query[0]).round(5))
    store.close()


def test_milvus_gets_the_settings_of_its_indexes(generation: Generation, milvus_file: str) -> None:
    from pymilvus import MilvusClient

    store = open_store(f"{milvus_file}/settings", origin_of(generation))
    store.upsert(entries_of(generation))
    client = MilvusClient(milvus_file.removeprefix("milvus:"))
    words, graph = (client.describe_index("settings_1", field) for field in ("sparse", "vector"))
    assert words["params"] == {"bm25_k1": 1.2, "bm25_b": 0.75}
    assert graph["params"] == {"M": 16, "efConstruction": 200}
    client.close()
    store.close()
