"""A pager for what is longer than the screen, as git has one; never where output is piped."""

import math
import os
import shlex
import shutil
import subprocess
import sys
from contextvars import ContextVar

from qasearch.cli.console import flush, unpainted, write

WANTED: ContextVar[bool] = ContextVar("WANTED", default=True)
"""Whether long results are paged; ``qasearch --no-pager`` says no."""

_LESS_SETTINGS = "FRX"
"""Git's: leave at once if all fits, let colours through, leave the text on the screen."""


def page(text: str) -> None:
    """Write a result for people: through a pager if stdout is a terminal too short for it."""
    command = _pager() if WANTED.get() and sys.stdout.isatty() and not _fits(text) else []
    if not (command and _shown(text, command)):
        write(text)


def _pager() -> list[str]:
    """``QASEARCH_PAGER``, else ``PAGER``, else less; empty if there is none or it is cat."""
    named = os.environ.get("QASEARCH_PAGER", os.environ.get("PAGER", "less"))
    try:
        command = shlex.split(named)
    except ValueError:  # a quotation mark without its second
        return []
    found = shutil.which(command[0]) if command else None
    return [found, *command[1:]] if found and command[0] != "cat" else []


def _fits(text: str) -> bool:
    """Whether a screen holds all lines and the prompt below them."""
    screen = shutil.get_terminal_size()
    rows = (math.ceil(len(unpainted(line)) / screen.columns) or 1 for line in text.split("\n"))
    return sum(rows) < screen.lines


def _shown(text: str, command: list[str]) -> bool:
    """Whether the pager could be started; the reader may leave it early."""
    flush()
    environment = {"LESS": _LESS_SETTINGS, **os.environ}
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    except OSError:
        return False
    content: bytes | None = f"{text}\n".encode(errors="backslashreplace")
    while True:
        try:
            process.communicate(content)
            return True
        except KeyboardInterrupt:  # is for the pager, which has the terminal
            content = None
