"""Commands of ``qasearch``, several at a time: forks of this process, which has all loaded.

Each goes through the door that every command goes through, with its exit code and its messages; but
the embedder is the tiny one. This process must have one thread.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from unittest.mock import patch

from qasearch.cli import main
from tests.reliability.contents import EMBEDDER

MOST_SECONDS = 120
"""A command that takes longer hangs, and is killed."""

_INTERRUPTS = {signal.SIGINT, signal.SIGTERM}
_NO_EXIT_CODE = 99


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, or a signal below zero; and all that it said."""

    process: int
    code: int
    said: str


class Commands:
    """Commands that begin at the same moment.

    Attributes:
        processes: their ids.

    Args:
        command_lines: the arguments of each.
        scratch: a folder for what they say.
    """

    def __init__(self, command_lines: Sequence[Sequence[str | Path]], scratch: Path) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._said = [scratch / f"said {number}" for number in range(len(command_lines))]
        gate, self._bolt = os.pipe()
        signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        self.processes = [
            self._fork([str(word) for word in words], said, gate)
            for words, said in zip(command_lines, self._said, strict=True)
        ]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
        os.close(gate)

    def begin(self) -> None:
        """Let them all begin."""
        os.close(self._bolt)

    def wait(self) -> list[Ended]:
        """Wait until they all have ended."""
        until = time.monotonic() + MOST_SECONDS
        return [
            Ended(process, _wait(process, until), said.read_text() if said.exists() else "")
            for process, said in zip(self.processes, self._said, strict=True)
        ]

    def _fork(self, words: Sequence[str], said: Path, gate: int) -> int:
        process = os.fork()
        if process:
            return process
        os.close(self._bolt)
        os.read(gate, 1)  # returns when all who could write have closed it
        _run(words, said)


def run(*words: str | Path, scratch: Path) -> Ended:
    """Run one command to its end."""
    commands = Commands([words], scratch)
    commands.begin()
    (ended,) = commands.wait()
    return ended


def _wait(process: int, until: float) -> int:
    while time.monotonic() < until:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _run(words: Sequence[str], said: Path) -> NoReturn:
    """The fork's whole life."""
    code = _NO_EXIT_CODE
    try:
        with ExitStack() as patches:
            file = patches.enter_context(said.open("w", encoding="utf-8"))
            for stream in ("sys.stdout", "sys.stderr"):
                patches.enter_context(patch(stream, file))
            patches.enter_context(patch("qasearch.api.load_embedder", lambda *_, **__: EMBEDDER))
            sys.argv = ["qasearch", *words]
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
            code = main()
    except KeyboardInterrupt:
        code = 130  # as Python itself would end, before main or after it
    finally:
        os._exit(code)
