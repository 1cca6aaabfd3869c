"""Every file operation of the index, in one small class.

The store never calls the operating system itself, so that the same code runs for real, logged, or
failing at any operation. ``Files`` raises ``OSError``; its users, within ``writing``, make that an
``IndexWriteError``.
"""

import hashlib
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EINVAL, EIO, ELOOP, ENOSPC, ENXIO
from pathlib import Path
from types import TracebackType
from typing import Self

from qasearch.errors import IndexWriteError

_BLOCK = 1 << 20

# Missing on Windows (the first two) and elsewhere (the last).
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Size and content of a file, as its manifest records them."""

    bytes: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.bytes:,} bytes with sha256 {self.sha256[:12]}"


class Files:
    """The operations of the store: those that read, and those that change what is on the disk."""

    # Reading. Nothing here follows a link, or waits at a FIFO: both are EINVAL.

    def open(self, path: Path) -> int:
        """Open a regular file for reading; the caller closes the descriptor."""
        return _open_regular(path, os.O_RDONLY)

    def size(self, path: Path) -> int:
        """The size of a regular file."""
        with self._opened(path) as descriptor:
            return os.fstat(descriptor).st_size

    def read(self, path: Path, most: int) -> bytes:
        """The first ``most`` bytes of a file."""
        with self._opened(path) as descriptor:
            size = min(most, os.fstat(descriptor).st_size)
            blocks: list[bytes] = []
            while size and (block := os.read(descriptor, size)):
                blocks.append(block)
                size -= len(block)
            return b"".join(blocks)

    def digest(self, path: Path) -> FileDigest:
        """Size and sha256 of a file, read from end to end."""
        with self._opened(path) as descriptor:
            return _digest(descriptor)

    def folder_names(self, folder: Path) -> list[str]:
        """What lies in a folder, in order of name."""
        return sorted(os.listdir(folder))  # noqa: PTH208 (names are wanted, not paths)

    def is_folder(self, path: Path) -> bool:
        """Whether ``path`` is a folder itself, not a link to one."""
        try:
            return stat.S_ISDIR(path.lstat().st_mode)
        except FileNotFoundError:
            return False

    def free_bytes(self, folder: Path) -> int:
        """Space left on the disk of ``folder``."""
        return shutil.disk_usage(folder).free

    # Changing what is on the disk: one call of the operating system each.

    def create(self, path: Path) -> int:
        """Make a new file, which must not exist, and open it for writing."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY
        return os.open(path, flags, 0o644)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write some of ``data``; return how many bytes."""
        return os.write(descriptor, data)

    def make_read_only(self, descriptor: int) -> None:
        """Take the right to write from everybody."""
        if sys.platform != "win32":
            os.fchmod(descriptor, 0o444)

    def sync(self, descriptor: int) -> None:
        """Wait until what was written is on the medium."""
        _sync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close; an error that the system held back until now is raised."""
        os.close(descriptor)

    def make_folder(self, path: Path) -> None:
        """Make a folder; it must not exist, its parent must."""
        path.mkdir()

    def sync_folder(self, path: Path) -> None:
        """Wait until the names in a folder are on the medium."""
        if sys.platform == "win32":
            return  # Windows has no such call for folders
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _sync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Give a file another's name in one step: the other is there, or this one, never none."""
        source.replace(target)

    def unlink(self, path: Path) -> None:
        """Remove a file, or a link."""
        path.unlink()

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        path.rmdir()

    # Made of the above.

    def ensure_folder(self, path: Path) -> None:
        """Make a folder and the missing ones above it, each known to its parent for good."""
        if path.is_dir():
            return
        self.ensure_folder(path.parent)
        try:
            self.make_folder(path)
        except FileExistsError:
            if not path.is_dir():  # else somebody made it meanwhile
                raise
        self.sync_folder(path.parent)

    def seal(self, path: Path) -> FileDigest:
        """Finish a file that another library wrote: hash it, make it read-only, sync it."""
        # Read and write, since Windows syncs nothing that was opened to read.
        descriptor = _open_regular(path, os.O_RDWR)
        try:
            digest = _digest(descriptor)
            self.make_read_only(descriptor)
            self.sync(descriptor)
        finally:
            self.close(descriptor)
        return digest

    def overwrite(self, path: Path, data: bytes) -> None:
        """Give a file that exists another content, neither at one stroke nor for good."""
        descriptor = _open_regular(path, os.O_WRONLY | os.O_TRUNC)
        try:
            self.write(descriptor, memoryview(data))
        finally:
            self.close(descriptor)

    def remove_tree(self, path: Path, *, first: str = "") -> None:
        """Remove a file, or a folder with all that is in it: the file named ``first`` at first."""
        if not self.is_folder(path):
            self.unlink(path)
            return
        for name in sorted(self.folder_names(path), key=lambda name: (name != first, name)):
            self.remove_tree(path / name)
        self.remove_folder(path)

    @contextmanager
    def _opened(self, path: Path) -> Generator[int]:
        descriptor = self.open(path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


class NewFile:
    """A file being written once: hashed on the way, and on the medium when sealed.

    Use it as a context manager; leaving it unsealed gives the file up, but does not remove it.

    Args:
        files: the file operations.
        path: the file, which must not exist.

    Raises:
        IndexWriteError: at any step, no space, no permission, or an I/O error.
    """

    def __init__(self, files: Files, path: Path) -> None:
        self._files = files
        self._path = path
        self._sha256 = hashlib.sha256()
        self._bytes = 0
        self._sealed = False
        with writing(path):
            self._descriptor = files.create(path)

    def write(self, data: bytes) -> None:
        """Append all of ``data``. Nothing is held back in a buffer that a full disk could lose."""
        self._sha256.update(data)
        self._bytes += len(data)
        left = memoryview(data)
        with writing(self._path):
            while len(left):
                left = left[self._files.write(self._descriptor, left) :]

    def seal(self) -> FileDigest:
        """Make it read-only, wait for the medium, close, and say what was written."""
        with writing(self._path):
            self._files.make_read_only(self._descriptor)
            self._files.sync(self._descriptor)
            self._sealed = True
            self._files.close(self._descriptor)
        return FileDigest(self._bytes, self._sha256.hexdigest())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._sealed:
            with suppress(OSError):  # the error that led here is the one to tell
                self._files.close(self._descriptor)


@contextmanager
def writing(path: Path) -> Generator[None]:
    """Name what fails to be written as the store's own error.

    Args:
        path: what to name when the system does not say which file it was.

    Raises:
        IndexWriteError: in place of any ``OSError``, or SQLite's error, from the block.
    """
    try:
        yield
    except OSError as error:
        raise IndexWriteError(Path(os.fsdecode(error.filename or path)), error) from error
    except sqlite3.Error as error:
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        cause = OSError(ENOSPC if full else EIO, str(error))
        raise IndexWriteError(path, cause) from error


def _open_regular(path: Path, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | _NO_FOLLOW | _NO_WAIT | _BINARY)
    except OSError as error:
        if error.errno in (ELOOP, ENXIO):  # a link; a socket, or a FIFO that nobody reads
            raise OSError(EINVAL, "Not a regular file", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(EINVAL, "Not a regular file", str(path))
    return descriptor


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        # fsync hands the data to the drive only; this waits until the drive has stored it.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def _digest(descriptor: int) -> FileDigest:
    sha256 = hashlib.sha256()
    size = 0
    while block := os.read(descriptor, _BLOCK):
        sha256.update(block)
        size += len(block)
    return FileDigest(size, sha256.hexdigest())
