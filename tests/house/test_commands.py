"""Every command, argument and option says what it is for, in ``--help`` and in README."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from qasearch.cli.app import COMMANDS, app_of, main
from qasearch.cli.bare import as_search
from tests.house.source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> dict[str, Any]:
    """Every command by the words that run it, ``qasearch`` itself included."""
    group = get_command(app_of(COMMANDS))
    assert isinstance(group, TyperGroup)
    return {"qasearch": group} | {f"qasearch {name}": it for name, it in group.commands.items()}


@pytest.mark.parametrize("name", commands())
def test_command_is_documented(name: str) -> None:
    command = commands()[name]
    assert (command.help or "").strip()
    silent = [parameter.name for parameter in command.params if not getattr(parameter, "help", "")]
    assert silent == []


def examples(name: str) -> list[str]:
    """The command lines under "For example:" in the help of a command."""
    _, _, shown = commands()[name].help.partition("For example:\n")
    return re.findall(r"^ {4}(.*)$", shown, flags=re.MULTILINE)


@pytest.mark.parametrize("name", commands())
def test_help_has_examples_that_the_parser_accepts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = [accept(example) for example in examples(name)]
    assert name in shown or (name == "qasearch" and shown)


def accept(line: str) -> str:
    """Parse a line of shell as ``qasearch`` would, and name its command; files need not be there.

    What the parser refuses is raised.
    """
    words = shlex.split(re.split(r" (?:[<>|]|&&) ", line)[0], comments=True)
    # What is before it are settings, or a program that will run it.
    words = words[len(words) - words[::-1].index("qasearch") :]
    for word in words:
        if re.fullmatch(r"[\w-]+\.(jsonl|tsv|run|txt)", word):
            Path(word).touch()  # some options want files that are there
    words = [word for word in words if word != "--no-pager"]
    words = as_search(words, COMMANDS)
    name = f"qasearch {words[0]}"
    commands()[name].make_context(words[0], words[1:])
    return name


@pytest.mark.parametrize("name", commands())
def test_examples_are_shown_whole(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that is too long would be broken, and could not be copied."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*name.split()[1:], "--help"]) == 0
    shown = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert [example for example in examples(name) if example not in shown] == []


def test_the_list_of_commands_cuts_no_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


def test_readme_lists_every_command() -> None:
    listed = re.findall(r"^\| `qasearch (\w+)", README, flags=re.MULTILINE)
    assert sorted(listed) == sorted(name.split()[1] for name in commands() if " " in name)
