"""`import qasearch` and `qasearch --help` stay quick: what they may load is listed here."""

import subprocess
import sys
from pathlib import Path

import pytest

TYPER = {"annotated_doc", "shellingham", "typer"}
"""typer, and what it loads itself; from 0.29 on pydantic too, which takes a tenth of a second."""

HEAVY = {
    "filelock", "huggingface_hub", "pydantic", "rich", "sentence_transformers", "torch",
    "transformers", "yaml",
}  # fmt: skip
"""What no search may load: from a tenth of a second to some seconds each."""

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
    [
        ["--help"],
        ["--version"],
        ["search", "--help"],
        ["build", "--help"],
        ["eval", "--help"],
        ["serve", "--help"],
        ["mcp", "--help"],
    ],
    ids=" ".join,
)
def test_help(arguments: list[str]) -> None:
    assert loaded_by(command(*arguments)) - TYPER == {"qasearch"}


@pytest.mark.model
def test_a_query_is_embedded_without_torch() -> None:
    """Once the exported model is in the cache, where the first of these two puts it."""
    ask = "from qasearch import load_embedder; load_embedder().embed_query_tokens(['who pays?'])"
    subprocess.run([sys.executable, "-c", ask], check=True, timeout=280)
    assert loaded_by(ask) == {"numpy", "onnxruntime", "qasearch", "tokenizers"}


@pytest.mark.model
def test_a_search_loads_nothing_heavy(seeds_index: Path) -> None:
    loaded = loaded_by(command("search", "-i", str(seeds_index), "who pays for blue helmets"))
    assert {"faiss", "onnxruntime", "tokenizers"} <= loaded
    assert loaded & HEAVY == set()


def test_a_heavy_import_is_noticed() -> None:
    assert "numpy" in loaded_by("import qasearch, numpy")
