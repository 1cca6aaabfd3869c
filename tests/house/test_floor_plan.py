"""Imports go down only; packages of one floor do not know each other."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from graphlib import TopologicalSorter

import pytest

from tests.house.source import ROOT, imports, modules

FLOOR_0 = {"records", "errors", "batches", "protocols", "storage"}
FLOOR_1 = {"ingest", "embed", "index"}
FLOOR_2 = {"build", "query", "stores"}
FACES = {"cli", "server", "mcp", "evaluate"}
PUBLIC_API = {"__init__"} | FLOOR_0
"""What callers have: the exported names, and the records, errors and seams that these speak of."""

MAY_IMPORT: dict[str, set[str]] = {
    "records": set(),
    "errors": {"records"},
    "batches": set(),
    "protocols": {"batches"},
    "storage": {"records", "protocols"},
    **dict.fromkeys(FLOOR_1, FLOOR_0),
    **dict.fromkeys(FLOOR_2, FLOOR_0 | FLOOR_1),
    "api": FLOOR_0 | FLOOR_1 | FLOOR_2,
    "__init__": FLOOR_0 | FLOOR_1 | FLOOR_2 | {"api"},
    **dict.fromkeys(FACES, PUBLIC_API),
    # The command line starts the other faces, and is that of ``evaluate``.
    "cli": PUBLIC_API | {"evaluate", "server", "mcp"},
    "__main__": PUBLIC_API | {"cli"},
}
"""Part of qasearch: what else of qasearch it may import."""


EXTRAS = {
    "server": ["serve"],
    "mcp": ["mcp"],
    "build": ["parquet", "ray"],
    "stores": ["milvus", "postgres"],
}
"""Part of qasearch: the extras that it needs, beside what is always installed."""


def part(dotted: str) -> str:
    """``qasearch.index.store`` is of the part ``index``; ``qasearch`` itself is ``__init__``."""
    return [*dotted.split("."), "__init__"][1]


def wrong_imports(module: str, tree: ast.Module) -> list[str]:
    """The imports of ``module`` that go up, sideways, or are relative."""
    own = part(module)
    allowed = MAY_IMPORT[own] | {own}
    return [
        f"{module} imports {target}"
        for target in imports(tree)
        if target.startswith(".")
        or (target.split(".")[0] == "qasearch" and part(target) not in allowed)
    ]


def test_imports_go_down_only() -> None:
    assert [wrong for name, tree in modules().items() for wrong in wrong_imports(name, tree)] == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("qasearch.records", "import qasearch.errors"),
        ("qasearch.ingest.split", "from qasearch.embed import load"),
        ("qasearch.index", "from qasearch import Index"),
        ("qasearch.query.rank", "def f():\n    from qasearch.build import build_files"),
        ("qasearch.build", "from qasearch import query"),
        ("qasearch.stores.copying", "from qasearch.query import calibrate"),
        ("qasearch.cli", "from qasearch.index import Generation"),
        ("qasearch.cli", "from qasearch import query"),
        ("qasearch.evaluate", "from qasearch.query import rank"),
        ("qasearch.evaluate.runs", "from qasearch.cli import formats"),
        ("qasearch.server", "from qasearch.evaluate import queries"),
        ("qasearch.mcp", "from qasearch.server import replies"),
        ("qasearch.embed.onnx", "from .bundled import folder"),
    ],
)
def test_a_wrong_import_is_noticed(module: str, line: str) -> None:
    assert len(wrong_imports(module, ast.parse(line))) == 1


def test_no_modules_import_each_other_in_a_circle() -> None:
    trees = modules()
    graph = {name: set(imports(tree)) & trees.keys() - {name} for name, tree in trees.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_floor_0_stands_on_numpy_alone() -> None:
    found = {name for module in FLOOR_0 for name in third_party(f"qasearch.{module}")}
    assert found <= {"numpy"}


def test_every_import_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    providers = importlib.metadata.packages_distributions()
    undeclared: set[str] = set()
    for module in modules():
        entries = list(project["dependencies"])
        for extra in EXTRAS.get(part(module), ()):
            entries += project["optional-dependencies"][extra]
        declared = {normal(re.split(r"[^\w.-]", entry)[0]) for entry in entries}
        undeclared |= {
            name
            for name in third_party(module)
            if not declared & {normal(provider) for provider in providers.get(name, [name])}
        }
    assert undeclared == set()


def third_party(module: str) -> set[str]:
    """Top-level names that ``module`` imports from outside Python and qasearch."""
    names = {target.split(".")[0] for target in imports(modules()[module])}
    return names - sys.stdlib_module_names - {"qasearch", ""}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
