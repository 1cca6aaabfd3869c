"""The model of a disk: what a power cut can leave, and nothing else."""

from pathlib import Path
from random import Random

import pytest

from qasearch.index import Files
from tests.reliability import logged
from tests.reliability.builds import INDEX
from tests.reliability.commits import logged_commit
from tests.reliability.disk import Recorder, Tree


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    (tmp_path / "old").write_bytes(b"old")
    return Recorder(tmp_path)


def trees(recorder: Recorder) -> list[Tree]:
    """All that may lie there after the last step, each once."""
    last = len(recorder.steps)
    found: list[Tree] = []
    for crash in recorder.history().crashes(tries=1_000, random=Random(1)):
        if crash.after == last and crash.tree not in found:
            found.append(crash.tree)
    return found


def test_what_is_not_synced_may_be_lost_wholly_or_in_part(recorder, tmp_path):
    recorder.write(recorder.create(tmp_path / "new"), 0, b"1234")
    contents = [tree.get("new") for tree in trees(recorder)]
    assert contents == [b"1234", b"", b"12", bytes(4), None]


def test_a_synced_file_may_lose_its_name_but_no_bytes(recorder, tmp_path):
    file = recorder.create(tmp_path / "new")
    recorder.write(file, 0, b"1234")
    recorder.sync(file)
    assert trees(recorder) == [{"old": b"old", "new": b"1234"}, {"old": b"old"}]


def test_a_synced_name_may_lose_its_bytes(recorder, tmp_path):
    file = recorder.create(tmp_path / "new")
    recorder.sync(recorder.find(tmp_path))
    recorder.write(file, 0, b"12")
    recorder.write(file, 2, b"34")
    contents = {tree["new"] for tree in trees(recorder)}
    assert contents == {b"", b"1234", b"1\0003", bytes(4), b"12", b"\0\00034"}


def test_what_is_synced_lasts(recorder, tmp_path):
    file = recorder.create(tmp_path / "new")
    recorder.write(file, 0, b"1234")
    recorder.sync(file)
    recorder.sync(recorder.find(tmp_path))
    assert trees(recorder) == [{"old": b"old", "new": b"1234"}]


def test_what_was_written_after_a_sync_needs_another(recorder, tmp_path):
    old = recorder.find(tmp_path / "old")
    recorder.sync(old)
    recorder.write(old, 0, b"new")
    assert {tree["old"] for tree in trees(recorder)} == {b"old", b"new", b"nld", bytes(3)}


def test_a_rename_is_atomic(recorder, tmp_path):
    file = recorder.create(tmp_path / "new")
    recorder.sync(recorder.find(tmp_path))
    recorder.sync(file)
    recorder.replace(tmp_path / "new", tmp_path / "old")
    assert trees(recorder) == [{"old": b""}, {"old": b"old", "new": b""}]


def test_a_file_that_is_cut_off_may_be_empty_or_as_before(recorder, tmp_path):
    recorder.cut(recorder.find(tmp_path / "old"), 0)
    assert [tree["old"] for tree in trees(recorder)] == [b"", b"old"]


def test_names_are_lost_in_any_combination(recorder, tmp_path):
    for name in ("a", "b"):
        recorder.create(tmp_path / name)
    recorder.remove(tmp_path / "old")
    names = sorted("".join(sorted(tree)) for tree in trees(recorder))
    assert names == ["", "a", "ab", "abold", "aold", "b", "bold", "old"]


def test_a_folder_that_is_lost_takes_along_what_is_in_it(recorder, tmp_path):
    recorder.make_folder(tmp_path / "folder")
    file = recorder.create(tmp_path / "folder" / "file")
    recorder.sync(file)
    recorder.sync(recorder.find(tmp_path / "folder"))
    assert trees(recorder) == [
        {"old": b"old", "folder": None, "folder/file": b""},
        {"old": b"old"},
    ]


def test_the_power_is_cut_after_every_step(recorder, tmp_path):
    recorder.sync(recorder.create(tmp_path / "new"))
    crashes = list(recorder.history().crashes(tries=10, random=Random(1)))
    assert [(crash.after, sorted(crash.tree)) for crash in crashes] == [
        (2, ["new", "old"]),
        (2, ["old"]),
        (1, ["new", "old"]),
        (1, ["old"]),
        (0, ["old"]),
    ]
    assert [crash.lost for crash in crashes] == [
        (),
        ("nothing of create new",),
        (),
        ("nothing of create new",),
        (),
    ]


def test_each_thing_alone_is_lost_and_kept_among_many(recorder, tmp_path):
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        recorder.create(tmp_path / name)
    found = [sorted(set(tree) - {"old"}) for tree in trees(recorder)]
    for name in names:
        assert [name] in found
        assert sorted(set(names) - {name}) in found
    assert [] in found
    assert names in found


def test_every_operation_of_the_store_is_known_to_the_model():
    operations = {name for name in vars(Files) if not name.startswith("_")}
    known = [logged.READING, logged.TAKEN_DOWN, logged.WITHOUT_EFFECT]
    assert operations == set.union(*known)
    assert sum(map(len, known)) == len(operations)
    assert all(name in vars(logged.LoggedFiles) for name in logged.TAKEN_DOWN)


@pytest.mark.parametrize("name", ["first", "incremental"])
def test_what_is_taken_down_is_what_happens(tmp_path, name):
    commit = logged_commit(name, 1, tmp_path)
    root = tmp_path / "root"
    there = {
        path.relative_to(root).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in root.rglob("*")
    }
    assert commit.history.final() == there
    assert there[(INDEX / "CURRENT").as_posix()]
