"""The commands together, and the one door through which every outcome leaves."""

import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from qasearch import __version__
from qasearch.cli.build import build
from qasearch.cli.console import ReaderGoneError, flush, stop_writing, use_utf8, write
from qasearch.cli.copy import copy
from qasearch.cli.diff import diff
from qasearch.cli.doctor import doctor
from qasearch.cli.dupes import dupes
from qasearch.cli.errors import ExitCode, report
from qasearch.cli.eval import evaluate
from qasearch.cli.parse import parse
from qasearch.cli.related import related
from qasearch.cli.rollback import rollback
from qasearch.cli.run import run
from qasearch.cli.search import search
from qasearch.cli.serve import serve
from qasearch.cli.show import show
from qasearch.cli.status import status
from qasearch.cli.verify import verify
from qasearch.cli.watch import watch
from qasearch.cli.why import why

# Without markup modes typer writes help and errors itself and leaves rich, slow to import, alone.
app = typer.Typer(name="qasearch", rich_markup_mode=None, pretty_exceptions_enable=False)
for command in (build, watch, search, show, why, related, parse, run):
    app.command()(command)
app.command("eval")(evaluate)
for command in (copy, diff, dupes, status, verify, doctor, rollback, serve):
    app.command()(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        write(f"qasearch {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def qasearch(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Semantic search for questions and answers: the right article, and the point that answers.

    For example:

        qasearch build seeds/ && qasearch search "how is peacekeeping funded"

    Exit codes: 0 done; 1 done, with something to report; 2 wrong usage; 3 index missing, damaged
    or of another model; 4 another build is running; 5 no space or an I/O error; 6 model missing
    or not what it claims to be; 70 a fault of qasearch; 130 interrupted.
    """
    if context.invoked_subcommand is None:
        raise ValueError("Which command? `qasearch --help` lists them.")


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


def _run(arguments: Sequence[str]) -> int:
    try:
        # Not standalone, typer hands back what a command returns, and Exit as its code.
        outcome: int | None = app(arguments, prog_name="qasearch", standalone_mode=False)
        if outcome == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        return ExitCode.DONE if outcome is None else outcome
    except ReaderGoneError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        return report(error, arguments)
