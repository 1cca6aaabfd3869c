"""Changes of files are noticed, whatever becomes of the paths that are watched."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qasearch.ingest import watch_files
from tests.ingest.written import write

MOST_LOOKS = 30
"""About so many seconds until a change must have been noticed."""


def noticed(watching: Iterator[bool]) -> bool:
    return any(next(watching) for _ in range(MOST_LOOKS))


def watched(*paths: Path, **options: object) -> Iterator[bool]:
    watching = watch_files(paths, **options)  # pyright: ignore
    assert next(watching)  # that it began
    return watching


@pytest.fixture
def bees(tmp_path: Path) -> Path:
    for name in ("a.md", "wild/b.md", "drafts/c.md", "index/d.json"):
        write(tmp_path / "bees", name, "x")
    return tmp_path / "bees"


def replace_file(bees: Path) -> None:
    (bees / "new").write_text("y")
    (bees / "new").replace(bees / "a.md")


def move_folder_away(bees: Path) -> None:
    (bees / "wild").rename(bees.with_name("elsewhere"))


@pytest.mark.parametrize(
    "change",
    [
        lambda bees: (bees / "a.md").write_text("y"),
        lambda bees: write(bees, "deep/er/e.jsonl", "y"),
        lambda bees: (bees / "wild" / "b.md").unlink(),
        replace_file,
        move_folder_away,
    ],
    ids=["written", "new", "removed", "replaced", "moved"],
)
def test_a_change_is_noticed_and_told_no_more(bees: Path, change: Callable[[Path], object]) -> None:
    watching = watched(bees)
    change(bees)
    assert noticed(watching)
    assert not all(next(watching) for _ in range(3))


def test_what_is_not_read_is_no_change(bees: Path) -> None:
    watching = watched(bees, include=["*.md"], exclude=["drafts"], without=bees / "index")
    for name in (".a.md", ".git/b.md", "drafts/d.md", "notes.txt", "c.json", "index/e.json"):
        write(bees, name, "y")
    (bees / "a.md").read_text()
    assert not next(watching)
    assert not next(watching)
    (bees / "wild" / "b.md").write_text("y")
    assert noticed(watching)


def test_a_file_that_is_replaced_is_watched_on(bees: Path) -> None:
    watching = watched(bees / "a.md")
    for _ in range(2):
        replace_file(bees)
        assert noticed(watching)
    (bees / "wild" / "b.md").write_text("y")
    assert not next(watching)


def test_a_folder_that_goes_and_comes_back_is_watched_on(bees: Path) -> None:
    watching = watched(bees)
    away = bees.with_name("away")
    bees.rename(away)
    assert noticed(watching)
    away.rename(bees)
    assert noticed(watching)
    (bees / "a.md").write_text("y")
    assert noticed(watching)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_that_is_turned_elsewhere_is_followed(bees: Path, tmp_path: Path) -> None:
    write(tmp_path, "wasps/w.md", "x")
    link = tmp_path / "link"
    link.symlink_to(bees)
    watching = watched(link, exclude=["link/drafts"])
    (tmp_path / "turned").symlink_to(tmp_path / "wasps")
    (tmp_path / "turned").replace(link)
    assert noticed(watching)
    (tmp_path / "wasps" / "w.md").write_text("y")
    assert noticed(watching)
    write(tmp_path, "wasps/drafts/x.md", "y")
    assert not next(watching)
