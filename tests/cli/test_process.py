"""What only a real process can show: streams, signals, encodings, terminals."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, Start

Terminal = tuple[int, Callable[[], str]]


def test_exit_code_and_streams(start: Start, tmp_path: Path) -> None:
    process = start("status", "-i", tmp_path / "nowhere")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, b"")
    assert err.startswith(b"error: There is no index")


def test_each_query_is_answered_before_the_next_is_asked(start: Start) -> None:
    process = start("search", "-", "--format", "jsonl")
    assert process.stdin and process.stdout
    for query in (b"who pays", b"boil water"):
        process.stdin.write(query + b"\n")
        process.stdin.flush()
        assert b'"query": "%s"' % query in process.stdout.readline()


@pytest.fixture
def talking(start: Start, tmp_path: Path) -> subprocess.Popen[bytes]:
    """A command that has more to say than fits into a pipe, and has begun to."""
    articles = [f'{{"id": "{id}", "question": "Who?", "answer": "We."}}\n' for id in range(2_000)]
    (tmp_path / "articles.jsonl").write_text("".join(articles))
    process = start("parse", "articles.jsonl")
    assert process.stdout
    assert process.stdout.readline()
    return process


def test_a_reader_that_stops_is_no_failure(talking: subprocess.Popen[bytes]) -> None:
    assert talking.stdout and talking.stderr
    talking.stdout.close()
    assert talking.stderr.read() == b""
    assert talking.wait(timeout=60) == 0


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt(talking: subprocess.Popen[bytes], sign: signal.Signals) -> None:
    talking.send_signal(sign)
    _, err = talking.communicate(timeout=60)
    assert (talking.returncode, err) == (130, b"error: Interrupted.\n")


def test_output_is_utf8_whatever_the_locale(start: Start, tmp_path: Path) -> None:
    article = "---\nid: a\nquestion: Où?\n---\n\nIci → là.\n"
    (tmp_path / "a.md").write_text(article, encoding="utf-8")
    process = start("parse", "a.md", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert "Ici → là." in out.decode()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal to write to, and a way to see what was written."""
    pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX")
    ours, theirs = pty.openpty()
    yield theirs, lambda: os.read(ours, 65_536).decode()
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(("environment", "rich"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_and_links_on_a_terminal(
    environment: dict[str, str], rich: bool, built: Path, terminal: Terminal
) -> None:
    stdout, written = terminal
    settings = {"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "", **environment}
    done = subprocess.run(
        [*COMMAND, "show", "401", "-i", str(built)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **settings},
        timeout=60,
        check=True,
    )
    shown = written()
    assert done.stderr == b""
    assert ("\x1b[1mWho pays for missions?\x1b[0m" in shown) is rich
    assert ("\x1b]8;;https://example.org/missions\x1b\\" in shown) is rich
    assert ("\x1b" in shown) is rich


WORK = """
import sys, time
from qasearch.cli.progress import progress_on_terminal

batches = [["a", "b"], ["c"], ["d"]]
for batch in progress_on_terminal(quiet=len(sys.argv) > 1)(batches, total=4, what="trying"):
    time.sleep(0.2)
    sys.stdout.write("".join(batch))
"""


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_on_a_terminal(quiet: bool, terminal: Terminal) -> None:
    stderr, written = terminal
    os.write(stderr, b"begin")
    done = subprocess.run(
        [sys.executable, "-c", WORK, *(["-q"] if quiet else [])],
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"},
        timeout=60,
        check=True,
    )
    assert done.stdout == b"abcd"
    if quiet:
        assert written() == "begin"
    else:
        assert re.search(r"trying .* [23]/4 .*/s +0:00:0\d left", written())


def test_no_progress_without_a_terminal() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"abcd", b"")
