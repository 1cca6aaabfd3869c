"""The bundled model itself."""

from pathlib import Path

import numpy as np
import pytest

from qasearch.embed import SentenceTransformerEmbedder, bundled, load_embedder

pytestmark = pytest.mark.model

TEXTS = [
    "how is peacekeeping funded",
    "",
    "   ",
    "Na\u00efve caf\u00e9s [SEP] \u4e2d\u6587 3.14",
    "x" * 400,
    "word " * 254,
    "Assessed contributions pay for missions. " * 20,
    "A poem about a lion.",
]


@pytest.fixture(scope="module")
def embedder() -> SentenceTransformerEmbedder:
    return load_embedder()


def test_like_plain_encode(embedder: SentenceTransformerEmbedder) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(bundled.find()), device="cpu", local_files_only=True)
    expected = model.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(embedder.embed_passages(TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(embedder.embed_queries(TEXTS), expected, atol=1e-5)


def test_export_and_reference_are_the_same_to_1e_5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An index that one has built can be searched by the other. Exported here, not before."""
    monkeypatch.setenv("QASEARCH_CACHE_DIR", str(tmp_path))
    rows, tokens = load_embedder().embed_passage_tokens(TEXTS)
    expected_rows, expected_tokens = load_embedder(fast=False).embed_passage_tokens(TEXTS)
    np.testing.assert_allclose(rows, expected_rows, atol=1e-5)
    assert [len(each) for each in tokens] == [len(each) for each in expected_tokens]
    np.testing.assert_allclose(np.concatenate(tokens), np.concatenate(expected_tokens), atol=1e-5)
    assert [each.name for each in caplog.records if each.name.startswith("qasearch")] == []
    assert len(list(tmp_path.glob("models/*/weights.bin"))) == 1


def test_meaning(embedder: SentenceTransformerEmbedder) -> None:
    (query,) = embedder.embed_queries(["how is peacekeeping funded"])
    funding, salt = embedder.embed_passages(
        ["Member states share the cost of peacekeeping.", "Salt lowers the freezing point."]
    )
    assert query @ funding > 0.5
    assert query @ salt < 0.2


def test_256_tokens_are_read_not_128(embedder: SentenceTransformerEmbedder) -> None:
    text = "budget " * 200
    one, other = embedder.embed_passages([text, text + "lion museum"])
    assert one @ other < 0.999


def test_a_late_word_of_a_long_text_counts(embedder: SentenceTransformerEmbedder) -> None:
    text = "budget " * 400
    one, other = embedder.embed_passages([text, text + "lion museum poem river"])
    assert one @ other < 0.999


def test_tokens_are_those_that_say_something(embedder: SentenceTransformerEmbedder) -> None:
    texts = [
        "Who pays for it?",
        "Who pays for it?\nStates: money (2 %), and gifts -- in 1999.",
        "?!",
    ]
    vectors, (question, passage, nothing) = embedder.embed_passage_tokens(texts)
    np.testing.assert_array_equal(vectors, embedder.embed_passages(texts))
    # Without "for", "it", "and", "in" and the signs.
    assert [len(question), len(passage), len(nothing)] == [2, 2 + 5, 0]
    assert question.shape[1] == embedder.dim
    # Alike, though each was read beside other words, and most like their own word.
    assert np.argmax(question @ passage.T, axis=1).tolist() == [0, 1]


def test_a_question_keeps_its_stop_words(embedder: SentenceTransformerEmbedder) -> None:
    _, (asked,) = embedder.embed_query_tokens(["Who pays for it?"])
    _, (stored,) = embedder.embed_passage_tokens(["Who pays for it?"])
    assert len(asked) == 4
    np.testing.assert_allclose(asked[:2], stored, atol=1e-5)


def test_tokens_of_the_question_match_what_answers(embedder: SentenceTransformerEmbedder) -> None:
    _, (query,) = embedder.embed_query_tokens(["how is peacekeeping funded"])
    _, passages = embedder.embed_passage_tokens(
        [
            "Member states share the cost of missions that keep the peace.",
            "Salt melts ice on roads.",
        ]
    )
    funding, salt = ((query @ rows.T).max(axis=1).mean() for rows in passages)
    assert funding > salt + 0.1
