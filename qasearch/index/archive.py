"""The folder that tantivy wants, as one file: an archive without times, owners or folders in it."""

import io
import re
import tarfile
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qasearch.errors import IndexWriteError
from qasearch.index.files import FileDigest, Files, NewFile, writing

_MEMBER = re.compile(r"meta\.json|[0-9a-f]{32}\.[a-z]+")


def pack(files: Files, path: Path, contents: Iterable[tuple[str, bytes]]) -> FileDigest:
    """Write files, by name and content, to one new file: equal ones give equal bytes.

    Raises:
        IndexWriteError: no space, or an I/O error.
    """
    with NewFile(files, path) as new, writing(path):
        for name, content in contents:
            new.write(_head(name, len(content)))
            new.write(content)
            new.write(bytes(-len(content) % tarfile.BLOCKSIZE))
        new.write(bytes(2 * tarfile.BLOCKSIZE))
        return new.seal()


@contextmanager
def unpacked(data: bytes) -> Generator[Path]:
    """A folder that holds the files of an archive, until the context ends.

    Raises:
        ValueError: it is no archive, or holds other files than tantivy's.
        IndexWriteError: there is no room for them, or an I/O error.
    """
    folder = Path("a temporary folder")
    try:
        # What cannot be removed stays, and does no harm to what was read.
        with tempfile.TemporaryDirectory(prefix="qasearch-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            for member, content in members(data):
                (folder / member).write_bytes(content)
            yield folder
    except OSError as error:
        hint = "Free some space there, or name another folder in the variable TMPDIR."
        raise IndexWriteError(Path(error.filename or folder), error, hint=hint) from error


def _head(name: str, size: int) -> bytes:
    """The head of a file in an archive, without time or owner."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT)


def members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of an archive, by name and content.

    Raises:
        ValueError: it is no archive, or holds other files than tantivy's.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.type == tarfile.REGTYPE else None
                if content is None or not _MEMBER.fullmatch(member.name):
                    raise ValueError(f"a member {member.name!r:.50}")
                yield member.name, content.read()
    except tarfile.TarError as error:
        raise ValueError(f"no archive: {error}") from error
