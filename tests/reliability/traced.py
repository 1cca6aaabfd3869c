"""A build under strace: the system calls that it makes, and what comes of it when some fail.

Starting Python under strace takes a second or more, so the build runs in a fork of this process,
which has loaded everything already, and strace attaches to the fork before it begins. The fork has
one thread, as the build has, so that its calls are the same in each run, in the same order. strace
counts them by name and tampers with the n-th.
"""

import ctypes
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from qasearch.errors import IndexWriteError
from qasearch.index import version_of

SPACE_CALLS = ("write", "pwrite64", "mkdir", "mkdirat")
"""Those that take space on the disk."""

WRITE_CALLS = (
    *SPACE_CALLS,
    *("openat", "creat", "writev", "pwritev", "copy_file_range", "sendfile", "msync", "fallocate"),
    *("truncate", "ftruncate", "fsync", "fdatasync", "sync_file_range", "close"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("unlink", "unlinkat", "rmdir", "chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat"),
)
"""The system calls that may change what is on a disk, or tell that a change has failed."""

_SECONDS = 60
"""How long strace may take to attach, and a build to end."""

_LINE = re.compile(r"(\w+)\((.*)\) += (.+)")
_RANDOM = re.compile(r"(?<=gen-[0-9]{10})-[0-9a-f]{8}|(?<=/\.tmp)\w{6}|(?<=/)[0-9a-f]{32}")
"""What differs from run to run in the names of generations, and of the files of tantivy."""
_PR_SET_PTRACER = 0x59616D61
_PR_SET_PTRACER_ANY = ctypes.c_ulong(-1)


@dataclass(frozen=True, slots=True)
class Call:
    """A system call of a build.

    Attributes:
        name: of the call.
        number: how many calls of this name there were by then, whatever they were about.
        places: the paths that it is about, without the random parts of names.
    """

    name: str
    number: int
    places: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} of {' to '.join(self.places)}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a build ended.

    Attributes:
        killed: it was, by SIGKILL.
        generation: the one that it said answers.
        error: the class of the error that it raised instead.
        errno: of the cause, if that is an ``IndexWriteError``.
        message: what the error says.
        warnings: what was logged.
    """

    killed: bool = False
    generation: str = ""
    error: str = ""
    errno: int | None = None
    message: str = ""
    warnings: list[str] = field(default_factory=list[str])


def why_untraceable() -> str | None:
    """Why nothing can be traced here; None when it can."""
    if not shutil.which("strace"):
        return "strace is not installed"
    command = ["strace", "-qq", "-e", "trace=none", "true"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"strace may not trace: {tried.stderr.strip()}" if tried.returncode else None


def run_traced(build: Callable[[], str], log: Path, *options: str) -> Ending:
    """Run a build under strace.

    Args:
        build: returns the generation that answers.
        log: where strace shall write its lines.
        options: for strace: what to tamper with, how much to show.
    """
    for package in ("qasearch", "tantivy"):  # else the fork lists folders that others may change
        version_of(package)
    ours, theirs = socket.socketpair()
    process = os.fork()
    if process == 0:
        _run_and_tell(build, theirs)  # does not return
    theirs.close()
    ours.settimeout(_SECONDS)
    with ours:
        try:
            with _attached(process, log, options):
                ours.sendall(b"go")
                said = b"".join(iter(lambda: ours.recv(65_536), b""))
        except BaseException:
            os.kill(process, signal.SIGKILL)
            raise
        finally:
            _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return Ending(killed=True)
    if not said:
        raise RuntimeError(f"The build ended with status {status} and said nothing.")
    return Ending(**json.loads(said))


def write_calls(log: Path, root: Path) -> list[Call]:
    """The calls in a log that may change what lies below ``root``, or ``root`` itself."""
    found: list[Call] = []
    writable: set[str] = set()
    for call, arguments, result in calls(log, root):
        descriptor = arguments.partition("<")[0]
        match call.name:
            case "openat":
                if re.search("O_WRONLY|O_RDWR", arguments):
                    writable.add(result.partition("<")[0])
                changes = re.search("O_CREAT|O_TRUNC", arguments) is not None
            case "close":
                changes = descriptor in writable
                writable.discard(descriptor)
            case _:
                changes = True
        if changes and call.places:
            found.append(call)
    return found


def tampered_call(log: Path, root: Path) -> Call | None:
    """The first call in a log that strace tampered with."""
    for call, _, result in calls(log, root):
        if "(INJECTED)" in result or result == "?":
            return call
    return None


def calls(log: Path, root: Path) -> Iterator[tuple[Call, str, str]]:
    """Each call in a log, with its arguments and its result as strace shows them."""
    counts: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        if match := _LINE.fullmatch(line):
            name, arguments, result = match.groups()
            counts[name] += 1
            places = tuple(_RANDOM.sub("", path) for path in paths_in(arguments, root))
            yield Call(name, counts[name], places), arguments, result


def paths_in(arguments: str, root: Path) -> list[str]:
    """The paths in the arguments of a call that lie below ``root``, relative to it."""
    found = re.findall(f'[<"]{re.escape(str(root))}(/[^">]*)?[">]', arguments)
    return [path.strip("/") or "." for path in found]


@contextmanager
def _attached(process: int, log: Path, options: Sequence[str]) -> Generator[None]:
    """Have strace trace a process, until that ends."""
    traced = ",".join(f"?{name}" for name in WRITE_CALLS)  # not every machine has all of them
    command = ["strace", "-y", "-o", log, "-e", f"trace={traced}", "-p", str(process), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        try:
            said = strace.stderr.readline() if strace.stderr else ""
            if "attached" not in said:
                raise RuntimeError(f"strace does not attach: {said.strip()}")
            yield
            strace.wait(_SECONDS)
        finally:
            strace.kill()


def _run_and_tell(build: Callable[[], str], channel: socket.socket) -> None:
    """The fork's whole life."""
    try:
        # Where only parents may trace, allow it to strace, which is a sibling.
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _PR_SET_PTRACER_ANY, 0, 0, 0)
        warnings = _Kept()
        logging.getLogger("qasearch").addHandler(warnings)
        channel.recv(2)
        try:
            ending = Ending(generation=build(), warnings=warnings.lines)
        except Exception as error:
            cause = error.cause if isinstance(error, IndexWriteError) else None
            ending = Ending(
                error=type(error).__name__,
                errno=cause.errno if cause else None,
                message=str(error),
                warnings=warnings.lines,
            )
        # Not a write, which may be failing by now.
        channel.sendall(json.dumps(asdict(ending)).encode())
    finally:
        os._exit(0)


class _Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
