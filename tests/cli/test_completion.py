"""Completion as bash, zsh and fish ask for it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(built: Path, tmp_path: Path) -> Complete:
    """What is offered to a shell, a line each; loading a model for it fails the test."""

    def ask(shell: str, index: Path = built, **request: str) -> list[str]:
        done = subprocess.run(
            COMMAND,
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            env={
                **os.environ,
                **request,
                "QASEARCH_INDEX": str(index),
                "_QASEARCH_COMPLETE": f"complete_{shell}",
                "PYTHONPROFILEIMPORTTIME": "1",
            },
            timeout=60,
        )
        told = done.stderr.splitlines()
        assert [line for line in told if not line.startswith("import time:")] == []
        loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in told}
        assert loaded.isdisjoint({"torch", "onnxruntime", "tokenizers", "transformers"})
        return [line for line in done.stdout.splitlines() if line]

    return ask


@pytest.fixture
def bash(complete: Complete) -> Complete:
    """What bash is offered for the last of the words that it has made of a line."""

    def ask(*words: str, **settings: Path) -> list[str]:
        line = "\n".join(["qasearch", *words])
        return complete("bash", **settings, COMP_WORDS=line, COMP_CWORD=str(len(words)))

    return ask


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["sea"], ["search"]),
        (["search", "who", "--format", "js"], ["json", "jsonl"]),
        (["search", "who", "--format", "=", "js"], ["json", "jsonl"]),
        (["show", "te"], ["tea", "tents"]),
        (["show", "tea#"], ["tea#1", "tea#2"]),
        (["show", "coffee#"], []),
        (["related", "4"], ["401"]),
        (["why", "te"], ["tea", "tents"]),
        (["search", "who", "--where", "subject", "=", "K"], ["Kitchen"]),
        (["search", "who", "--where", "subject", "=", "kit"], ["kitchen"]),
        (["search", "who", "--where", "subject", "="], ["Kitchen", "Politics"]),
        (["search", "who", "--where", "=", "subject", "=", "K"], ["Kitchen"]),
        (["search", "who", "--where", '"subject=K'], ["subject=Kitchen"]),
        (["search", "who", "--where", "subj"], ["subject=Kitchen", "subject=Politics"]),
        (["search", "who", "--where", "'da"], ["date>=", "date<="]),
        (["search", "who", "--where", "da"], [r"date\>=", r"date\<="]),
    ],
    ids=" ".join,
)
def test_bash(words: list[str], offered: list[str], bash: Complete) -> None:
    assert bash(*words) == offered


def test_bash_gets_generations(bash: Complete, built: Path) -> None:
    current = (built / "CURRENT").read_text(encoding="utf-8").split()[0]
    assert bash("diff", "queries.tsv", "--from", "gen-") == [current]


def test_bash_is_given_blanks_as_it_types_them(bash: Complete, tmp_path: Path, model: Path) -> None:
    from qasearch import Index

    text = "---\nid: a\nquestion: Who?\nsubject: Law (old)\n---\n\nThey.\n"
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    Index.build(tmp_path / "a.md", tmp_path / "index", model=str(model))
    asked = ("search", "who", "--where")
    for words, offered in (
        ((*asked, "subject", "=", "L"), r"Law\ \(old\)"),
        ((*asked, "subject", "=", r"Law\ "), r"Law\ \(old\)"),
        ((*asked, "'subject=Law "), "subject=Law (old)"),
    ):
        assert bash(*words, index=tmp_path / "index") == [offered]


def test_zsh_and_fish_are_shown_questions_too(complete: Complete) -> None:
    zsh = complete("zsh", _TYPER_COMPLETE_ARGS="qasearch show te")
    assert '"tea":"How is black tea made?"' in "\n".join(zsh)
    fish = complete(
        "fish",
        _TYPER_COMPLETE_ARGS="qasearch search who --where subject=P",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    assert fish == ["subject=Politics\t1 articles"]


def test_without_an_index_nothing_is_offered(bash: Complete, tmp_path: Path) -> None:
    assert bash("show", "te", index=tmp_path / "none") == []
