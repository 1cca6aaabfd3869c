"""The baselines that our quality is measured against, and the sets they are measured on."""

import sys
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from benchmarks.quality.__main__ import against, evaluate, groups_table, measures_table
from benchmarks.quality.baselines import (
    BM25,
    CHUNK,
    OVERLAP,
    as_run,
    blind_chunks,
    cut_off,
    dense,
    equal_ranks,
)
from benchmarks.quality.peers import PEERS, ranked
from benchmarks.quality.sets import JudgedSet, find_sets, seeds
from benchmarks.quality.vectors import StoredVectors
from qasearch import Article
from qasearch.embed import bundled
from qasearch.evaluate.measures import MEASURES, Scored
from qasearch.evaluate.queries import Query
from qasearch.evaluate.report import Evaluation
from qasearch.evaluate.runs import RankedPassage
from qasearch.protocols import no_progress
from qasearch.records import Mode
from tests.tiny import TinyEmbedder

TEXTS = ["boil water", "steep the leaves", "leaves and more leaves", "grind soot"]
UNITS = [RankedPassage(f"{a}#{n}", a, text) for (a, n), text in zip(
    [("tea", 1), ("tea", 2), ("tree", 1), ("ink", 1)], TEXTS, strict=True
)]  # fmt: skip
QUERIES = [Query("q1", "leave"), Query("q2", "what is the"), Query("q3", "grinding water")]


def rows(ranking: dict[str, np.ndarray]) -> dict[str, list[int]]:
    return {qid: found.tolist() for qid, found in ranking.items()}


def test_bm25_stems_and_leaves_stop_words_out() -> None:
    found = rows(BM25(TEXTS).rank(QUERIES))
    assert found["q1"] == [2, 1]  # twice in a text counts more
    assert found["q2"] == []
    assert sorted(found["q3"]) == [0, 3]


def test_dense_ranks_by_cosine_then_by_row() -> None:
    embedder = TinyEmbedder()
    asked = embedder.embed_queries(["steep leaves", "more leaves", "nothing here"])
    found = rows(dense(QUERIES, asked, embedder.embed_passages(TEXTS)))
    assert found == {"q1": [1, 2, 0, 3], "q2": [2, 1, 0, 3], "q3": [0, 1, 2, 3]}


def test_equal_ranks() -> None:
    first = {"q": np.array([3, 1, 2])}
    second = {"q": np.array([1, 0])}
    # 1: 1/62 + 1/61; 3: 1/61; 0: 1/62; 2: 1/63.
    assert rows(equal_ranks(first, second)) == {"q": [1, 3, 0, 2]}


def test_an_article_ranks_by_its_best_passage() -> None:
    run = as_run("mine", {"q": np.array([1, 3, 0, 2])}, UNITS)
    assert run.articles == {"q": ["tea", "ink", "tree"]}
    assert run.passages == {"q": [UNITS[1], UNITS[3], UNITS[0], UNITS[2]]}
    assert as_run("mine", {"q": np.array([1])}, UNITS, passages=False).passages is None


def test_a_text_is_cut_off_where_the_model_reads_no_further() -> None:
    texts = ["Salt melts ice on roads.", "Salt melts."]
    tokenizer = bundled.find() / "tokenizer.json"
    assert cut_off(texts, tokenizer, 2 + 4) == ["Salt melts ice", "Salt melts."]
    assert cut_off(texts, tokenizer, 256) == texts


def test_chunks_have_a_size_overlap_and_leave_nothing_out() -> None:
    words = [f"word{number}" for number in range(700)]
    chunks = list(blind_chunks(Article(id="a", question="Q?", answer=" ".join(words))))
    texts = [chunk.text or "" for chunk in chunks]
    assert all(CHUNK - 20 < len(text) <= CHUNK for text in texts[:-1])
    assert [word for text in texts for word in text.split() if word not in words] == []
    for before, after in pairwise(texts):
        shared = len(before) - before.index(after[:100])
        assert OVERLAP - 20 < shared <= OVERLAP
        assert before.endswith(after[:shared])
    assert {word for text in texts for word in text.split()} == set(words)
    assert {chunk.article_id for chunk in chunks} == {"a"}
    assert len({chunk.id for chunk in chunks}) == len(chunks)


@pytest.mark.parametrize("answer", ["short", "x" * 2_500, "a " * 1_000, ""])
def test_chunks_of_odd_texts_end(answer: str) -> None:
    chunks = list(blind_chunks(Article(id="a", question="Q?", answer=answer)))
    joined = "".join((chunk.text or "").replace(" ", "") for chunk in chunks)
    assert set(joined) == set(answer.replace(" ", ""))
    assert len(joined) >= len(answer.replace(" ", ""))


def test_vectors_are_embedded_once(tmp_path: Path) -> None:
    class Counting(TinyEmbedder):
        asked = 0

        def embed_passages(self, texts):  # type: ignore[no-untyped-def]
            self.asked += len(texts)
            return super().embed_passages(texts)

    embedder = Counting()
    for _ in range(2):
        stored = StoredVectors(embedder, tmp_path / "vectors", no_progress)
        found = stored.passages(TEXTS, "texts")
        np.testing.assert_array_equal(found, TinyEmbedder().embed_passages(TEXTS))
    assert embedder.asked == len(TEXTS)
    stored.passages([*TEXTS, "one more"], "texts")
    assert embedder.asked == 2 * len(TEXTS) + 1


def test_sets_are_found_or_skipped_with_a_reason(tmp_path: Path) -> None:
    for name in ("beir", "folders", "empty"):
        (tmp_path / name).mkdir()
    for name in ("beir", "folders"):
        (tmp_path / name / "queries.jsonl").touch()
        (tmp_path / name / "qrels.articles.tsv").touch()
    (tmp_path / "folders" / "qrels.passages.jsonl").touch()
    (tmp_path / "folders" / "score.py").touch()
    (tmp_path / "beir" / "corpus.jsonl").touch()
    (tmp_path / "README.md").touch()
    corpus = tmp_path / "beir"

    found, skipped = find_sets(tmp_path, [corpus])
    assert [(one.name, one.documents) for one in found] == [("beir", True), ("folders", False)]
    assert found[0].sources == [tmp_path / "beir" / "corpus.jsonl"]
    assert found[1].sources == [corpus]
    assert [path.name for path in found[1].qrels] == ["qrels.articles.tsv", "qrels.passages.jsonl"]
    assert skipped == ["empty: no queries*.jsonl with qrels* there"]
    assert find_sets(tmp_path, [])[1][1] == "folders: no corpus was named"
    missing = tmp_path / "nowhere"
    assert find_sets(tmp_path, [missing])[1][1] == f"folders: {missing.as_posix()} is not there"
    assert seeds().queries and seeds().qrels and seeds().sources[0].is_dir()


def test_tables() -> None:
    def scored(run: str, *values: float) -> Scored:
        named = {f"q{n}": dict.fromkeys(MEASURES, value) for n, value in enumerate(values)}
        return Scored(run, "article", named, (), (), 0)

    ours, other = scored("ours", 1, 0.5), scored("other", 0.5, 0)
    assert against(ours, ours) == ""
    assert against(ours, other) == "-0.500 (-0.500 to -0.500)"
    table = measures_table("Articles", [other, ours], ours, 2)
    assert table.title == "Articles: 2 queries with an answer (grade 2)"
    assert table.rows[0] == ["other", "0.2500", "-0.500 (-0.500 to -0.500)", *["0.250"] * 5]
    queries = [Query("q0", "a", {"style": ("typo",)}), Query("q1", "b", {"kind": ("x",)})]
    (groups,) = groups_table(Evaluation(queries, 1, [other], ["style", "kind"]), "article")
    assert groups.columns == ["system", "style typo (1)", "kind x (1)"]
    assert groups.rows == [["other", "0.5000", "0.0000"]]
    assert list(groups_table(Evaluation(queries, 1, [other], ["no"]), "article")) == []


def test_a_set_is_judged_from_its_files_to_its_tables(tmp_path: Path) -> None:
    documents = tmp_path / "corpus.jsonl"
    documents.write_text(
        '{"_id": "tea", "title": "Tea", "text": "Boil water and steep the leaves."}\n'
        '{"_id": "tea2", "title": "tea?", "text": "Ask your grandmother."}\n'
        '{"_id": "ink", "title": "Ink", "text": "Grind soot."}\n'
    )
    queries, qrels = tmp_path / "queries.jsonl", tmp_path / "qrels.tsv"
    queries.write_text('{"_id": "q1", "text": "steep tea leaves"}\n')
    qrels.write_text("query-id\tcorpus-id\tscore\nq1\ttea\t1\nq1\ttea2\t1\n")
    judged = JudgedSet("drinks", [documents], [queries], [qrels], documents=True)
    tables, means = evaluate(judged, TinyEmbedder(), tmp_path / "work", ["style"])
    assert [table.title for table in tables] == [
        "Articles of drinks: 1 queries with an answer (grade 1)"
    ]
    assert tables[0].notes == ["1 queries, 3 articles."]
    value = {row[0]: row[1] for row in tables[0].rows}
    assert value["dense, documents"] == value["BM25, documents"] == "1.0000"
    # Both that ask for tea, though a search folds them into one.
    assert [value[f"ours, {mode}"] for mode in get_args(Mode)] == ["1.0000"] * 3
    assert {"equal ranks, documents", "blind chunks", "BM25, passages"} <= value.keys()
    assert means["article"]["ours, hybrid"]["nDCG@10"] == 1


CHROMA = """
class EphemeralClient:
    def create_collection(self, name):
        self.ids, self.rows = [], []
        return self
    def add(self, ids, documents, embeddings):
        self.ids += ids
        self.rows += list(embeddings)
    def query(self, query_embeddings, n_results):
        scores = [-row @ query_embeddings[0] for row in self.rows]
        best = sorted(range(len(scores)), key=lambda i: scores[i])
        return {"ids": [[self.ids[i] for i in best[:n_results]]]}
"""


def test_peers_answer_by_the_vectors_that_they_are_handed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exact search in place of one peer: none of them is installed where tests run."""
    (tmp_path / "chromadb.py").write_text(CHROMA)
    about = tmp_path / "chromadb-9.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text("Metadata-Version: 2.1\nName: chromadb\nVersion: 9\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    embedder = TinyEmbedder()
    queries = {"q1": "steep leaves", "q2": "more leaves"}
    asked = embedder.embed_queries(list(queries.values()))
    rows = embedder.embed_passages(TEXTS)
    found = ranked(Path(sys.executable), TEXTS, rows, queries, asked)
    assert found["Chroma 9"] == {"q1": [1, 2, 0, 3], "q2": [2, 1, 0, 3]}
    told = capsys.readouterr().err
    assert all(
        f"left out {name}: No module named" in told or any(key.startswith(name) for key in found)
        for name in PEERS
    )
