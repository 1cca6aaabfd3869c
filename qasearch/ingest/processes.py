"""A function run over batches on all processors: by processes that do nothing else.

They are new ones, which load what the function needs and wait for batches. A copy of this process
would inherit the threads and locks of libraries; one that ``multiprocessing`` begins would run the
caller's main program again, which may do more than define things.
"""

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Final

from qasearch.batches import Done, Given, processors

ALONE_SECONDS: Final = 0.3
"""Work done here before there are others: about what it takes one of them to be ready."""

MOST_PROCESSES: Final = 8
"""More of them would wait for this process to take what they have read."""

_READY_SECONDS: Final = 30.0
"""After so long, what was begun is no Python, or will be of no use."""

_BATCHES_A_PROCESS: Final = 3
"""One that is worked on, and others so that neither side waits."""

_BEGIN: Final = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from qasearch.ingest.processes import work; work(int(sys.argv[1]))"
)


def in_processes(do: Callable[[Given], Done], batches: Iterable[Given], /) -> Iterator[Done]:
    """Run it here at first, and if that takes long, on all processors: a ``Spread``.

    Where no process can be had, or one is lost, its batches are worked on here.
    """
    processes = _processors()
    remaining, spent = iter(batches), 0.0
    for batch in remaining:
        started = time.monotonic()
        done = do(batch)
        spent += time.monotonic() - started
        yield done
        if spent >= ALONE_SECONDS and processes > 1:
            yield from _in_processes(do, remaining, processes)


def _in_processes(
    do: Callable[[Given], Done], batches: Iterator[Given], processes: int
) -> Iterator[Done]:
    crew, asked = _Crew(), deque[Future[Done]]()
    with ThreadPoolExecutor(processes) as threads:
        try:
            for batch in batches:
                asked.append(threads.submit(crew.run, do, batch))
                if len(asked) >= _BATCHES_A_PROCESS * processes:
                    yield asked.popleft().result()
            while asked:
                yield asked.popleft().result()
        finally:
            for task in asked:
                task.cancel()
            crew.end()


class _Process:
    """A process that waits for work."""

    def __init__(self) -> None:
        self._is_ready = False
        self._connection, theirs = Pipe()
        with theirs:
            # In a session of its own no interrupt of the terminal reaches it: it ends with us.
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BEGIN, str(theirs.fileno()), *sys.path],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def run(self, do: Callable[[Given], Done], batch: Given) -> Done:
        """What ``do`` makes of a batch there; EOFError or OSError if the process is lost."""
        if not self._is_ready:
            if not self._connection.poll(_READY_SECONDS):
                raise EOFError
            self._connection.recv()
            self._is_ready = True
        self._connection.send((do, batch))
        return self._connection.recv()

    def end(self) -> None:
        """End it, whatever it is at: it holds nothing that could be left undone."""
        self._process.kill()
        self._process.wait()
        self._connection.close()


class _Crew:
    """A process for each thread that asks for one."""

    def __init__(self) -> None:
        self._mine = threading.local()
        self._all: list[_Process] = []
        self._beginning = threading.Lock()
        self._ended = False

    def run(self, do: Callable[[Given], Done], batch: Given) -> Done:
        """What ``do`` makes of a batch, in this thread's process as long as there is one."""
        if not getattr(self._mine, "is_lost", False):
            try:
                return self._process().run(do, batch)
            except (EOFError, OSError):
                if self._ended:
                    raise
                self._mine.is_lost = True
        return do(batch)

    def end(self) -> None:
        """End them all."""
        with self._beginning:
            self._ended = True
        for process in self._all:
            process.end()

    def _process(self) -> _Process:
        with self._beginning:
            if self._ended:
                raise EOFError
            if not hasattr(self._mine, "process"):
                self._mine.process = _Process()
                self._all.append(self._mine.process)
        return self._mine.process


def work(descriptor: int) -> None:
    """Say that it is ready, and work on what comes until nothing more comes."""
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection: Connection[Any, Any] = Connection(descriptor)
        connection.send(None)
        while True:
            do, batch = connection.recv()
            connection.send(do(batch))


def _processors() -> int:
    """How many processes to work with; 1 where there is no Python that could be begun again."""
    if os.name != "posix" or not sys.executable or getattr(sys, "frozen", False):
        return 1
    return min(processors(), MOST_PROCESSES)
