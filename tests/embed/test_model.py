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
