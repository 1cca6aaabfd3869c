"""``CURRENT``: which generation of an index answers."""

import re
from dataclasses import dataclass
from errno import EINVAL, EMFILE, ENFILE, ENOENT, ENOTDIR
from pathlib import Path

from qasearch.errors import (
    IndexDamagedError,
    IndexNotFoundError,
    IndexStoreError,
)
from qasearch.index.files import Files
from qasearch.index.manifest import (
    GENERATION_NAME,
)

CURRENT_FILE = "CURRENT"


_CURRENT = re.compile(rb"(gen-[0-9]{10}-[0-9a-f]{8}) ([0-9a-f]{64})\n")


_MOST_CURRENT_BYTES = 200


@dataclass(frozen=True, slots=True)
class Current:
    """What ``CURRENT`` says: the name of a generation, and the sha256 of its manifest."""

    name: str
    manifest_sha256: str

    def to_bytes(self) -> bytes:
        """The content of the file."""
        return f"{self.name} {self.manifest_sha256}\n".encode("ascii")


def read_current(index_path: Path, files: Files) -> Current:
    """Read which generation answers.

    Raises:
        IndexNotFoundError: there is no index.
        IndexDamagedError: the file says something else.
        IndexStoreError: it may not be read, or an I/O error.
    """
    expected = "the name of a generation and a sha256"
    try:
        data = files.read(index_path / CURRENT_FILE, _MOST_CURRENT_BYTES)
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR):
            raise IndexNotFoundError(index_path) from error
        if error.errno == EINVAL:
            found = "a link or a special file"
            raise IndexDamagedError(index_path, CURRENT_FILE, expected, found) from error
        raise unreadable(index_path / CURRENT_FILE, error) from error
    match = _CURRENT.fullmatch(data)
    if match is None:
        raise IndexDamagedError(index_path, CURRENT_FILE, expected, repr(data[:80]))
    return Current(match[1].decode(), match[2].decode())


def generation_names(index_path: Path, files: Files) -> list[str]:
    """The names of the generations that lie in an index folder, oldest first."""
    return [name for name in files.folder_names(index_path) if GENERATION_NAME.fullmatch(name)]


def unreadable(path: Path, error: OSError) -> IndexStoreError:
    """The error that tells what the system did not let us read."""
    hint = "Mend the permissions of the index folder, or look at its disk."
    if error.errno in (EMFILE, ENFILE):
        hint = "Let more files be open at a time: `ulimit -n 1024`."
    return IndexStoreError(path, f"Cannot read {path}: {error.strerror or error}.", hint=hint)
