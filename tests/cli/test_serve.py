"""``qasearch serve`` as a process: what it says, whom it serves, how it ends."""

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.conftest import Command

pytest.importorskip("fastapi", reason="the extra serve is not installed")

COMMAND = [sys.executable, "-c", "import sys; from qasearch.cli import main; sys.exit(main())"]
TOKEN = "a-token-for-the-tests-0123456789"

Running = tuple[subprocess.Popen[str], str]
Start = Callable[..., Running]


@pytest.fixture
def start(built: Path, model: Path) -> Iterator[Start]:
    """Serve the small index on a free port; give the process and the address of its page."""
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: str, **environment: str) -> Running:
        process = subprocess.Popen(
            [*COMMAND, "serve", "-i", str(built), "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "QASEARCH_MODEL": str(model), **environment},
        )
        processes.append(process)
        assert process.stderr
        first = process.stderr.readline()
        match = re.search(r" at (http://\S+/)  \(Ctrl-C stops\)$", first)
        assert match, first + process.stderr.read()
        return process, match[1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def get(url: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as reply:
        return reply.read()


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_it_is_told_to_stop(start: Start, sign: signal.Signals) -> None:
    process, url = start()
    assert b'"id":"401"' in get(f"{url}api/search?q=who+pays")
    assert b"Who pays for missions?" in get(f"{url}?q=who+pays")
    process.send_signal(sign)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_requests_that_have_begun_are_answered(start: Start) -> None:
    process, url = start()
    get(f"{url}api/search?q=warm")
    replies: list[bytes] = []

    def ask() -> None:
        # Who comes too late is not let in; half a reply would be an error of another kind.
        with suppress(OSError):
            replies.append(get(f"{url}api/search?q=who+pays&k=100&points=100"))

    asking = [threading.Thread(target=ask) for _ in range(16)]
    for thread in asking:
        thread.start()
    while not replies:
        pass
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    for thread in asking:
        thread.join()
    assert process.returncode == 0
    assert "Traceback" not in err
    assert all(reply.endswith(b"}") for reply in replies)


def test_the_log_is_on_stderr(start: Start) -> None:
    process, url = start("-v")
    get(f"{url}api/search?q=a+secret+question")
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert re.search(r"INFO [0-9a-f]{12} GET /api/search 200 [0-9.]+ ms\n", err)
    assert "secret" not in err


def test_with_a_token_of_the_environment(start: Start) -> None:
    _, url = start("--host", "127.0.0.1", QASEARCH_TOKEN=TOKEN)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(f"{url}health")
    assert b'"status":"ok"' in get(f"{url}health", Authorization=f"Bearer {TOKEN}")


def test_another_host_needs_a_token(on_index: Command) -> None:
    outcome = on_index("serve", "--host", "0.0.0.0")
    assert (outcome.code, outcome.out) == (2, "")
    assert "so a token is needed: set QASEARCH_TOKEN" in outcome.err


def test_a_short_token(on_index: Command) -> None:
    outcome = on_index("serve", "--token", "short")
    assert outcome.code == 2
    assert "at least 16 ASCII characters" in outcome.err


def test_no_index(qasearch: Command) -> None:
    outcome = qasearch("serve", "-i", "nowhere", "--port", "0")
    assert outcome.code == 3
    assert "There is no index in nowhere." in outcome.err


def test_a_port_that_is_taken(on_index: Command, start: Start) -> None:
    _, url = start()
    port = url.rstrip("/").rpartition(":")[2]
    outcome = on_index("serve", "--port", port)
    assert outcome.code == 2
    assert f"Cannot listen on 127.0.0.1, port {port}: Address already in use." in outcome.err
