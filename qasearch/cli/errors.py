"""From what went wrong to an exit code and a message: the one place that knows both."""

import json
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

from qasearch.cli.console import Screen, say, visible, write
from qasearch.errors import (
    ClusterError,
    EmbedderError,
    ExtraMissingError,
    IndexLockedError,
    IndexStoreError,
    IndexWriteError,
    NoArticlesError,
    QASearchError,
    StoreError,
)


class ExitCode(IntEnum):
    """What a command's exit code means."""

    DONE = 0
    REPORT = 1
    """Done, with something to report: no answer, files refused, an id that is not there."""
    USAGE = 2
    """A wrong option or argument, or nothing to read where it points."""
    INDEX = 3
    """The index is missing, damaged, or built by another model."""
    LOCKED = 4
    """Another process is building."""
    IO = 5
    """No space, no permission, an I/O error, or a cluster that is lost."""
    MODEL = 6
    """The model is missing, or its digest is wrong."""
    FAULT = 70
    """A fault of ours."""
    INTERRUPTED = 130


class NotFoundError(Exception):
    """The index has no article or passage of the id that a command was given."""

    def __init__(self, id: str, *, passages: bool = False) -> None:
        what = "article or passage" if passages else "article"
        super().__init__(f"The index has no {what} {id!r}.")
        article_id, sign, _ = id.rpartition("#")
        self.hint = (
            f"Passages have none of their own: name their article, {article_id}."
            if sign and not passages
            else "`qasearch search` shows the ids of what it finds."
        )


_EXIT_CODES: tuple[tuple[type[QASearchError], ExitCode], ...] = (
    (IndexLockedError, ExitCode.LOCKED),
    (IndexWriteError, ExitCode.IO),
    (IndexStoreError, ExitCode.INDEX),
    (EmbedderError, ExitCode.MODEL),
    (ClusterError, ExitCode.IO),
    (ExtraMissingError, ExitCode.USAGE),
    (StoreError, ExitCode.IO),
    (NoArticlesError, ExitCode.USAGE),
    (QASearchError, ExitCode.REPORT),
)
"""The first that fits decides."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as people and programs are told of it.

    Attributes:
        exit_code: of the process.
        code: a stable word for programs.
        message: what went wrong, and where.
        hint: what to do next; may be empty.
    """

    exit_code: ExitCode
    code: str
    message: str
    hint: str = ""

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """Say what an error means; anything unforeseen is a fault of ours."""
        match error:
            case QASearchError():
                exit_code = next(code for kind, code in _EXIT_CODES if isinstance(error, kind))
                return cls(exit_code, error.code, str(error), error.hint)
            case Exception() if message := _wrong_usage(error):
                return cls(ExitCode.USAGE, "usage", message, _help_hint(error))
            case NotFoundError():
                return cls(ExitCode.REPORT, "not_found", str(error), error.hint)
            # Its subclasses (a failed decoding, ...) come from within, not from a caller's slip.
            case ValueError() if type(error) is ValueError:
                return cls(ExitCode.USAGE, "usage", str(error))
            case OSError():
                return cls(ExitCode.IO, "io", str(error))
            case KeyboardInterrupt():
                return cls(ExitCode.INTERRUPTED, "interrupted", "Interrupted.")
            case _:
                return cls(
                    ExitCode.FAULT,
                    "fault",
                    " ".join(f"{type(error).__name__}: {error}".split()),
                    "That is a fault of qasearch: please report it, with what -v prints.",
                )


def report(error: BaseException, arguments: Sequence[str]) -> ExitCode:
    """Tell of an error in the form that the command line asked for, and give its exit code."""
    failure = Failure.of(error)
    if wants_traceback(arguments):
        sys.stderr.write(visible("".join(traceback.format_exception(error))))
    tell(failure, as_json=wants_json(arguments))
    return failure.exit_code


def tell(failure: Failure, *, as_json: bool) -> None:
    """Write an error as one line of JSON on stdout, or for people on stderr."""
    if as_json:
        fields = {"code": failure.code, "message": failure.message, "hint": failure.hint}
        write(json.dumps({"error": fields}))
        return
    screen = Screen.of(sys.stderr)
    message = visible(failure.message)
    sys.stderr.write(f"{screen.paint('error:', 'red', 'bold')} {message}\n")
    if failure.hint:
        say(f"       {failure.hint}")


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for JSON; read by eye, as it may be what cannot be parsed."""
    options = _options(arguments)
    return (
        "--json" in options
        or not {"--format=json", "--format=jsonl"}.isdisjoint(options)
        or not {("--format", "json"), ("--format", "jsonl")}.isdisjoint(pairwise(options))
    )


def wants_traceback(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for details."""
    return any(option in ("-v", "--verbose") for option in _options(arguments))


def _options(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments before ``--``, after which nothing is an option."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _wrong_usage(error: Exception) -> str:
    """The message of an argument that typer refused; empty for any other error.

    Told by its shape: these are click's exceptions in typer up to 0.25, a copy of them after.
    """
    format_message = getattr(error, "format_message", None)
    return str(format_message()) if callable(format_message) else ""


def _help_hint(error: Exception) -> str:
    command = getattr(getattr(error, "ctx", None), "command_path", "qasearch")
    return f"See `{command} --help`."
