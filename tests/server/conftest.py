import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from qasearch import Embedder, Index
from qasearch.server import Settings, create_app
from qasearch.server.run import listen, make_server
from tests.server.articles import ARTICLES, BERTHS
from tests.tiny import TinyEmbedder

LOCAL = Settings(port=0)
OPENED = "http://127.0.0.1"

Client = TestClient


@pytest.fixture(scope="session")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of all articles, by the tiny embedder."""
    folder = tmp_path_factory.mktemp("harbour") / "index"
    Index.build(
        sorted([*ARTICLES, *BERTHS], key=lambda article: article.id),
        folder,
        embedder=TinyEmbedder(1024),
    )
    return folder


@pytest.fixture(scope="session")
def client(harbour: Path) -> Iterator[TestClient]:
    """Asks the application itself, without a socket; as a caller at 127.0.0.1, port 80."""
    app = create_app(harbour, TinyEmbedder(1024), LOCAL)
    with TestClient(app, base_url=OPENED, raise_server_exceptions=False) as client:
        yield client


@dataclass(frozen=True)
class Served:
    """A server that runs in a thread, with what its application is made of."""

    host: str
    port: int

    @property
    def url(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{name}:{self.port}"

    def connect(self, timeout: float = 20.0) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout)

    def send(self, request: bytes, *, timeout: float = 20.0) -> bytes:
        """Send bytes as they are, and read whatever comes until the server closes."""
        with self.connect(timeout) as connection:
            connection.sendall(request)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    parts: list[bytes] = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass  # the server closed with something of ours unread; what it said before counts
    return b"".join(parts)


Serve = Callable[..., Served]


@pytest.fixture(scope="session")
def serve() -> Iterator[Serve]:
    """Run servers on free ports of this machine until the tests end."""
    with ExitStack() as stack:

        def start(
            index: Path, settings: Settings = LOCAL, embedder: Embedder | None = None
        ) -> Served:
            sockets = listen(settings.host, 0)
            app = create_app(index, embedder or TinyEmbedder(1024), settings)
            server = make_server(app, settings)
            thread = threading.Thread(target=server.run, kwargs={"sockets": sockets})
            thread.start()

            def stop() -> None:
                server.should_exit = True
                thread.join(timeout=30)
                assert not thread.is_alive()
                for each in sockets:
                    each.close()

            stack.callback(stop)
            while not server.started:
                time.sleep(0.01)
            return Served(*sockets[0].getsockname()[:2])

        yield start


@pytest.fixture(scope="session")
def served(serve: Serve, harbour: Path) -> Served:
    """The harbour on a socket, with the limits that users have."""
    return serve(harbour)
