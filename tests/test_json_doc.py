"""docs/reference/json.md names the very fields that a search writes."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from qasearch import Article, Index
from tests.house.source import ROOT
from tests.tiny import TinyEmbedder

ANSWER = "1. **Dues**: Every state pays a share.\n2. **Gifts**: Some states give money."


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("json") / "index"
    article = Article(id="1", question="Who pays?", subjects=("Law",), answer=ANSWER)
    Index.build([article], folder, embedder=TinyEmbedder())
    return folder


def described() -> list[Any]:
    """The objects of the page, without what is said of them."""
    page = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```jsonc\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    return [json.loads(re.sub(r" +// .*", "", block)) for block in blocks]


def fields(value: Any) -> object:
    """The names in a value and below it, each list of objects by its first."""
    if isinstance(value, dict):
        return {name: fields(each) for name, each in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [fields(value[0])]
    return None


@pytest.mark.parametrize("flat", [False, True])
def test_the_page_has_the_fields_of_a_search(flat: bool, index: Path) -> None:
    with Index.open(index, embedder=TinyEmbedder()) as opened:
        told = opened.search("who pays", flat=flat, facets=() if flat else ["subject"]).to_dict()
    example = described()[flat]
    assert fields(example) == fields(told)
    assert list(example) == list(told)  # in their order


def test_the_page_has_the_signals_of_an_explained_article(index: Path) -> None:
    with Index.open(index, embedder=TinyEmbedder()) as opened:
        (hit,) = opened.search("who pays", explain=True).articles
    assert hit.explain is not None
    explained = described()[2]
    told = {name: list(asdict(part)) for name, part in hit.explain.items()}
    assert {name: list(part) for name, part in explained.items()} == told
