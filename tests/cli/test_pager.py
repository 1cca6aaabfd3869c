"""Long results on a terminal are paged; on nothing else."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND

pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX")

PAGER = "#!/bin/sh\necho paged\nsed 's/^/> /'\n"
TALL, SHORT = "200", "3"


@pytest.fixture
def pager(tmp_path: Path) -> str:
    path = tmp_path / "a pager"
    path.write_text(PAGER, encoding="utf-8")
    path.chmod(0o755)
    return f"'{path}'"


def shown(built: Path, *options: str, lines: str, **settings: str) -> list[str]:
    """The lines of an article on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "80", "LINES": lines}
    done = subprocess.run(
        [*COMMAND, *options, "show", "tea", "-i", str(built)],
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment, **settings},
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    written = os.read(ours, 65_536).decode().splitlines()
    os.close(ours)
    os.close(theirs)
    return written


def test_what_is_longer_than_the_terminal_is_paged(built: Path, pager: str) -> None:
    plain = shown(built, lines=TALL, QASEARCH_PAGER=pager)
    assert plain[0] == "How is black tea made?"
    paged = ["paged", *(f"> {line}" for line in plain)]
    assert shown(built, lines=SHORT, QASEARCH_PAGER=pager) == paged
    assert shown(built, lines=SHORT, PAGER=pager) == paged
    # The prompt needs a line too.
    assert shown(built, lines=str(len(plain)), PAGER=pager) == paged
    assert shown(built, lines=str(len(plain) + 1), PAGER=pager) == plain


@pytest.mark.parametrize("named", ["", "cat", "no-such-pager --fast", "an 'open quote"])
def test_a_pager_that_is_none_leaves_the_text_plain(built: Path, named: str) -> None:
    plain = shown(built, lines=TALL)
    assert shown(built, lines=SHORT, QASEARCH_PAGER=named) == plain


def test_nobody_is_paged_who_says_no(built: Path, pager: str) -> None:
    plain = shown(built, lines=TALL)
    assert shown(built, "--no-pager", lines=SHORT, PAGER=pager) == plain


def test_a_pager_that_stops_reading_is_no_failure(built: Path) -> None:
    assert shown(built, lines=SHORT, PAGER="head -n 1") == ["How is black tea made?"]


def test_what_is_piped_is_not_paged(built: Path, pager: str) -> None:
    done = subprocess.run(
        [*COMMAND, "show", "tea", "-i", str(built)],
        capture_output=True,
        env={**os.environ, "PAGER": pager, "LINES": SHORT},
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith(b"How is black tea made?\n")
