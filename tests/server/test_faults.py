"""What goes wrong inside is told to the log; callers get an id."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from qasearch import EmbedderError
from qasearch.protocols import Vectors
from qasearch.server import Settings, create_app
from qasearch.server.run import listen
from tests.server.conftest import Serve
from tests.tiny import TinyEmbedder

SECRET = "/home/somebody/model.bin"


class Failing(TinyEmbedder):
    """Fails at the words that name an error, with a message that is nobody's affair."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        for text in texts:
            if "runtime" in text:
                raise RuntimeError(f"no such file: {SECRET}")
            if "subclass" in text:
                raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, SECRET)
            if "embedder" in text:
                raise EmbedderError("tiny", f"{SECRET} is damaged")
            if "memory" in text:
                raise MemoryError(SECRET)
        return super().embed_queries(texts)


@pytest.fixture(scope="module")
def failing(harbour: Path) -> Iterator[TestClient]:
    app = create_app(harbour, Failing(1024), Settings(port=0))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "code"),
    [("runtime", "fault"), ("subclass", "fault"), ("memory", "fault"), ("embedder", "embedder")],
)
@pytest.mark.parametrize("page", [False, True])
def test_a_fault(
    failing: TestClient, caplog: pytest.LogCaptureFixture, query: str, code: str, page: bool
) -> None:
    path = "/" if page else "/api/search"
    headers = {"Accept": "text/html"} if page else {}
    reply = failing.get(path, params={"q": query}, headers=headers)
    id = reply.headers["x-request-id"]
    assert reply.status_code == 500
    assert SECRET not in reply.text
    assert "Traceback" not in reply.text
    if page:
        assert f"500 · {code} · {id}" in reply.text
    else:
        assert reply.json()["error"].items() >= {"code": code, "id": id}.items()
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [id in record.getMessage() for record in logged] == [True]
    assert logged[0].exc_info
    assert failing.get("/api/search", params={"q": "tolls"}).status_code == 200


def test_a_model_that_cannot_be_loaded_leaves_the_server_unready(harbour: Path) -> None:
    class Broken(TinyEmbedder):
        def embed_queries(self, texts: Sequence[str]) -> Vectors:
            raise EmbedderError("tiny", "gone")

    app = create_app(harbour, Broken(1024), Settings(port=0))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        reply = client.get("/ready")
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "not_ready")
        assert reply.headers["retry-after"] == "1"
        assert client.get("/health").status_code == 200
        assert client.get("/api/articles/money").status_code == 200


class Slow(TinyEmbedder):
    """Embeds once it is allowed to."""

    def __init__(self) -> None:
        super().__init__(1024)
        self.allowed = threading.Event()
        self.begun = threading.Semaphore(0)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        if "warm up" not in texts:
            self.begun.release()
            assert self.allowed.wait(timeout=30)
        return super().embed_queries(texts)


def test_searches_beyond_the_limit_are_told_to_come_back(harbour: Path, serve: Serve) -> None:
    embedder = Slow()
    server = serve(harbour, Settings(port=0, searches=1, waiting=2), embedder)

    def ask(number: int) -> httpx2.Response:
        return httpx2.get(f"{server.url}/api/search", params={"q": f"berth {number}"}, timeout=30)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, number) for number in range(8)]
        try:
            assert embedder.begun.acquire(timeout=30)
            busy: list[httpx2.Response] = []
            while len(busy) < 5:
                busy = [each.result() for each in asked if each.done()]
            # Looking something up does not wait for searches.
            assert httpx2.get(f"{server.url}/api/articles/money").status_code == 200
            assert httpx2.get(f"{server.url}/health").status_code == 200
        finally:
            embedder.allowed.set()
        statuses = sorted(each.result().status_code for each in asked)
    assert statuses == [200] * 3 + [503] * 5
    for reply in busy:
        assert reply.headers["retry-after"] == "1"
        assert reply.json()["error"]["code"] == "busy"


def test_a_port_that_is_taken() -> None:
    (taken,) = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with taken, pytest.raises(ValueError, match=rf"127\.0\.0\.1, port {port}: Address already"):
        listen("127.0.0.1", port)


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 80), ("127.0.0.1", 99_999)])
def test_an_address_that_is_none(host: str, port: int) -> None:
    with pytest.raises(ValueError, match="Cannot listen on"):
        listen(host, port)


def test_replies_are_not_held_back() -> None:
    """asyncio turns Nagle's algorithm off, but only where a socket says that it is TCP."""
    (listening,) = listen("127.0.0.1", 0)
    with listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_localhost_is_listened_to_on_one_port() -> None:
    sockets = listen("localhost", 0)
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
    finally:
        for each in sockets:
            each.close()


def test_nothing_is_done_for_other_protocols(harbour: Path) -> None:
    app = create_app(harbour, TinyEmbedder(1024), Settings(port=0))

    async def open_websocket() -> list[str]:
        sent: list[str] = []

        async def receive() -> dict[str, str]:
            return {"type": "websocket.connect"}

        async def send(message: dict[str, str]) -> None:
            sent.append(message["type"])

        scope = {
            "type": "websocket",
            "path": "/",
            "raw_path": b"/",
            "headers": [],
            "subprotocols": [],
        }
        await app(scope, receive, send)  # pyright: ignore
        return sent

    assert asyncio.run(open_websocket()) == ["websocket.close"]
