"""Every file of articles is found once, by a stable name; nothing else is touched."""

import os
import socket
from pathlib import Path

import pytest

from qasearch.errors import ArticleError, NoArticlesError
from qasearch.ingest import files
from tests.ingest.written import write


class Found:
    """The names of what was found, and what was said on the way."""

    def __init__(self, *roots: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()):
        self.errors: list[ArticleError] = []
        self.warnings: list[str] = []
        self.files = files.find_files(
            roots,
            include=include,
            exclude=exclude,
            on_error=self.errors.append,
            on_warning=self.warnings.append,
        )
        self.names = [file.name for file in self.files]


@pytest.fixture
def bees(tmp_path: Path) -> Path:
    """A folder of articles in two levels, with things beside them that are none."""
    for name in ("b.md", "a.markdown", "c.JSONL", "wild/d.json", "wild/deep/e.md"):
        write(tmp_path, f"bees/{name}", "x")
    for name in ("notes.txt", "README", "md", ".hidden.md", ".git/f.md", "wild/.g/h.md"):
        write(tmp_path, f"bees/{name}", "x")
    return tmp_path / "bees"


ALL = ["bees/a.markdown", "bees/b.md", "bees/c.JSONL", "bees/wild/d.json", "bees/wild/deep/e.md"]


def test_files_are_sorted_by_name_and_described(bees: Path) -> None:
    found = Found(bees)
    assert found.names == ALL
    assert (found.errors, found.warnings) == ([], [])
    status = (bees / "b.md").stat()
    b = found.files[1]
    assert (b.path, b.size, b.mtime_ns, b.inode) == (
        bees / "b.md",
        1,
        status.st_mtime_ns,
        status.st_ino,
    )


@pytest.mark.parametrize("root", [".", "../bees", "../bees/", "../bees/wild/..", "./"])
def test_a_folder_keeps_its_name_however_it_is_written(
    bees: Path, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bees)
    assert Found(Path(root)).names == ALL


def test_a_file_as_root_is_named_from_its_folder(bees: Path) -> None:
    assert Found(bees / "wild" / "deep" / "e.md").names == ["e.md"]


def test_what_several_roots_reach_is_found_once(bees: Path) -> None:
    (bees.parent / "link").symlink_to(bees)
    roots = [bees / "wild", bees / "b.md", bees.parent / "link", bees, bees / "wild" / "deep"]
    for order in (roots, roots[::-1]):
        assert Found(*order).names == ALL


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for name in ("2023/bees/a.md", "2024/bees/a.md", "2024/bees/b.md"):
        write(tmp_path, name, "x")
    found = Found(tmp_path / "2023" / "bees", tmp_path / "2024" / "bees")
    assert found.names == ["2023/bees/a.md", "2024/bees/a.md", "bees/b.md"]
    found = Found(tmp_path / "2023/bees/a.md", tmp_path / "2024/bees/a.md")
    assert found.names == ["2023/bees/a.md", "2024/bees/a.md"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.md"], [], ["bees/b.md", "bees/wild/deep/e.md"]),
        (["b.*", "*.json"], [], ["bees/b.md", "bees/wild/d.json"]),
        (["wild"], [], ["bees/wild/d.json", "bees/wild/deep/e.md"]),
        (["bees/wild/*"], [], ["bees/wild/d.json", "bees/wild/deep/e.md"]),
        (["wild/deep"], [], ["bees/wild/deep/e.md"]),
        (["bees"], ["wild"], ALL[:3]),
        ([], ["*.md"], ["bees/a.markdown", "bees/c.JSONL", "bees/wild/d.json"]),
        ([], ["wild"], ALL[:3]),
        ([], ["deep/*"], ALL[:4]),
        (["*.md"], ["*.md"], []),
        (["ild"], [], []),
    ],
)
def test_globs(bees: Path, include: list[str], exclude: list[str], expected: list[str]) -> None:
    assert Found(bees, include=tuple(include), exclude=tuple(exclude)).names == expected


def test_an_excluded_file_is_not_read_as_a_root_either(bees: Path) -> None:
    assert Found(bees / "b.md", exclude=("*.md",)).names == []


@pytest.mark.parametrize("name", ["nothing", "b.md/nothing"])
def test_a_root_that_does_not_exist(bees: Path, name: str) -> None:
    with pytest.raises(NoArticlesError, match="does not exist") as refusal:
        Found(bees, bees / name)
    assert str(bees / name) in str(refusal.value)
    assert refusal.value.hint


def test_a_root_of_another_kind_of_file(bees: Path) -> None:
    found = Found(bees / "notes.txt", bees / "b.md")
    assert found.names == ["b.md"]
    assert [(error.path, error.kind) for error in found.errors] == [("notes.txt", "extension")]
    assert ".md .markdown .jsonl .json" in found.errors[0].reason


def test_a_root_without_articles_is_named(bees: Path) -> None:
    (bees / "empty").mkdir()
    found = Found(bees, bees / "empty")
    assert found.names == ALL
    assert found.warnings == [f"{bees / 'empty'}: no file ending in .md .markdown .jsonl .json"]


def test_links_below_a_root_are_named_and_not_followed(bees: Path, tmp_path: Path) -> None:
    secret = write(tmp_path, "elsewhere/secret.md", "x")
    (bees / "link.md").symlink_to(secret)
    (bees / "folder").symlink_to(secret.parent)
    (bees / "up").symlink_to(bees.parent)
    (bees / "wild" / "self").symlink_to(bees / "wild" / "self")
    (bees / "dangling.md").symlink_to(tmp_path / "nothing")
    (bees / "unimportant.txt").symlink_to(secret)
    found = Found(bees)
    assert found.names == ALL
    assert found.errors == []
    assert sorted(found.warnings) == [
        f"bees/{name}: a link, not followed"
        for name in ("dangling.md", "folder", "link.md", "up", "wild/self")
    ]


def test_links_as_roots_are_followed_and_keep_their_names(bees: Path, tmp_path: Path) -> None:
    (tmp_path / "hive").symlink_to(bees / "wild")
    (tmp_path / "one.md").symlink_to(bees / "b.md")
    found = Found(tmp_path / "hive", tmp_path / "one.md")
    assert found.names == ["hive/d.json", "hive/deep/e.md", "one.md"]
    assert found.files[2].path == bees / "b.md"  # so that it can be opened without following


@pytest.mark.parametrize("target", ["nothing", "link"])
def test_a_link_to_nothing_as_root(tmp_path: Path, target: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / target)
    with pytest.raises(NoArticlesError):
        Found(tmp_path / "link")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_what_is_no_file_is_named_and_not_opened(bees: Path) -> None:
    os.mkfifo(bees / "fifo.md")
    os.mkfifo(bees / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(bees)  # the name of a socket is limited to some hundred characters
        try:
            listener.bind("socket.json")
        finally:
            os.chdir(here)
        found = Found(bees, bees / "fifo")
    assert found.names == ALL
    assert [(error.path, error.kind, error.reason) for error in found.errors] == [
        ("bees/fifo.md", "not-a-file", "a FIFO, not a regular file"),
        ("bees/socket.json", "not-a-file", "a socket, not a regular file"),
        ("fifo", "not-a-file", "a FIFO, not a regular file"),
    ]


def test_a_folder_may_end_like_a_file(tmp_path: Path) -> None:
    write(tmp_path, "bees.md/a.md", "x")
    assert Found(tmp_path / "bees.md").names == ["bees.md/a.md"]
    assert Found(tmp_path).names == [f"{tmp_path.name}/bees.md/a.md"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_an_unreadable_folder_is_named_and_the_rest_read(bees: Path) -> None:
    (bees / "wild").chmod(0)
    try:
        found = Found(bees)
    finally:
        (bees / "wild").chmod(0o755)
    assert found.names == ALL[:3]
    assert [(error.path, error.kind) for error in found.errors] == [("bees/wild", "unreadable")]


@pytest.mark.skipif(os.name != "posix", reason="names are bytes only on posix")
def test_a_name_that_is_not_utf8_can_still_be_printed(tmp_path: Path) -> None:
    try:
        write(tmp_path, os.fsdecode(b"bees/caf\xe9.md"), "x")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    found = Found(tmp_path / "bees")
    assert found.names == ["bees/caf\\udce9.md"]
    assert found.files[0].path.read_text() == "x"
