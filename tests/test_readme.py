"""README's commands are run, and print what README says they print."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and that of a ``text`` block right after it."""

    language: str
    text: str
    output: str


def blocks(markdown: str) -> list[Block]:
    fence = re.compile(r"^```(\w+)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)
    return [Block(*(part or "" for part in found)) for found in fence.findall(markdown)]


def examples() -> list[tuple[str, str]]:
    """The commands of README that show their output, each with it."""
    shown = [block.text for block in blocks(README) if block.language == "console"]
    pairs = [part.partition("\n") for text in shown for part in re.split(r"^\$ ", text, flags=re.M)]
    return [(command, output) for command, _, output in pairs if output]


def comparable(text: str) -> str:
    """Words alone, whatever the layout."""
    return " ".join(text.split())


def pattern(output: str) -> str:
    """What README shows, as a pattern; a line of three dots stands for what it leaves out."""
    parts = re.split(r"^\.\.\.$", output, flags=re.M)
    return ".*".join(re.escape(comparable(part)) for part in parts)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, seeds_index: Path) -> Path:
    """What the commands need of a clone; environment and embeddings are those of this test."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy2(ROOT / name, folder)
    shutil.copytree(ROOT / "seeds", folder / "seeds")
    shutil.copytree(seeds_index / "cache", folder / "index" / "cache")
    (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    return folder


def run(command: str, folder: Path) -> str:
    """Run one line of shell in ``folder``; ``make`` takes the environment as installed."""
    # A make that runs this test would tell its settings to the one that is tested.
    settings = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        re.sub(r"^make ", "make -o .venv/.installed ", command),
        shell=True, cwd=folder, capture_output=True, encoding="utf-8", timeout=240,
        env={**settings, "COLUMNS": "80"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("command", "output"), examples(), ids=[c for c, _ in examples()])
def test_command(command: str, output: str, clone: Path) -> None:
    if command == "make test":
        assert re.search(r"^=+ \d+ passed.* in .*=+$", output, re.M)  # running it would run this
        return
    printed = run(command, clone)
    assert re.fullmatch(pattern(output), comparable(printed)), printed


def test_python(clone: Path) -> None:
    (block,) = (block for block in blocks(README) if block.language == "python")
    (clone / "example.py").write_text(block.text, encoding="utf-8")
    printed = run(".venv/bin/python example.py", clone)
    assert re.fullmatch(pattern(block.output), comparable(printed)), printed


def test_the_lines_without_make_do_what_make_does(clone: Path) -> None:
    (lines,) = (block.text.splitlines() for block in blocks(README) if "pip install" in block.text)
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert lines[0] == "python3 -m venv .venv"
    assert lines[1] == ".venv/bin/pip install -c constraints.txt -e ."
    assert "pip install --quiet --constraint constraints.txt --editable '.[dev]'" in make
    assert "1 How is United Nations peacekeeping funded?" in comparable(run(lines[2], clone))
