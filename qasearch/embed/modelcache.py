"""Exported models in the user's cache: each is whole, or it is not there.

    models/
      <fingerprint>-onnxruntime-1.32.0-1/   appears by one rename
        SHA256SUMS                          of every other file, as `sha256sum --check` reads it
        ...

Deleting the folder costs one export. It is trusted as the user's own files are: the digests find
damage, not malice.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from qasearch.embed.digests import sha256_of

if TYPE_CHECKING:
    from filelock import BaseFileLock

T = TypeVar("T")

SUMS = "SHA256SUMS"

LOCK_SECONDS = 600
"""How long to wait for another process that exports, which takes some twenty seconds."""

_LARGE = 2**20
_UNFINISHED = ".unfinished-"


def cache_folder() -> Path:
    """Where exported models lie: under QASEARCH_CACHE_DIR, or in the user's cache."""
    given = os.environ.get("QASEARCH_CACHE_DIR")
    if given:
        return Path(given).expanduser() / "models"
    from platformdirs import user_cache_path

    return user_cache_path("qasearch") / "models"


class ModelCache:
    """A folder of entries, shared by all processes of a user.

    Args:
        folder: made when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str, open: Callable[[Path], T]) -> T | None:
        """Open an entry, and hash each file of it.

        Large files are hashed while ``open`` reads them; what it made of them is given out only
        when they proved whole.

        Returns:
            What ``open`` returned; None if there is no such entry, it is damaged or does not open.
        """
        entry = self.folder / key
        try:
            sums = _read_sums(entry)
            if sums.keys() != {file.name for file in entry.iterdir()} - {SUMS}:
                return None
            large = [file for file in sums if (entry / file).stat().st_size >= _LARGE]
            if not _is_whole(entry, sums, sums.keys() - large):
                return None
            with ThreadPoolExecutor(1) as thread:
                whole = thread.submit(_is_whole, entry, sums, large)
                opened = open(entry)
                return opened if whole.result() else None
        except Exception:  # whatever two libraries raise when they read damaged files
            return None

    def lock(self) -> "BaseFileLock":
        """Make a lock for whoever writes; readers need none.

        Raises:
            OSError: the folder cannot be written. Taking the lock may raise it too.
        """
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".lock", timeout=LOCK_SECONDS)

    @contextmanager
    def writing(self, key: str) -> Generator[Path]:
        """Give the holder of the lock a new folder; what is written into it becomes the entry.

        Nothing is flushed to the disk: what a power cut spoils is found by its digest.
        """
        for leftover in self.folder.glob(f"{_UNFINISHED}*"):  # the lock is ours: nobody's any more
            shutil.rmtree(leftover, ignore_errors=True)
        new, old = self._unfinished(), self._unfinished()
        new.mkdir()
        try:
            yield new
            _write_sums(new)
            if (self.folder / key).exists():
                (self.folder / key).rename(old)
            new.rename(self.folder / key)
        finally:
            for leftover in (new, old):
                shutil.rmtree(leftover, ignore_errors=True)

    def _unfinished(self) -> Path:
        return self.folder / f"{_UNFINISHED}{secrets.token_hex(8)}"


def _is_whole(entry: Path, sums: Mapping[str, str], files: Iterable[str]) -> bool:
    return all(sha256_of(entry / file) == sums[file] for file in files)


def _read_sums(entry: Path) -> dict[str, str]:
    lines = (entry / SUMS).read_text(encoding="ascii").splitlines()
    return {file: digest for digest, _, file in (line.partition("  ") for line in lines)}


def _write_sums(entry: Path) -> None:
    lines = [f"{sha256_of(file)}  {file.name}\n" for file in sorted(entry.iterdir())]
    (entry / SUMS).write_text("".join(lines), encoding="ascii")
