"""Every command, argument and option says what it is for, in ``--help`` and in README."""

import re
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from qasearch.cli.app import COMMANDS, app_of
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


def test_readme_lists_every_command() -> None:
    listed = re.findall(r"^\| `qasearch (\w+)", README, flags=re.MULTILINE)
    assert sorted(listed) == sorted(name.split()[1] for name in commands() if " " in name)
