"""Pins: while a reader uses a generation, no builder collects it.

A pin is a file, ``readers/<pid>-<random>``, that names a generation and is held by a kernel lock.
The lock goes when the reader ends, however it ends, and the next builder removes the file. Where
nothing can be written (a read-only medium), and on Windows, readers do without: what is open stays
readable all the same, so only a later reopening, after a fork, would fail.
"""

import logging
import os
import secrets
import sys
from contextlib import suppress
from errno import ENOENT
from pathlib import Path

from qasearch.index.files import Files

if sys.platform != "win32":
    import fcntl

_log = logging.getLogger(__name__)

READERS_FOLDER = "readers"

_MOST_BYTES = 200

_MOST_TRIES = 10
"""Builders sweep a folder away once; where it goes each time, it is a link to nowhere."""


class Pin:
    """Holds one generation on the disk until ``release``.

    A forked process holds it too, as long as its parent does not release it.

    Args:
        index_path: the index folder.
        generation: name of the generation.
        files: the file operations.

    Raises:
        OSError: nothing can be written there.
    """

    def __init__(self, index_path: Path, generation: str, files: Files) -> None:
        self._files = files
        self._process = os.getpid()
        self._descriptor: int | None = None
        for _ in range(_MOST_TRIES):
            name = f"{os.getpid()}-{secrets.token_hex(4)}"
            self._path = index_path / READERS_FOLDER / name
            self._descriptor = self._take(generation)
            if self._descriptor is not None:
                return
        raise FileNotFoundError(ENOENT, "No pin can be written", str(self._path.parent))

    def release(self) -> None:
        """Let go; at a second time nothing happens."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        if self._process == os.getpid():
            _remove(self._path, self._files)
        self._files.close(descriptor)

    def _take(self, generation: str) -> int | None:
        """Write and lock the file; None if a builder swept it away in between."""
        with suppress(FileExistsError):
            self._files.make_folder(self._path.parent)
        try:
            descriptor = self._files.create(self._path)
        except FileNotFoundError:
            return None  # the reader before us took the empty folder along
        try:
            self._files.write(descriptor, memoryview(generation.encode("ascii")))
            if sys.platform != "win32":
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            if self._path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            self._files.close(descriptor)
            raise
        self._files.close(descriptor)
        return None


def take_pin(index_path: Path, generation: str, files: Files) -> Pin | None:
    """Pin a generation, where that is possible."""
    if sys.platform == "win32":
        return None
    try:
        return Pin(index_path, generation, files)
    except OSError as error:
        _log.debug("Reading %s without a pin: %s", generation, error)
        return None


def pinned_generations(index_path: Path, files: Files) -> set[str]:
    """The generations in use by a reader; the pins of readers that have ended are removed.

    Raises:
        OSError: the pins cannot be read.
    """
    folder = index_path / READERS_FOLDER
    if sys.platform == "win32" or not files.is_folder(folder):
        return set()
    pinned: set[str] = set()
    for name in files.folder_names(folder):
        with suppress(FileNotFoundError):  # released meanwhile
            descriptor = files.open(folder / name)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(folder / name, files)
            except BlockingIOError:
                pinned.add(os.read(descriptor, _MOST_BYTES).decode("ascii", "replace"))
            finally:
                files.close(descriptor)
    return pinned


def _remove(path: Path, files: Files) -> None:
    """Remove a pin, and the folder with the last of them."""
    with suppress(OSError):
        files.unlink(path)
        files.remove_folder(path.parent)
