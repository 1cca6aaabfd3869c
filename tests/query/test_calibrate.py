"""Calibration: blurred questions, and curves fitted to data whose curve is known."""

from pathlib import Path

import numpy as np
import pytest

from qasearch import Article, Index
from qasearch.index import Generation
from qasearch.index.passages import drawn
from qasearch.query import calibrate
from qasearch.query.calibrate import (
    FEWEST_ARTICLES,
    FOUND_AMONG,
    FOUND_IN,
    KEPT_WORDS,
    QUERIES,
    _blurred,  # pyright: ignore[reportPrivateUsage]
    _curves,  # pyright: ignore[reportPrivateUsage]
    _fit,  # pyright: ignore[reportPrivateUsage]
    _found,  # pyright: ignore[reportPrivateUsage]
    _Trial,  # pyright: ignore[reportPrivateUsage]
)
from qasearch.query.confidence import Evidence, logistic, read_calibration
from tests.tiny import TinyEmbedder, TinyTokenEmbedder

NAMES = """
amber basalt copper diamond erbium feldspar galena hematite iron jade kaolin limestone
marble nickel obsidian pyrite quartz ruby sapphire topaz uranium vanadium wolframite zinc
"""
THINGS = NAMES.split()
ARTICLES = [
    Article(
        id=thing,
        question=f"Where do miners dig {thing} today?",
        answer=f"1. **Country**: {thing} lies below {THINGS[i - 1]}.\n2. Ask who sells {thing}.",
    )
    for i, thing in enumerate(THINGS)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrate") / "index"
    Index.build(ARTICLES, folder, embedder=TinyTokenEmbedder())
    return folder


def stored(folder: Path) -> bytes:
    with Generation.open(folder) as generation:
        return (folder / generation.name / "confidence.json").read_bytes()


def test_curves_rise_with_the_evidence_and_fall_below_the_first(folder: Path) -> None:
    with Generation.open(folder) as generation:
        curves = read_calibration(generation)
    assert list(curves) == ["dense", "hybrid", "lexical"]
    assert len(curves["hybrid"].there) == 3
    for mode in ("dense", "lexical"):
        assert curves[mode].there[1] > 0
    for each in curves.values():
        assert each.lower[0] + each.lower[1] * 0.1 < 0


def test_a_rebuild_and_an_incremental_build_calibrate_alike(tmp_path: Path) -> None:
    Index.build(ARTICLES, tmp_path / "full", embedder=TinyEmbedder())
    # Tokens are coded by what the first build found best, so those builds are of one index.
    for embedder, index in (TinyEmbedder(), tmp_path / "a"), (TinyTokenEmbedder(), tmp_path / "b"):
        Index.build(ARTICLES[:-2], index, embedder=embedder)
        before = stored(index)
        report = Index.build(ARTICLES, index, embedder=embedder)
        assert (report.added, report.unchanged) == (2, len(ARTICLES) - 2)
        incremental = stored(index)
        Index.build(ARTICLES, index, embedder=embedder, rebuild=True)
        assert before != incremental == stored(index)
    assert stored(tmp_path / "a") == stored(tmp_path / "full")


def test_a_corpus_of_few_articles_says_nothing_of_itself(tmp_path: Path) -> None:
    few, enough = ARTICLES[: FEWEST_ARTICLES - 1], ARTICLES[:FEWEST_ARTICLES]
    Index.build(few, tmp_path / "few", embedder=TinyEmbedder())
    assert stored(tmp_path / "few") == b"{}\n"
    Index.build(enough, tmp_path / "enough", embedder=TinyEmbedder())
    assert b'"hybrid"' in stored(tmp_path / "enough")


@pytest.mark.parametrize("question", ["?", "\x00"])
def test_questions_that_nobody_can_ask_do_no_harm(question: str, tmp_path: Path) -> None:
    articles = [Article(id=a.id, question=question, answer=a.answer) for a in ARTICLES]
    Index.build(articles, tmp_path / "index", embedder=TinyTokenEmbedder())
    with Index.open(tmp_path / "index", embedder=TinyTokenEmbedder()) as index:
        (first, *_) = index.search("Who sells jade?").articles
    assert first.confidence is None or 0 <= first.confidence <= 1


def test_the_sample_is_chosen_by_ids() -> None:
    ids = [str(number) for number in range(2_000)]
    chosen = {ids[row] for row in drawn(ids, QUERIES)}
    assert len(chosen) == QUERIES
    left = [id for id in ids if id not in sorted(chosen)[:3]]
    assert len(chosen & {left[row] for row in drawn(left, QUERIES)}) == QUERIES - 3


def test_blurred_questions_keep_the_share_of_words_that_they_promise() -> None:
    questions = [" ".join(f"w{i}x{j}" for j in range(40)) for i in range(140)]
    blurred = list(_blurred(questions))
    assert blurred == list(_blurred(questions))
    assert len(blurred) == 140 * 4  # the fewest rounds that give 500
    kept: dict[float, list[float]] = {share: [] for share in KEPT_WORDS}
    known: list[float] = []
    for i, (text, place) in enumerate(blurred):
        own, others = set(questions[place].split()), questions[(place + 1) % 140].split()
        words = text.split()
        assert len(words) == 40
        share = KEPT_WORDS[(i // 140 + place) % len(KEPT_WORDS)]
        kept[share].append(sum(word in own for word in words) / 40)
        if share == 0:
            known.append(sum(word in others for word in words) / 40)
    for share, found in kept.items():
        assert np.mean(found) == pytest.approx(share, abs=0.04)
    # A quarter are words of another question; a few that were shuffled come out as they were.
    assert np.mean(known) == pytest.approx(0.25, abs=0.06)


def test_scripts_without_spaces_are_blurred_letter_by_letter() -> None:
    questions = [chr(0x4E00 + 50 * i) * 40 for i in range(7)]
    for text, place in list(_blurred(questions))[:7]:
        share = text.count(questions[place][0]) / 40
        assert share == pytest.approx(KEPT_WORDS[place], abs=0.25)
        assert " " not in text and len(text) == 40


def test_the_fit_recovers_the_curve_that_made_the_labels() -> None:
    chance = np.random.default_rng(3)
    features = chance.normal([0.5, 100], [0.2, 30], size=(20_000, 2))
    known = chance.normal(size=20_000)
    odds = -4 + 6 * features[:, 0] + 0.02 * features[:, 1]
    labels = (chance.random(20_000) < logistic(odds)).astype(np.float64)
    assert _fit(features, labels) == pytest.approx([-4, 6, 0.02], rel=0.06)
    labels = (chance.random(20_000) < logistic(odds + known)).astype(np.float64)
    assert _fit(features, labels, known) == pytest.approx([-4, 6, 0.02], rel=0.06)


def test_the_fit_is_bounded_whatever_the_labels() -> None:
    feature = np.linspace(0, 1, 101)[:, np.newaxis]
    for labels in (np.zeros(101), np.ones(101)):
        constant, slope = _fit(feature, labels)
        assert abs(constant) < 7 and abs(slope) < 1
        assert (constant > 0) == bool(labels[0])
    constant, slope = _fit(feature, (feature[:, 0] > 0.5).astype(np.float64))
    assert 20 < slope < 100
    assert constant / slope == pytest.approx(-0.505, abs=0.01)
    assert _fit(np.empty(0), np.empty(0)) == [0, 0]


def test_a_feature_that_is_the_same_for_all_weighs_nothing() -> None:
    features = np.column_stack([np.full(1_000, 0.1), np.linspace(0, 1, 1_000)])
    constant, same, slope = _fit(features, (features[:, 1] > 0.3).astype(np.float64))
    assert same == 0 and slope > 10 and constant < 0


def test_the_fit_is_a_minimum_on_data_that_misleads_newton() -> None:
    """Rare labels beside far outliers: whole steps of Newton's method leave for infinity."""
    feature = np.concatenate([np.zeros(500), [1e3, -1e3, 5e2]])[:, np.newaxis]
    labels = np.concatenate([np.zeros(498), np.ones(2), [0, 1, 1]])
    for known in (None, np.full(503, 30.0), np.full(503, -30.0)):
        weights = _fit(feature, labels, known)
        assert np.isfinite(weights).all() and np.abs(weights).max() < 60


def test_curves_of_nothing_found_and_of_all_found_are_finite() -> None:
    levels = np.array([[0.9], [0.5], [0.2]])
    found = Evidence(levels, np.array([0.5, 0.3, 0.0]), np.array([0, 0.4, 0.7]))
    none = _curves([_Trial(found, np.array([False] * 3))] * 30, FOUND_IN).confidence(found)
    assert (none < 0.05).all()
    all_found = _curves([_Trial(found, np.array([True, False, False]))] * 30, FOUND_IN).confidence(
        found
    )
    assert all_found[0] > 0.9 and (all_found[1:] < 0.05).all()


def trial(behind: list[float], right: int | None) -> _Trial:
    """A search whose hits are so far behind the first, one of them right."""
    levels = np.zeros((len(behind), 1))
    places = np.arange(len(behind))
    return _Trial(Evidence(levels, levels[:, 0], np.array(behind)), places == right)


def test_in_a_small_corpus_to_be_found_is_to_stand_out() -> None:
    """The wrong ones are .1 apart, by two: their number falls by e with each .15."""
    apart = [trial([0, lead, lead + 0.1, lead + 0.2], 0) for lead in (0.0, 0.2, 0.4, 0.8)]
    assert _found(apart, FOUND_IN).tolist() == [1, 1, 1, 1]
    # Among a hundredth as many articles, one that scores as high stands for a hundred.
    assert _found(apart, FOUND_IN // 100).tolist() == [0, 0, 1, 1]
    assert 100 * np.exp(-0.2 / 0.15) > FOUND_AMONG > 100 * np.exp(-0.4 / 0.15)
    assert _found(apart, FOUND_IN // 1_000).tolist() == [0, 0, 0, 1]


def test_what_is_found_lower_has_as_many_before_it() -> None:
    behind = np.arange(20) / 10
    trials = [trial([*behind], place) for place in (1, 9, 19, None)]
    assert _found(trials, FOUND_IN).tolist() == [1, 1, 1, 0]
    assert _found(trials, FOUND_IN // 2).tolist() == [1, 1, 0, 0]
    assert _found(trials, FOUND_IN // 20).tolist() == [0, 0, 0, 0]


def test_any_article_that_asks_the_same_is_right(tmp_path: Path) -> None:
    """Each question asked by two articles: the one that comes second loses nothing by it."""
    twins = [
        *ARTICLES,
        *(Article(id=f"{a.id} 2", question=a.question, answer="-") for a in ARTICLES),
    ]
    Index.build(twins, tmp_path / "index", embedder=TinyEmbedder())
    with Generation.open(tmp_path / "index") as generation:
        curves = read_calibration(generation)["dense"]
        assert calibrate(generation, TinyEmbedder()) == generation.confidence
    lead = Evidence(np.array([[1.0]]), np.array([0.4]), np.array([0.0]))
    assert curves.confidence(lead)[0] > 0.8
