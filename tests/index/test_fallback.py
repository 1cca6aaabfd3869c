"""Where CURRENT names no generation, the newest whole one answers, and that is told."""

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qasearch.errors import IndexDamagedError, IndexMismatchError, IndexNotFoundError
from qasearch.index import Generation, open_for_reading, rollback, verify
from tests.index.stores import IDENTITY, OTHERS, build, names

NOWHERE = f"gen-0000000009-00000000 {'0' * 64}\n"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Two generations, the second of other articles."""
    build(tmp_path)
    build(tmp_path, OTHERS)
    return tmp_path


def write(content: str) -> Callable[[Path], object]:
    return lambda current: current.write_text(content)


def link(current: Path) -> None:
    current.rename(current.with_name("elsewhere"))
    current.symlink_to("elsewhere")


def fifo(current: Path) -> None:
    current.unlink()
    os.mkfifo(current)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": write(""),
    "garbage": write("\0\x1b[2J"),
    "outside": write(f"../x {'0' * 64}\n"),
    "nowhere": write(NOWHERE),
    "long": write("gen" * 1_000),
    "link": link,
    "fifo": fifo,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_the_newest_generation_answers_with_a_warning(index, damage, caplog):
    with Generation.open(index) as generation:
        newest = generation.name
    damage(index / "CURRENT")
    before = names(index)
    with caplog.at_level(logging.WARNING), open_for_reading(index) as generation:
        assert generation.name == newest
        assert generation.store.article("tides") == OTHERS[1]
    (record,) = caplog.records
    assert "is damaged: expected" in record.message
    assert f"Answers come from {newest}." in record.message
    assert f"qasearch rollback -i {index}" in record.message
    assert names(index) == before
    assert len(verify(index)) == 1
    with pytest.raises(IndexDamagedError):
        Generation.open(index)


def test_a_generation_that_is_damaged_is_passed_over(index):
    newest, older = sorted(names(index) & {n for n in names(index) if n[:3] == "gen"})[::-1]
    (index / newest / "vectors.faiss").unlink()
    (index / "CURRENT").write_text("")
    with open_for_reading(index) as generation:
        assert generation.name == older
    (index / older / "manifest.json").unlink()
    with pytest.raises(IndexDamagedError, match="CURRENT is damaged"):
        open_for_reading(index)


def test_the_generation_that_is_named_must_be_whole(index):
    with Generation.open(index) as generation:
        newest = generation.name
    (index / newest / "sources.jsonl").unlink()
    with pytest.raises(IndexDamagedError, match=f"{newest}/sources.jsonl"):
        open_for_reading(index)


def test_another_embedder_is_refused_all_the_same(index):
    (index / "CURRENT").write_text("")
    with open_for_reading(index, fingerprint=IDENTITY.fingerprint):
        pass
    with pytest.raises(IndexMismatchError):
        open_for_reading(index, fingerprint="another")


def test_no_current_is_no_index(index):
    (index / "CURRENT").unlink()
    with pytest.raises(IndexNotFoundError):
        open_for_reading(index)


@pytest.mark.parametrize("content", ["", NOWHERE])
def test_a_rollback_mends_current(index, content):
    with Generation.open(index) as generation:
        newest = generation.name
    (index / "CURRENT").write_text(content)
    assert rollback(index) == newest
    with Generation.open(index) as generation:
        assert generation.name == newest
    assert verify(index) == []


def test_a_rollback_makes_no_lock_where_no_index_is(tmp_path):
    with pytest.raises(IndexNotFoundError):
        rollback(tmp_path)
    assert names(tmp_path) == set()


def test_a_build_mends_current_too(index):
    shutil.copytree(index, index / "copy")
    (index / "CURRENT").write_text("")
    newest = build(index)
    with Generation.open(index) as generation:
        assert generation.name == newest
