"""The law of incremental builds: what edits leave behind is what a fresh build makes."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.build.folder import Folder, manifest, stored

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
IDS = st.sampled_from(["1", "2", "10", "x"])
TEXTS = st.sampled_from(
    [
        "One paragraph, no points.",
        "1. **Walls**: two of stone.\n\n2. **Bells**: they ring.",
        "1. **Walls**: two of wood.\n\n2. **Bells**: they ring.\n\nIn summary, it holds.",
        "### Ships\n\n- a bullet on ships\n- another on boats\n\n### Docks\n\nWet.",
    ]
)
SUBJECTS = st.sampled_from(["Ports", "Law"])

WRITE = st.tuples(st.just("write"), NAMES, IDS, TEXTS, SUBJECTS)
SPOIL = st.tuples(st.just("spoil"), NAMES)
REMOVE = st.tuples(st.just("remove"), NAMES)
RENAME = st.tuples(st.just("rename"), NAMES, NAMES)
BUILD = st.just(("build",))
EDITS = st.lists(st.one_of(WRITE, WRITE, SPOIL, REMOVE, RENAME, BUILD), max_size=12)


def edit(folder: Folder, step: tuple[str, ...]) -> None:
    match step:
        case ("write", name, id, text, subject):
            folder.write(name, id=id, text=text, subject=subject)
        case ("spoil", name):
            folder.spoil(name)
        case ("remove" | "rename" as verb, name, *rest):
            if (folder.path / f"{name}.md").exists() and [name] != rest:
                getattr(folder, verb)(name, *rest)
        case _:
            folder.build()


def check_law(first: str, edits: list[tuple[str, ...]]) -> None:
    """Edit a folder and build it now and then; a fresh build of what is left must give the same."""
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(Path(path))
        folder.write("always", id="always", text=first)
        folder.build()
        for step in edits:
            edit(folder, step)
        for file in folder.path.iterdir():  # the law is about readable sources
            if "unclosed" in file.read_text():
                file.unlink()
        folder.build()

        fresh = Path(path) / "fresh"
        shutil.copytree(folder.index / "cache", fresh / "cache")
        report = folder.build(fresh)

        assert report.embedded == 0
        assert stored(fresh) == stored(folder.index)
        assert manifest(fresh) == manifest(folder.index)


@settings(max_examples=40, deadline=None)
@given(first=TEXTS, edits=EDITS)
def test_an_incremental_build_equals_a_fresh_one(first: str, edits: list[tuple[str, ...]]) -> None:
    check_law(first, edits)
