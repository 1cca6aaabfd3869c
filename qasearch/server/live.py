"""The index that answers now, followed from one generation to the next.

A request borrows one generation for as long as it takes, so that all of its reply comes from that
one. A generation that was replaced is closed by the last request that still reads it.
"""

import datetime
import logging
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qasearch import Embedder, Index, IndexStatus, QASearchError
from qasearch.server.complete import Completer

logger = logging.getLogger(__name__)

CURRENT_FILE = "CURRENT"
_MOST_CURRENT_BYTES = 200


class NotReadyError(Exception):
    """No generation is open: not any more."""


@dataclass(slots=True)
class Snapshot:
    """One generation, open, with what is derived from it.

    Attributes:
        index: it, as the library gives it.
        status: what it holds.
        subjects: each subject with the number of its articles, most first.
        completer: of its questions.
        readers: requests that have borrowed it; ``LiveIndex`` counts them.
    """

    index: Index
    status: IndexStatus
    subjects: list[tuple[str, int]]
    completer: Completer
    readers: int = 0

    @classmethod
    def of(cls, index: Index) -> "Snapshot":
        """Take stock of an index just opened."""
        return cls(index, index.status(), index.subjects(), Completer(index.questions()))

    @property
    def age_seconds(self) -> float:
        """Since it was built."""
        built = datetime.datetime.fromisoformat(self.status.created)
        return max(0.0, (datetime.datetime.now(datetime.UTC) - built).total_seconds())


class LiveIndex:
    """An index folder as it is now. Thread-safe.

    Args:
        path: the folder.
        embedder: the one that built it; loaded once, however many generations come.
        retry_seconds: until a generation that could not be opened is tried again; its files are
            hashed each time.

    Raises:
        QASearchError: there is no index, or it cannot be used. Later faults are logged, and the
            generation that is open answers on.
    """

    def __init__(self, path: Path, embedder: Embedder, *, retry_seconds: float = 30.0) -> None:
        self._path = path
        self._embedder = embedder
        self._retry_seconds = retry_seconds
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._fault: str | None = None
        self._retry_at = 0.0
        self._current = self._read_current()
        self._snapshot: Snapshot | None = self._open()

    @property
    def fault(self) -> str | None:
        """Why the generation that ought to answer does not, in a word; None if it does."""
        return self._fault

    @contextmanager
    def borrow(self) -> Generator[Snapshot]:
        """The generation that answers now; it stays open until it is given back.

        Raises:
            NotReadyError: none is open.
        """
        with self._lock:
            snapshot = self._snapshot
            if snapshot is None:
                raise NotReadyError
            snapshot.readers += 1
        try:
            yield snapshot
        finally:
            self._give_back(snapshot)

    def refresh(self) -> bool:
        """Let the generation that ``CURRENT`` names answer, if it is another than before.

        Returns:
            Whether another one answers now.
        """
        with self._refreshing:
            current = self._read_current()
            if current == self._current:
                self._fault = None
                return False
            if current is None or time.monotonic() < self._retry_at:
                self._fault = self._fault or "index_not_found"
                return False
            try:
                snapshot = self._open()
            except QASearchError as error:
                self._retry_at = time.monotonic() + self._retry_seconds
                self._fault = error.code
                logger.error("The new generation is not used: %s", error)
                return False
            self._current, self._fault = current, None
            self._replace(snapshot)
            logger.info("%s answers", snapshot.status.generation)
            return True

    def close(self) -> None:
        """Let go of the index as soon as nobody reads it any more."""
        self._replace(None)

    def _open(self) -> Snapshot:
        index = Index.open(self._path, embedder=self._embedder)
        try:
            return Snapshot.of(index)
        except BaseException:
            index.close()
            raise

    def _read_current(self) -> bytes | None:
        """What ``CURRENT`` says, whatever it is; None if it cannot be read."""
        try:
            with (self._path / CURRENT_FILE).open("rb") as file:
                return file.read(_MOST_CURRENT_BYTES)
        except OSError:
            return None

    def _replace(self, snapshot: Snapshot | None) -> None:
        with self._lock:
            old, self._snapshot = self._snapshot, snapshot
            unread = old is not None and old.readers == 0
        if old is not None and unread:
            old.index.close()

    def _give_back(self, snapshot: Snapshot) -> None:
        with self._lock:
            snapshot.readers -= 1
            done = snapshot.readers == 0 and snapshot is not self._snapshot
        if done:
            snapshot.index.close()
