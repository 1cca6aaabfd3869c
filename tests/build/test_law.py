"""The law of incremental builds: what edits leave behind is what a fresh build makes."""

import shutil
import tempfile
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qasearch.index import wordblocks
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
CODE = st.tuples(st.just("code"), st.sampled_from([2, 4]))
EDITS = st.lists(st.one_of(WRITE, WRITE, SPOIL, REMOVE, RENAME, BUILD, CODE), max_size=12)

Step: TypeAlias = tuple[str | int, ...]


def edit(folder: Folder, step: Step) -> None:
    match step:
        case ("write", name, id, text, subject):
            folder.write(name, id=id, text=text, subject=subject)
        case ("spoil", name):
            folder.spoil(name)
        case ("remove" | "rename" as verb, name, *rest):
            if (folder.path / f"{name}.md").exists() and [name] != rest:
                getattr(folder, verb)(name, *rest)
        case ("code", bits):
            folder.build(token_bits=bits)
        case _:
            folder.build()


def check_law(first: str, edits: list[Step]) -> None:
    """Edit a folder and build it now and then; a fresh build of what is left must give the same."""
    with tempfile.TemporaryDirectory() as path, pytest.MonkeyPatch.context() as patch:
        patch.setattr(wordblocks, "ARTICLES_A_BLOCK", 2)  # so that there are some to copy
        folder = Folder(Path(path))
        for id in ("always", "p", "q", "r", "s"):
            folder.write(id, id=id, text=first)
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
def test_an_incremental_build_equals_a_fresh_one(first: str, edits: list[Step]) -> None:
    check_law(first, edits)
