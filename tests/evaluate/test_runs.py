import io
import json
from pathlib import Path

import pytest

from qasearch import Article, Index
from qasearch.evaluate.queries import Query
from qasearch.evaluate.runs import First, RankedPassage, Run, read_run, search_run
from tests.tiny import TinyEmbedder

ARTICLES = [
    Article(
        id="tea", question="How is tea made?", answer="1. **Water**: boil.\n2. **Leaf**: steep."
    ),
    Article(id="ink", question="How is ink made?", answer="1. **Soot**: grind.\n2. **Gum**: stir."),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("runs") / "index"
    Index.build(ARTICLES, folder, embedder=TinyEmbedder())
    return Index.open(folder, embedder=TinyEmbedder())


def test_a_trec_run_is_ordered_by_score_then_by_rank(file: Path) -> None:
    file.write_text(
        "q1 Q0 a 1 0.25 x\nq1 Q0 b 2 0.5 x\nq1 Q0 d 4 0.125 x\nq1 Q0 c 3 0.125 x\n"
        "q2\tQ0\ta\t1\t-1e-3\tx\n"
    )
    run = read_run(file)
    assert run == Run(str(file), articles={"q1": ["b", "a", "c", "d"], "q2": ["a"]})
    assert run.levels == ["article"]


def test_a_trec_run_of_passages_is_one_by_all_its_ids(file: Path) -> None:
    file.write_text("q1 Q0 a#2 1 2 x\nq1 Q0 c#lang#1 2 1 x\n")
    run = read_run(file)
    assert run.levels == ["passage"]
    assert run.passages == {
        "q1": [RankedPassage("a#2", "a"), RankedPassage("c#lang#1", "c#lang")],
    }
    file.write_text("q1 Q0 a#2 1 2 x\nq1 Q0 c# 2 1 x\n")
    assert read_run(file).articles == {"q1": ["a#2", "c#"]}


def test_a_jsonl_run_is_what_a_search_gives(
    file: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = index.search("boil water").to_dict()
    flat = index.search("boil water", flat=True, k=1).to_dict()
    lines = [{"qid": "q1", **found}, {"qid": 2, **flat}]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    run = read_run(file)
    assert run.levels == ["article", "passage"]
    assert run.articles == {"q1": ["tea", "ink"]}
    assert run.firsts == {"q1": First("tea", None, "related")}
    assert run.passages == {"2": [RankedPassage("tea#1", "tea", "boil.")]}

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert read_run(Path("-")) == Run("stdin", run.articles, run.passages, run.firsts)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ": there is no run in it"),
        ("q1 Q0 a 1 0.5\n", ":1: not the six columns of a TREC run"),
        ("q1 Q0 a 1 0.5 x\nq1 Q0 a one 0.5 x\n", ":2: not the six columns of a TREC run"),
        ("q1 Q0 a 1 nan x\n", ":1: not the six columns of a TREC run"),
        ('{"articles": []}\n', ":1: no text under 'qid' or '_id'"),
        ('{"qid": 1}\n', ":1: no list of hits under 'articles'"),
        ('{"qid": 1, "articles": [7]}\n', ":1: no list of hits under 'articles'"),
        ('{"qid": 1, "articles": [{}]}\n', ":1: no text under 'id'"),
        ('{"qid": 1, "articles": []}\n{"qid": "1", "passages": []}\n', ":2: the query id '1'"),
    ],
)
def test_what_is_no_run_is_named(text: str, reason: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(ValueError) as error:
        read_run(file)
    assert str(error.value).startswith(f"{file}{reason}")


def test_an_index_is_asked_at_the_levels_that_are_wanted(index: Index) -> None:
    queries = [Query("q1", "grind soot"), Query("q2", "steep leaf")]
    run = search_run(index, queries, levels=["article", "passage"], name="tiny")
    assert run.name == "tiny"
    assert run.articles == {"q1": ["ink", "tea"], "q2": ["tea", "ink"]}
    assert run.passages is not None
    assert [passages[0] for passages in run.passages.values()] == [
        RankedPassage("ink#1", "ink", "grind."),
        RankedPassage("tea#2", "tea", "steep."),
    ]
    assert len(run.passages["q1"]) == 4
    assert search_run(index, queries, levels=["article"]).passages is None
    assert search_run(index, queries, levels=["article"], mode="dense").articles == run.articles
    with pytest.raises(ValueError, match="There is no mode 'psychic'; there are hybrid"):
        search_run(index, queries, levels=["article"], mode="psychic")  # type: ignore[arg-type]
