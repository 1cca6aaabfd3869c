"""The cache of exported models: what is read is whole, what is written appears as a whole."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qasearch.embed.modelcache import SUMS, ModelCache, cache_folder

SMALL, LARGE = b"small", bytes(2**21)

WRITE = """
import sys
from pathlib import Path
from qasearch.embed.modelcache import ModelCache

cache = ModelCache(Path(sys.argv[1]))
for n in range(20):
    with cache.lock(), cache.writing("key") as folder:
        for file in ("one", "two"):
            (folder / file).write_text(f"{sys.argv[2]} {n}")
"""


def content(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "small").read_bytes(), (folder / "large").read_bytes()


@pytest.fixture
def cache(tmp_path: Path) -> ModelCache:
    cache = ModelCache(tmp_path / "models")
    with cache.lock(), cache.writing("key") as folder:
        (folder / "small").write_bytes(SMALL)
        (folder / "large").write_bytes(LARGE)
    return cache


def flip(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def cut_a_line(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def add_another(path: Path) -> None:
    (path.parent / "another").write_bytes(b"")


def test_an_entry_is_read_as_it_was_written(cache: ModelCache) -> None:
    assert cache.read("key", content) == (SMALL, LARGE)
    assert cache.read("other", content) is None


@pytest.mark.parametrize(
    ("file", "damage"),
    [(file, damage) for file in ("small", "large", SUMS) for damage in (flip, cut, Path.unlink)]
    + [(SUMS, cut_a_line), (SUMS, empty), ("small", add_another)],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_damaged_entry_is_not_there(
    cache: ModelCache, file: str, damage: Callable[[Path], object]
) -> None:
    damage(cache.folder / "key" / file)
    assert cache.read("key", lambda folder: "opened") is None


def test_an_entry_that_does_not_open_is_not_there(cache: ModelCache) -> None:
    def fail(folder: Path) -> None:
        raise RuntimeError("whatever a library raises")

    assert cache.read("key", fail) is None


def test_small_files_are_hashed_before_they_are_opened(cache: ModelCache) -> None:
    opened: list[Path] = []
    flip(cache.folder / "key" / "small")
    cache.read("key", opened.append)
    assert opened == []


def test_what_fails_while_it_is_written_leaves_the_entry_that_was_there(cache: ModelCache) -> None:
    with pytest.raises(KeyError), cache.lock(), cache.writing("key") as folder:
        (folder / "small").write_bytes(b"new")
        raise KeyError
    assert cache.read("key", content) == (SMALL, LARGE)
    assert {path.name for path in cache.folder.iterdir()} <= {"key", ".lock"}


def test_a_damaged_entry_is_replaced_and_what_killed_writers_left_goes(cache: ModelCache) -> None:
    flip(cache.folder / "key" / "large")
    shutil.copytree(cache.folder / "key", cache.folder / ".unfinished-by-one-that-was-killed")
    with cache.lock(), cache.writing("key") as folder:
        (folder / "small").write_bytes(b"new")
        (folder / "large").write_bytes(LARGE)
        assert cache.read("key", content) is None  # not before it is complete
    assert cache.read("key", content) == (b"new", LARGE)
    assert {path.name for path in cache.folder.iterdir()} <= {"key", ".lock"}


def test_writers_at_the_same_time_leave_a_whole_entry(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, tmp_path, name]) for name in ("a", "b", "c")
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    one, two = ModelCache(tmp_path).read(
        "key", lambda folder: [(folder / file).read_text() for file in ("one", "two")]
    ) or ("nothing", "")
    assert one == two
    assert one[2:] == "19"


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not installed")
def test_the_sums_are_what_sha256sum_reads(cache: ModelCache) -> None:
    check = ["sha256sum", "--check", "--strict", SUMS]
    entry = cache.folder / "key"
    done = subprocess.run(check, cwd=entry, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["large: OK", "small: OK"]


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QASEARCH_CACHE_DIR", str(tmp_path))
    assert cache_folder() == tmp_path / "models"
    monkeypatch.delenv("QASEARCH_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert tmp_path in cache_folder().parents
