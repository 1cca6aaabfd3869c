"""File operations that are taken down as they are done, for real and in broken orders."""

import os
from pathlib import Path

from qasearch.index.files import FileDigest
from tests.index.stores import UnsyncedFiles
from tests.reliability.disk import Node, Recorder

READING = {"open", "size", "read", "digest", "folder_names", "is_folder", "free_bytes"}
"""What leaves the disk as it is."""

TAKEN_DOWN = {
    "create",
    "write",
    "sync",
    "make_folder",
    "sync_folder",
    "replace",
    "unlink",
    "remove_folder",
    "seal",
    "overwrite",
}

WITHOUT_EFFECT = {"make_read_only", "close", "ensure_folder", "remove_tree"}
"""What needs not be taken down: a crash cannot undo it to harm, or it is made of the above."""


class LoggedFiles(UnsyncedFiles):
    """Takes down what it does.

    Attributes:
        recorder: holds what was taken down.

    Args:
        root: the folder below which all of it happens.
    """

    def __init__(self, root: Path) -> None:
        self.recorder = Recorder(root)
        self._paths: dict[int, Path] = {}

    def path(self, descriptor: int) -> Path:
        """The file that is open for writing."""
        return self._paths[os.fstat(descriptor).st_ino]

    def node(self, path: Path) -> Node:
        """What was taken down as lying at this path."""
        node = self.recorder.find(path)
        if node is None:
            raise LookupError(f"{path} was made by no operation that is taken down.")
        return node

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self.recorder.create(path)
        self._note(path)
        return descriptor

    def write(self, descriptor: int, data: memoryview) -> int:
        offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        count = super().write(descriptor, data)
        self.recorder.write(self.node(self.path(descriptor)), offset, bytes(data[:count]))
        return count

    def sync(self, descriptor: int) -> None:
        self.recorder.sync(self.node(self.path(descriptor)))

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self.recorder.make_folder(path)

    def sync_folder(self, path: Path) -> None:
        self.recorder.sync(self.node(path))

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        self.recorder.replace(source, target)

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self.recorder.remove(path)

    def remove_folder(self, path: Path) -> None:
        super().remove_folder(path)
        self.recorder.remove(path)

    def seal(self, path: Path) -> FileDigest:
        # Another library wrote it, through no operation of ours: taken down as one write.
        self.recorder.write(self.node(path), 0, path.read_bytes())
        return super().seal(path)

    def overwrite(self, path: Path, data: bytes) -> None:
        if self.recorder.find(path) is None:
            self.recorder.create(path)  # the lock, which another library makes
        self._note(path)
        self.recorder.cut(self.node(path), 0)
        super().overwrite(path, data)

    def _note(self, path: Path) -> None:
        self._paths[path.stat().st_ino] = path
