"""File operations: nothing is followed, waited for, overwritten or left in a buffer."""

import os
import sqlite3
import threading
from errno import EINVAL, ENOSPC
from hashlib import sha256

import pytest

from qasearch.errors import IndexWriteError
from qasearch.index import Files
from qasearch.index.files import FileDigest, NewFile, writing

READS = {
    "open": lambda path: Files().open(path),
    "size": lambda path: Files().size(path),
    "read": lambda path: Files().read(path, 10),
    "digest": lambda path: Files().digest(path),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_reading_refuses_links_and_special_files(tmp_path, read):
    (tmp_path / "real").write_bytes(b"content")
    (tmp_path / "link").symlink_to("real")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for name in ("link", "fifo", "folder"):
        with pytest.raises(OSError, match="Not a regular file") as caught:
            read(tmp_path / name)
        assert caught.value.errno == EINVAL
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing")


def test_reading_gives_the_content(tmp_path):
    path = tmp_path / "file"
    content = os.urandom(3_000_000)
    path.write_bytes(content)
    assert Files().read(path, 4_000_000) == content
    assert Files().read(path, 1_000) == content[:1_000]
    assert Files().size(path) == 3_000_000
    assert Files().digest(path) == FileDigest(3_000_000, sha256(content).hexdigest())


def test_a_new_file_is_hashed_while_written_and_read_only_when_sealed(tmp_path):
    path = tmp_path / "file"
    with NewFile(Files(), path) as new:
        new.write(b"one ")
        new.write(b"")
        new.write(b"two")
        assert path.read_bytes() == b"one two"  # no buffer
        digest = new.seal()
    assert digest == Files().digest(path)
    assert path.stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("make", ["file", "link", "dangling"])
def test_a_new_file_replaces_nothing(tmp_path, make):
    path = tmp_path / "file"
    if make == "file":
        path.write_text("old")
    else:
        path.symlink_to(tmp_path / "target")
        if make == "link":
            (tmp_path / "target").write_text("old")
    with pytest.raises(IndexWriteError, match="file"):
        NewFile(Files(), path)
    assert make == "dangling" or path.read_text() == "old"
    assert make != "dangling" or not (tmp_path / "target").exists()


class Short(Files):
    """Writes one byte at a time, as the system may."""

    def write(self, descriptor, data):
        return super().write(descriptor, data[:1])


def test_short_writes_are_carried_on(tmp_path):
    with NewFile(Short(), tmp_path / "file") as new:
        new.write(b"several bytes")
        digest = new.seal()
    assert digest == Files().digest(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"several bytes"


class LateError(Files):
    """Fails to close, as network disks do when they find late that there is no space."""

    def close(self, descriptor):
        super().close(descriptor)
        raise OSError(ENOSPC, "No space left on device")


def test_an_error_told_at_close_is_not_lost(tmp_path):
    with (
        pytest.raises(IndexWriteError, match="No space left"),
        NewFile(LateError(), tmp_path / "file") as new,
    ):
        new.write(b"x")
        new.seal()


def test_an_unsealed_file_is_closed(tmp_path):
    descriptor = NewFile(Files(), tmp_path / "first")._descriptor
    os.close(descriptor)
    with pytest.raises(KeyError), NewFile(Files(), tmp_path / "second") as new:
        assert new._descriptor == descriptor  # the lowest that is free
        raise KeyError
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_file_of_another_library_is_sealed(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"theirs")
    assert Files().seal(path) == Files().digest(path)
    assert path.stat().st_mode & 0o777 == 0o444


def test_folders_are_made_with_their_parents(tmp_path):
    Files().ensure_folder(tmp_path / "a" / "b" / "c")
    Files().ensure_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_a_folder_that_somebody_makes_meanwhile_is_as_good(tmp_path):
    class Overtaken(Files):
        def make_folder(self, path):
            path.mkdir()
            super().make_folder(path)

    Overtaken().ensure_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        Files().ensure_folder(tmp_path / "file")


def test_a_tree_is_removed_but_no_link_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    tree = tmp_path / "tree"
    (tree / "below").mkdir(parents=True)
    (tree / "below" / "file").write_text("x")
    (tree / "link").symlink_to(outside)
    Files().remove_tree(tree)
    assert not tree.exists()
    (tmp_path / "link").symlink_to(outside)
    Files().remove_tree(tmp_path / "link")
    assert (outside / "precious").exists()


def test_a_link_to_a_folder_is_no_folder(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert Files().is_folder(tmp_path)
    assert not Files().is_folder(tmp_path / "link")
    assert not Files().is_folder(tmp_path / "nothing")


def test_errors_name_their_file_and_cause(tmp_path):
    with pytest.raises(IndexWriteError, match="/a/file: No space") as caught, writing(tmp_path):
        raise OSError(ENOSPC, "No space left on device", "/a/file")
    assert caught.value.cause.errno == ENOSPC
    with pytest.raises(IndexWriteError, match=f"{tmp_path}: No space"), writing(tmp_path):
        raise OSError(ENOSPC, "No space left on device")
    with pytest.raises(IndexWriteError, match="full") as caught, writing(tmp_path):
        connection = sqlite3.connect(":memory:")
        try:
            connection.execute("PRAGMA max_page_count = 2")
            connection.execute("CREATE TABLE a (b)")
            connection.execute("INSERT INTO a VALUES (zeroblob(100000))")
        finally:
            connection.close()
    assert caught.value.cause.errno == ENOSPC


def test_reading_a_fifo_does_not_wait(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    done = threading.Event()

    def read():
        with pytest.raises(OSError):
            Files().read(tmp_path / "fifo", 10)
        done.set()

    threading.Thread(target=read, daemon=True).start()
    assert done.wait(30)
