"""The lock of the one writer."""

import datetime
import logging
import os
import platform
import re
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from qasearch.errors import IndexLockedError
from qasearch.index.files import Files, writing

if sys.platform != "win32":
    import fcntl

_log = logging.getLogger(__name__)

LOCK_FILE = "LOCK"

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "nfs", "nfs4", "smb3"}
"""File systems of other machines, on which a lock may hold for this machine alone, or not at all.

Source: flock(2), "NFS details" and "CIFS details",
https://man7.org/linux/man-pages/man2/flock.2.html
"""

_MOST_BYTES = 1_000

_SOMEBODY = "another process"

_WAIT_FOR_NAME = 1.0
"""Seconds within which a holder has surely said who it is."""


class WriterLock:
    """A lock that the kernel holds for one process, and lets go when that process ends, however.

    What the file says is for the message of those who find it locked. The file stays.

    Args:
        index_path: the index folder, which must exist.
        wait: seconds to wait for another holder to let go.
        files: the file operations.
    """

    def __init__(self, index_path: Path, *, wait: float, files: Files) -> None:
        from filelock import FileLock

        self._index_path = index_path
        self._path = index_path / LOCK_FILE
        self._files = files
        self._lock = FileLock(self._path, timeout=max(0.0, wait), thread_local=False)

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            IndexLockedError: another holds it still.
            IndexWriteError: the file cannot be opened or written.
        """
        from filelock import Timeout

        if (kind := file_system(self._index_path)) in NETWORK:
            _log.warning(
                "%s lies on %s: build it on one machine at a time, since locks may not hold there.",
                self._index_path,
                kind,
            )
        with writing(self._path):
            try:
                self._lock.acquire()
            except Timeout:
                holder = _holder(self._path, self._files)
                raise IndexLockedError(self._index_path, holder) from None
            try:
                self._files.overwrite(self._path, _myself().encode())
            except BaseException:
                self.release()
                raise

    def release(self) -> None:
        """Let go."""
        self._lock.release()


@contextmanager
def write_lock(
    index_path: Path, *, wait: float = 0.0, files: Files | None = None
) -> Generator[None]:
    """Hold the lock of an index; its folder is made when missing.

    Raises:
        IndexLockedError: another process is building.
        IndexWriteError: the folder or the file cannot be made.
    """
    files = files or Files()
    with writing(index_path):
        files.ensure_folder(index_path)
    lock = WriterLock(index_path, wait=wait, files=files)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def lock_holder(index_path: Path, *, files: Files | None = None) -> str | None:
    """Who holds the lock of an index at this moment, in words; None if nobody does.

    Writes nothing. A builder that begins in the very moment of asking may find it locked. Nobody is
    seen on Windows, or where the file may not be read.
    """
    files = files or Files()
    with suppress(OSError):
        descriptor = files.open(index_path / LOCK_FILE)
        try:
            if sys.platform != "win32":
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(index_path / LOCK_FILE, files)
        finally:
            files.close(descriptor)
    return None


def file_system(path: Path) -> str:
    """The kind of file system that a path lies on, as Linux calls it; empty if it is not known."""
    with suppress(OSError):
        device = path.stat().st_dev
        wanted = f"{os.major(device)}:{os.minor(device)}"
        for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            mount, _, kind = line.partition(" - ")
            if wanted in mount.split()[2:3]:
                return kind.split()[0]
    return ""


def _holder(path: Path, files: Files) -> str:
    """Who says that it holds the lock; for a moment after it was taken, nobody does."""
    until = time.monotonic() + _WAIT_FOR_NAME
    while True:
        try:
            said = files.read(path, _MOST_BYTES).decode("utf-8", "replace")
        except OSError:
            return _SOMEBODY
        name = "".join(filter(str.isprintable, said)).strip()
        if name and not _has_ended(name):
            return name
        if time.monotonic() > until:
            return _SOMEBODY
        time.sleep(0.01)


def _has_ended(name: str) -> bool:
    """Whether the process of that name held the lock before, and is no more."""
    match = re.match(r"process (\d+) on (\S+)", name)
    if match is None or match[2] != platform.node() or sys.platform == "win32":
        return False
    try:
        os.kill(int(match[1]), 0)  # asks only
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return False


def _myself() -> str:
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return f"process {os.getpid()} on {platform.node()} since {started}\n"
