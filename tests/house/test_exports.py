"""The public API is what ``qasearch.__all__`` says: sorted, complete, there, and documented."""

import ast
import inspect
from collections.abc import Iterator
from typing import cast

import pytest

import qasearch
from tests.house.source import modules


def test_all_is_sorted() -> None:
    assert qasearch.__all__ == sorted(set(qasearch.__all__))


def test_all_is_complete() -> None:
    """What type checkers see, what is loaded when asked for, and what ``dir`` offers are one."""
    (block,) = [node for node in modules()["qasearch"].body if isinstance(node, ast.If)]
    seen = {alias.name for node in block.body for alias in cast(ast.ImportFrom, node).names}
    assert seen == set(qasearch.__all__) - {"__version__"}
    assert sorted(dir(qasearch)) == qasearch.__all__


def test_nothing_else_is_public() -> None:
    submodules = {name.split(".")[1] for name in modules() if "." in name}
    public = {name for name in vars(qasearch) if not name.startswith("_")}
    assert public - submodules - set(qasearch.__all__) == {"TYPE_CHECKING"}


@pytest.mark.parametrize("name", qasearch.__all__)
def test_name_is_there(name: str) -> None:
    assert getattr(qasearch, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = qasearch.no_such_name  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("name", [name for name in qasearch.__all__ if name != "__version__"])
def test_name_is_documented(name: str) -> None:
    assert undocumented(name, getattr(qasearch, name)) == []


def undocumented(name: str, thing: object) -> list[str]:
    """``thing``, and if it is a class its public members, as far as they lack a docstring."""
    return [name for name, part in [(name, thing), *members(name, thing)] if not documented(part)]


def members(name: str, thing: object) -> Iterator[tuple[str, object]]:
    if not inspect.isclass(thing):
        return
    for attribute, value in vars(thing).items():
        if not attribute.startswith("_") and (
            inspect.isroutine(value) or isinstance(value, property)
        ):
            yield f"{name}.{attribute}", value


def documented(thing: object) -> bool:
    doc = inspect.getdoc(thing) or ""
    # A dataclass without a docstring is given its signature as one.
    return bool(doc.strip()) and not doc.startswith(f"{getattr(thing, '__name__', '')}(")
