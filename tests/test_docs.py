"""The documentation site: built without a warning, whole, and without a request to anybody."""

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import qasearch
from tests.house.source import ROOT
from tests.house.test_commands import accept, commands

needs_mkdocs = pytest.mark.skipif(
    find_spec("mkdocs") is None or find_spec("mkdocstrings") is None,
    reason="the extra docs is not installed",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        timeout=240,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@needs_mkdocs
def test_every_page_can_be_reached_from_the_first(site: Path) -> None:
    first = (site / "index.html").read_text(encoding="utf-8")
    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert len(pages) > 15
    unreached = [page for page in pages if f'"{page.with_suffix(".html").as_posix()}"' not in first]
    assert unreached in ([], [Path("index.md")])


@needs_mkdocs
def test_the_reference_has_every_command_and_name(site: Path) -> None:
    written = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    names = [name.replace(" ", "-") for name in commands() if name != "qasearch"]
    assert [name for name in names if f'id="{name}"' not in written] == []

    python = (site / "reference" / "python.html").read_text(encoding="utf-8")
    public = [name for name in qasearch.__all__ if name != "__version__"]
    assert [name for name in public if f'id="qasearch.{name}"' not in python] == []
    assert 'id="qasearch.Index.search_many"' in python


@needs_mkdocs
def test_a_reader_asks_nobody_else(site: Path) -> None:
    loading = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//[^>]*>")
    linking = re.compile(r"<link\b(?![^>]*rel=\"?canonical)[^>]*href=\"?(?:https?:)?//[^>]*>")
    asked = [
        f"{page.name}: {found[0]}"
        for page in site.rglob("*.html")
        for pattern in (loading, linking)
        for found in pattern.finditer(page.read_text(encoding="utf-8"))
    ]
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert asked == []
    assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)\"']+", styles) == []


def shown() -> list[tuple[str, str]]:
    """Page and line of each command that the documentation shows."""
    return [
        (path.relative_to(ROOT).as_posix(), line)
        for path in sorted((ROOT / "docs").rglob("*.md"))
        for block in re.findall(r"^```sh\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)
        for line in block.splitlines()
        if "qasearch" in shlex.split(line, comments=True)
    ]


@pytest.mark.parametrize(("page", "line"), shown(), ids=str)
def test_the_parser_accepts_what_the_pages_show(
    page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    accept(line)
