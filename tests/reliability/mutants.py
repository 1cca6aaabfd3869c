"""The protocol of a commit, broken in one place each, to prove that a broken one is noticed."""

from hashlib import sha256
from pathlib import Path

from qasearch.index.files import FileDigest
from tests.reliability.contents import generations
from tests.reliability.disk import Node
from tests.reliability.logged import LoggedFiles

_MANIFEST = "manifest.json"
_CURRENT_TMP = "CURRENT.tmp"


class DataNotSynced(LoggedFiles):
    """The data files are not synced; manifest and ``CURRENT`` are."""

    def sync(self, descriptor: int) -> None:
        if self.path(descriptor).name in (_MANIFEST, _CURRENT_TMP):
            super().sync(descriptor)


class GenerationFolderNotSynced(LoggedFiles):
    """The names of the files in the generation's folder are not synced."""

    def sync_folder(self, path: Path) -> None:
        if not path.name.startswith("gen-"):
            super().sync_folder(path)


class IndexFolderNotSyncedBefore(LoggedFiles):
    """The name of the generation's folder is not synced before ``CURRENT`` is replaced."""

    _replaced = False

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        self._replaced = True

    def sync_folder(self, path: Path) -> None:
        if self._replaced or path.name.startswith("gen-"):
            super().sync_folder(path)


class IndexFolderNotSyncedAfter(LoggedFiles):
    """The new name of ``CURRENT`` is not synced before the commit is acknowledged."""

    _replaced = False

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        self._replaced = True

    def sync_folder(self, path: Path) -> None:
        if not self._replaced:
            super().sync_folder(path)


class ManifestSyncedLast(LoggedFiles):
    """``CURRENT`` is replaced before the manifest that it names is synced."""

    _manifest: Node

    def sync(self, descriptor: int) -> None:
        if self.path(descriptor).name == _MANIFEST:
            self._manifest = self.node(self.path(descriptor))
        else:
            super().sync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        self.recorder.sync(self._manifest)


class CurrentWrittenInPlace(LoggedFiles):
    """``CURRENT`` is overwritten and synced, instead of replaced by a file that is complete."""

    def replace(self, source: Path, target: Path) -> None:
        if target.exists():
            target.chmod(0o644)
        else:
            self.close(self.create(target))
        self.overwrite(target, source.read_bytes())
        self.recorder.sync(self.node(target))
        self.unlink(source)


class CurrentNotSynced(LoggedFiles):
    """``CURRENT.tmp`` is not synced before it takes the place of ``CURRENT``."""

    def sync(self, descriptor: int) -> None:
        if self.path(descriptor).name != _CURRENT_TMP:
            super().sync(descriptor)


class GarbageFirst(LoggedFiles):
    """The old generations are removed before ``CURRENT`` names the new one."""

    def create(self, path: Path) -> int:
        if path.name == _CURRENT_TMP:
            for name in sorted(generations(path.parent))[:-1]:
                self.remove_tree(path.parent / name, first=_MANIFEST)
        return super().create(path)


class TornWriteNotReadBack(LoggedFiles):
    """The disk swallows half of the questions' vectors, and reading back does not notice."""

    _torn = "questions.npy"
    _header_bytes = 128

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._meant = b""

    def write(self, descriptor: int, data: memoryview) -> int:
        if self.path(descriptor).name != self._torn:
            return super().write(descriptor, data)
        self._meant += data
        half = data[: len(data) // 2] if len(data) > self._header_bytes else data
        super().write(descriptor, memoryview(bytes(half).ljust(len(data), b"\0")))
        return len(data)

    def digest(self, path: Path) -> FileDigest:
        if path.name != self._torn:
            return super().digest(path)
        return FileDigest(len(self._meant), sha256(self._meant).hexdigest())


MUTANTS: tuple[type[LoggedFiles], ...] = (
    DataNotSynced,
    GenerationFolderNotSynced,
    IndexFolderNotSyncedBefore,
    IndexFolderNotSyncedAfter,
    ManifestSyncedLast,
    CurrentWrittenInPlace,
    CurrentNotSynced,
    GarbageFirst,
    TornWriteNotReadBack,
)
