"""Confidence of evidence made by hand, and of indexes whose curves were made by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from qasearch import Article, Index
from qasearch.errors import IndexDamagedError
from qasearch.index import EmbedderIdentity, Generation, GenerationWriter
from qasearch.ingest import joined_text
from qasearch.query.confidence import (
    Curves,
    Evidence,
    evidence,
    logistic,
    read_calibration,
    same_questions,
    to_bytes,
    verdict,
)
from qasearch.query.rank import RankedArticle, RankedPassage
from qasearch.query.signals import SIGNALS
from tests.tiny import TinyEmbedder, TinyTokenEmbedder

ARTICLES = [
    Article(id="a", question="How is black tea made?", answer="1. Boil water.\n2. Steep leaves."),
    Article(id="b", question="how is BLACK tea made", answer="1. Ask your grandmother."),
    Article(id="c", question="Which pots hold heat?", answer="1. Those of clay."),
    Article(id="d", question="What did scribes write with?", answer="1. Soot and gum."),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("confidence") / "index"
    Index.build(ARTICLES, folder, embedder=TinyTokenEmbedder())
    return folder


def evidence_of(levels: list[float], lead: float, behind: float) -> Evidence:
    return Evidence(np.array([levels]), np.array([lead]), np.array([behind]))


def article(row: int, score: float, **signals: float) -> RankedArticle:
    best = RankedPassage(row, score, {**dict.fromkeys(SIGNALS, 0.0), **signals})
    return RankedArticle(row, score, 0.0, best)


CURVES = Curves(there=[-2.0, 4.0, 2.0], this=[-1.0, 10.0], lower=[-1.0, -5.0])


def test_confidence_is_the_product_of_two_curves() -> None:
    (first,) = CURVES.confidence(evidence_of([0.5, 0.25], 0.1, 0.0))
    # Log-odds -2 + 4 * 0.5 + 2 * 0.25, and -1 + 10 * 0.1.
    assert first == pytest.approx(1 / (1 + math.exp(-0.5)) * 0.5)
    (below,) = CURVES.confidence(evidence_of([0.5, 0.25], 0.1, 0.2))
    # To the second, -1 - 5 * 0.2 is added.
    assert below == pytest.approx(1 / (1 + math.exp(-0.5)) / (1 + math.exp(2)))


def test_confidence_falls_with_each_evidence_that_is_weaker() -> None:
    strong = CURVES.confidence(evidence_of([0.5, 0.25], 0.1, 0.0))[0]
    for weaker in ([0.4, 0.25], 0.1, 0.0), ([0.5, 0.2], 0.1, 0.0), ([0.5, 0.25], 0.05, 0.0):
        assert CURVES.confidence(evidence_of(*weaker))[0] < strong
    behind = [CURVES.confidence(evidence_of([0.5, 0.25], 0.1, b))[0] for b in (0, 0.01, 0.5, 1)]
    assert behind == sorted(behind, reverse=True) and len(set(behind)) == 4


def test_extremes_neither_overflow_nor_leave_the_range() -> None:
    steep = Curves(there=[-1e4, 1e5], this=[0.0, 1e5], lower=[-1e5, -1e5])
    far = Evidence(np.array([[1.0], [0.0]]), np.array([1.0, -1.0]), np.array([0.0, np.inf]))
    assert steep.confidence(far).tolist() == [1, 0]
    assert logistic(np.array([-1e9, 0, 1e9])).tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("confidences", "expected"),
    [
        ([], "no_answer"),
        ([None, None], "related"),
        ([0.4], "answer"),
        ([0.399, 0.1], "related"),
        ([0.2], "related"),
        ([0.199], "no_answer"),
    ],
)
def test_verdicts(confidences: list[float | None], expected: str) -> None:
    assert verdict(confidences) == expected


def test_same_questions_differ_in_case_and_signs_at_most() -> None:
    vectors = TinyEmbedder().embed_queries([article.question for article in ARTICLES])
    assert same_questions(vectors, vectors[:2]).tolist() == [[True] * 2] * 2 + [[False] * 2] * 2


def test_the_lead_is_over_articles_of_other_questions(folder: Path) -> None:
    ranked = [
        article(0, 0.9, passage=0.8, late=0.7),
        article(1, 0.8, passage=0.7, late=0.6),
        article(2, 0.5, passage=0.3, late=0.4),
        article(3, 0.4, passage=0.1, late=0.2),
    ]
    with Generation.open(folder) as generation:
        hybrid = evidence(generation, "hybrid", ranked, 8.0)
        dense = evidence(generation, "dense", ranked, 8.0)
        alone = evidence(generation, "dense", ranked[:2], 8.0)
    assert hybrid.levels.tolist() == [[0.7, 0.8], [0.6, 0.7], [0.4, 0.3], [0.2, 0.1]]
    # Rows 0 and 1 ask the same: the lead of both is over the mean of rows 2 and 3.
    assert hybrid.lead == pytest.approx([0.7 - 0.3, 0.6 - 0.3, 0.4 - 0.2, 0])
    assert dense.lead == pytest.approx([0.8 - 0.2, 0.7 - 0.2, 0.3 - 0.1, 0])
    assert hybrid.behind == pytest.approx([0, 0.1, 0.4, 0.5])
    assert alone.lead.tolist() == [0, 0]


def test_the_level_of_words_is_bm25_itself(folder: Path) -> None:
    with Generation.open(folder) as generation:
        found = evidence(generation, "lexical", [article(0, 1, lexical=0.5)], 8.0)
        none = evidence(generation, "hybrid", [], 0.0)
    assert found.levels.tolist() == [[4.0]]
    assert none.levels.shape == (0, 2)


def rewrite(folder: Path, calibration: bytes) -> None:
    """An index, whole by its hashes, whose calibration somebody else wrote."""
    embedder = TinyTokenEmbedder()
    identity = EmbedderIdentity(embedder.name, embedder.fingerprint, embedder.dim)
    with Generation.open(folder, pinned=False) as old:
        splitter = old.manifest.splitter
        articles = list(old.store.full_articles(0, old.store.article_count))
        with GenerationWriter(
            folder, embedder=identity, splitter_version=splitter, tool_version="0"
        ) as writer:
            writer.write_passages(articles)
            writer.write_vectors([np.array(old.vectors)])
            writer.write_questions([np.array(old.questions)])
            assert old.tokens is not None
            tokens = old.tokens.texts(0, len(articles))
            writer.write_tokens(old.tokens.codec, lambda: [tokens])
            writer.write_lexical(joined_text)
            writer.write_sources([])
            writer.write_confidence(calibration)
            writer.commit()


FLAT = {"there": [0.0, 0.0, 0.0], "this": [0.0, 0.0], "lower": [0.0, 0.0]}


def test_a_calibration_is_read_as_it_was_written(folder: Path, tmp_path: Path) -> None:
    calibration = {"hybrid": CURVES, "dense": Curves([0.5, 1.0], [0.0, 2.0], [0.0, -1.0])}
    Index.build(ARTICLES, tmp_path / "index", embedder=TinyTokenEmbedder())
    rewrite(tmp_path / "index", to_bytes(calibration))  # type: ignore[arg-type]
    with Generation.open(tmp_path / "index") as generation:
        assert read_calibration(generation) == calibration
    with Index.open(tmp_path / "index", embedder=TinyTokenEmbedder()) as index:
        assert index.search("Which pots hold heat?").articles[0].confidence is not None
        assert index.search("grandmother", mode="lexical").articles[0].confidence is None


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"[",
        b"[" * 100_000,
        b"[]",
        b"7",
        b'{"hybrid": 7}',
        b'{"hybrid": {"there": [0, 0, 0]}}',
        json.dumps({"sparse": FLAT}).encode(),
        json.dumps({"hybrid": {**FLAT, "there": [0.0, 0.0]}}).encode(),
        json.dumps({"dense": FLAT}).encode(),
        json.dumps({"hybrid": {**FLAT, "this": "00"}}).encode(),
        json.dumps({"hybrid": {**FLAT, "lower": [0, None]}}).encode(),
        json.dumps({"hybrid": {**FLAT, "lower": [0, True]}}).encode(),
        json.dumps({"hybrid": {**FLAT, "lower": [0, math.nan]}}).encode(),
        json.dumps({"hybrid": {**FLAT, "lower": [0, math.inf]}}).encode(),
        json.dumps({"hybrid": {**FLAT, "more": [0]}}).encode(),
    ],
)
def test_what_is_no_calibration_is_damage(content: bytes, folder: Path) -> None:
    with Generation.open(folder) as generation:
        generation.confidence = content
        with pytest.raises(IndexDamagedError, match=r"confidence\.json is damaged: expected a cal"):
            read_calibration(generation)
