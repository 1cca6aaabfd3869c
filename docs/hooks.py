"""What the documentation site does not find in files: the commands, the changes, the decisions."""

from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click
from typer.main import get_command

from qasearch.cli.app import COMMANDS, app_of

ROOT = Path(__file__).parents[1]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the navigation: a folder stands for its pages; a page not yet written is left out."""
    docs = Path(config.docs_dir)
    generated = {"reference/commands.md", "reference/changelog.md"}

    def filled(entry: Any) -> Any:
        if isinstance(entry, list):
            return [kept for each in entry if (kept := filled(each))]
        if isinstance(entry, dict):
            return {title: kept for title, each in entry.items() if (kept := filled(each))}
        if (docs / entry).is_dir():
            return [
                path.relative_to(docs).as_posix() for path in sorted((docs / entry).glob("*.md"))
            ]
        return entry if entry in generated or (docs / entry).is_file() else None

    config.nav = filled(config.nav)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of the program and of files beside the documentation."""
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for path, text in {
        "reference/commands.md": _commands(),
        "reference/changelog.md": changes,
    }.items():
        files.append(File.generated(config, path, content=text))
    return files


def _commands() -> str:
    """The help of every command, as typer itself writes it down."""
    group = get_command(app_of(COMMANDS))
    written = get_docs_for_click(obj=group, ctx=typer.Context(group), name="qasearch")
    _, _, below = written.partition("\n")
    head, _, rest = below.partition("**Commands**:")
    # Its list of commands cuts their sentences short, and the margin has one.
    return f"# Commands\n{head}{rest[rest.index('## ') :]}"
