"""The commands together, and the one door through which every outcome leaves."""

import gc
import signal
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import Annotated

import typer

from qasearch import __version__
from qasearch.cli import pager
from qasearch.cli.bare import as_search
from qasearch.cli.completion import as_bash_breaks_words
from qasearch.cli.console import ReaderGoneError, flush, stop_writing, use_utf8, write
from qasearch.cli.errors import ExitCode, report

COMMANDS = (
    "build", "merge", "watch", "search", "show", "why", "related", "parse", "run", "eval",
    "import", "export", "copy", "diff", "dupes", "status", "verify", "doctor", "rollback", "serve",
    "mcp",
)  # fmt: skip
"""Each is a function of its name in the module of its name, in the order of ``--help``."""

_OTHER_NAMES = {"eval": ("eval", "evaluate"), "import": ("import_", "import_")}
"""Module and function where Python has the name for something of its own."""


def _show_version(wanted: bool) -> None:
    if wanted:
        write(f"qasearch {__version__}")
        raise typer.Exit


def _qasearch(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    no_pager: Annotated[
        bool,
        typer.Option("--no-pager", help="Never page what is longer than the terminal."),
    ] = False,
) -> None:
    """Semantic search for questions and answers: the right article, and the point that answers.

    For example:

        qasearch build seeds/

        qasearch search "how is peacekeeping funded"

        qasearch how is peacekeeping funded

    A question without a command is searched for. What is longer than the terminal is shown in
    QASEARCH_PAGER, else PAGER, else less; an empty one or cat shows it plainly.

    Exit codes: 0 done; 1 done, with something to report; 2 wrong usage; 3 index missing, damaged
    or of another model; 4 another build is running; 5 no space or an I/O error; 6 model missing
    or not what it claims to be; 70 a fault of qasearch; 130 interrupted.
    """
    pager.WANTED.set(not no_pager)
    if context.invoked_subcommand is None:
        raise ValueError("Which command? `qasearch --help` lists them.")


def app_of(names: Iterable[str]) -> typer.Typer:
    """These commands together: no other is imported, which would take longer than most take."""
    # Without markup modes typer writes help and errors itself and leaves rich, slow to import,
    # alone.
    app = typer.Typer(name="qasearch", rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(_qasearch)
    for name in names:
        module, function = _OTHER_NAMES.get(name, (name, name))
        app.command(name)(getattr(import_module(f"qasearch.cli.{module}"), function))
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors become messages, never tracebacks."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if arguments is None:
        # To be ended is to be interrupted: a build gives its lock back and keeps what it embedded.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    use_utf8()
    try:
        outcome = _run(given)
        flush()
        return outcome
    except ReaderGoneError:
        stop_writing()
        return ExitCode.DONE
    finally:
        if arguments is None:
            gc.freeze()  # the process ends: nothing is worth to be freed on its own


def _run(arguments: Sequence[str]) -> int:
    try:
        given = as_search(arguments, COMMANDS)
        # Not standalone, typer hands back what a command returns, and Exit as its code.
        is_brief = given[:1] == ["search"] and "-" not in given
        with as_bash_breaks_words(), _uncollected() if is_brief else nullcontext():
            app = app_of(given[:1] if given and given[0] in COMMANDS else COMMANDS)
            outcome: int | None = app(given, prog_name="qasearch", standalone_mode=False)
        if outcome == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        return ExitCode.DONE if outcome is None else outcome
    except ReaderGoneError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        return report(error, arguments)


@contextmanager
def _uncollected() -> Generator[None]:
    """Look for no garbage meanwhile: one question leaves little, and its imports much to search."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
