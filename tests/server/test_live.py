"""The index is followed from one generation to the next; no request is lost, none is mixed."""

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import httpx2
import pytest

from qasearch import Article, Index
from qasearch.server import Settings
from qasearch.server.live import LiveIndex, NotReadyError
from tests.server.conftest import Serve
from tests.tiny import TinyEmbedder

ARTICLES = 12


def build(folder: Path, number: int) -> str:
    """Build a generation in which every text says the number of it, and give its name."""
    articles = [
        Article(
            id=f"{n:02}",
            question=f"What says article {n} of edition {number}?",
            answer=f"1. **First**: edition {number} speaks.\n\n2. **Second**: edition {number}.",
            subjects=(f"Edition {number}",),
        )
        for n in range(ARTICLES)
    ]
    report = Index.build(articles, folder, embedder=TinyEmbedder(1024))
    assert report.generation
    return report.generation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture(params=[30.0])
def live(folder: Path, request: pytest.FixtureRequest) -> Iterator[LiveIndex]:
    build(folder, 1)
    live = LiveIndex(folder, TinyEmbedder(1024), retry_seconds=request.param)
    yield live
    live.close()


def test_a_new_generation_answers_after_a_refresh(live: LiveIndex, folder: Path) -> None:
    assert live.refresh() is False
    second = build(folder, 2)
    with live.borrow() as before:
        assert before.index.article("00").subjects == ("Edition 1",)
    assert live.refresh() is True
    with live.borrow() as snapshot:
        assert snapshot.status.generation == second
        assert snapshot.subjects == [("Edition 2", ARTICLES)]
        assert [q.id for q in snapshot.completer.complete("what says article 7 of edition 2")] == [
            "07"
        ]
    assert live.refresh() is False


def test_who_reads_the_old_one_reads_on(live: LiveIndex, folder: Path) -> None:
    with live.borrow() as old:
        build(folder, 2)
        live.refresh()
        with live.borrow() as new:
            assert new.index.article("00").subjects == ("Edition 2",)
        assert old.index.article("00").subjects == ("Edition 1",)
    # Its last reader has gone: it is closed.
    with pytest.raises(Exception, match="closed"):
        old.index.article("00")


def test_one_that_nobody_reads_is_closed_at_once(live: LiveIndex, folder: Path) -> None:
    with live.borrow() as old:
        pass
    build(folder, 2)
    live.refresh()
    with pytest.raises(Exception, match="closed"):
        old.index.article("00")


@pytest.mark.parametrize("live", [0.0, 30.0], indirect=True)
def test_a_damaged_generation_is_not_used(
    live: LiveIndex, folder: Path, request: pytest.FixtureRequest
) -> None:
    second = build(folder, 2)
    damaged = folder / second / "passages.sqlite"
    whole = damaged.read_bytes()
    damaged.chmod(0o644)
    damaged.write_bytes(whole[:-1] + b"\xff")
    assert live.refresh() is False
    assert live.fault == "index_damaged"
    with live.borrow() as snapshot:
        assert snapshot.index.article("00").subjects == ("Edition 1",)
    # Mended, it is used, though not looked at again before its time has come.
    damaged.write_bytes(whole)
    retried = request.node.callspec.params["live"] == 0.0
    assert live.refresh() is retried
    assert live.fault == (None if retried else "index_damaged")


def test_an_index_that_is_gone(live: LiveIndex, folder: Path) -> None:
    current = folder / "CURRENT"
    current.rename(folder / "CURRENT.aside")
    assert live.refresh() is False
    assert live.fault == "index_not_found"
    with live.borrow() as snapshot:
        assert snapshot.index.search("first").articles
    (folder / "CURRENT.aside").rename(current)
    assert live.refresh() is False
    assert live.fault is None


def test_after_the_end_nothing_is_borrowed(folder: Path) -> None:
    build(folder, 1)
    live = LiveIndex(folder, TinyEmbedder(1024))
    with live.borrow() as snapshot:
        live.close()
        assert snapshot.index.article("00").id == "00"
    with pytest.raises(NotReadyError), live.borrow():
        pass


def editions(text: str) -> set[str]:
    return set(re.findall(r"[Ee]dition[ +](\d+)", text))


@pytest.mark.parametrize("swaps", [8])
def test_swaps_under_requests(folder: Path, serve: Serve, swaps: int) -> None:
    """Every reply is whole, and all of it from one generation, while generations come and go."""
    build(folder, 1)
    server = serve(folder, Settings(port=0, reload_seconds=0.02))
    asked = [
        "/api/search?q=first+second&k=12&facets=subject",
        "/?q=first+second",
        "/api/articles/07",
        "/article/07",
        "/api/related/03",
        "/api/complete?q=what+says+article",
    ]
    stop = threading.Event()
    seen: set[str] = set()

    def ask(url: str) -> int:
        """Ask until told to stop; give the number of replies, each of which was right."""
        with httpx2.Client(base_url=server.url, timeout=30) as caller:
            for done in count():
                if stop.is_set():
                    return done
                reply = caller.get(url)
                assert reply.status_code == 200, reply.text
                # The page offers the question as it was asked; it has no number in it.
                (edition,) = editions(reply.text)
                seen.add(edition)
        raise AssertionError

    with ThreadPoolExecutor(len(asked)) as pool:
        asking = [pool.submit(ask, url) for url in asked]
        try:
            for number in range(2, swaps + 2):
                generation = build(folder, number)
                deadline = time.monotonic() + 30
                while httpx2.get(f"{server.url}/health").json()["generation"] != generation:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
        finally:
            stop.set()
        assert all(each.result() > 0 for each in asking)
    assert len(seen) > 2
    assert editions(httpx2.get(f"{server.url}{asked[0]}").text) == {str(swaps + 1)}
    # Generations that were replaced are let go: builders have collected them.
    assert len(list(folder.glob("gen-*"))) <= 3
