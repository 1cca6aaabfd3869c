"""`import qasearch` and `qasearch --help` stay quick: what they may load is listed here."""

import subprocess
import sys

import pytest

TYPER = {
    "annotated_doc", "annotated_types", "pydantic", "pydantic_core", "shellingham", "typer",
    "typing_extensions", "typing_inspection",
}  # fmt: skip
"""typer, and what it loads itself."""

REPORT = """
import sys
before = set(sys.modules)
try:
    {code}
except SystemExit as end:
    if end.code:
        raise
loaded = {{name.split(".")[0] for name in set(sys.modules) - before}} - sys.stdlib_module_names
print(*(name for name in loaded if not name.startswith("_sysconfigdata")), file=sys.stderr)
"""


def loaded_by(code: str) -> set[str]:
    """Top-level names of what a fresh process loads for ``code``, Python's own modules aside."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT.format(code=code)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(done.stderr.split())


def command(*arguments: str) -> str:
    return (
        f"import runpy; sys.argv = {['qasearch', *arguments]!r}; "
        "runpy.run_module('qasearch', run_name='__main__', alter_sys=True)"
    )


def test_import() -> None:
    assert loaded_by("import qasearch") == {"qasearch"}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["search", "--help"], ["build", "--help"], ["serve", "--help"]],
    ids=" ".join,
)
def test_help(arguments: list[str]) -> None:
    assert loaded_by(command(*arguments)) - TYPER == {"qasearch"}


def test_a_heavy_import_is_noticed() -> None:
    assert "numpy" in loaded_by("import qasearch, numpy")
