"""A cross-encoder of a few thousand weights, by the reranker and by plain sentence-transformers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qasearch import EmbedderError, load_reranker
from qasearch.protocols import Reranker
from tests.embed.tiny_model import (
    change_json,
    weights,
    write_cross_encoder,
    write_weights,
)

QUERY = "lion river"
TEXTS = ["lion", "the river salt", "", "budget mandate police", "lion"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_cross_encoder(tmp_path / "tiny-cross")


def test_like_plain_predict(model: Path) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    plain = CrossEncoder(str(model), device="cpu", local_files_only=True)
    expected: Any = plain.predict(
        [(QUERY, text) for text in TEXTS], activation_fn=torch.nn.Identity()
    )
    reranker: Reranker = load_reranker(str(model))
    scores = reranker.score(QUERY, TEXTS)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert scores[0] == pytest.approx(scores[4], abs=1e-6)
    assert len(set(np.round(scores, 4).tolist())) == 4


def test_as_sentence_transformers_saves_it(model: Path, tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder

    CrossEncoder(str(model), device="cpu", local_files_only=True).save_pretrained(
        str(tmp_path / "saved")
    )
    saved = load_reranker(str(tmp_path / "saved"))
    assert saved.name == "saved"
    expected = load_reranker(str(model)).score(QUERY, TEXTS)
    np.testing.assert_allclose(saved.score(QUERY, TEXTS), expected, atol=1e-5)


def test_no_texts(model: Path) -> None:
    assert load_reranker(str(model)).score(QUERY, []).shape == (0,)
    with pytest.raises(ValueError, match="not one string"):
        load_reranker(str(model)).score(QUERY, "lion")


@pytest.mark.parametrize("offline", [False, True])
def test_a_name_that_is_not_there(offline: bool) -> None:
    with pytest.raises(EmbedderError, match="no such folder") as caught:
        load_reranker("ms-marco-none", offline=offline)
    assert "search without a reranker" in caught.value.hint


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match=r"has no config\.json"):
        load_reranker(str(tmp_path))


def test_code_is_refused(model: Path) -> None:
    (model / "modeling.py").write_text("")
    with pytest.raises(EmbedderError, match="may run code"):
        load_reranker(str(model))


def test_classes_of_its_own_are_refused(model: Path) -> None:
    change_json(model / "config.json", auto_map={"AutoModel": "modeling.Own"})
    with pytest.raises(EmbedderError, match="auto_map"):
        load_reranker(str(model))


def test_other_weights_are_refused(model: Path) -> None:
    (model / "model.safetensors").unlink()
    with pytest.raises(EmbedderError, match="no safetensors"):
        load_reranker(str(model))


def test_modules_of_others_are_refused(model: Path) -> None:
    (model / "modules.json").write_text('[{"type": "os.system", "path": ""}]')
    with pytest.raises(EmbedderError, match=r"asks for os\.system"):
        load_reranker(str(model))


def test_an_embedder_is_no_reranker(model: Path) -> None:
    """Its weights lack the head, which transformers would make up."""
    tensors = weights(model)
    head = [name for name in tensors if name.startswith("classifier")]
    write_weights(model, {name: t for name, t in tensors.items() if name not in head})
    with pytest.raises(EmbedderError, match=r"lack classifier\."):
        load_reranker(str(model)).score(QUERY, TEXTS)


def test_classes_are_no_score(tmp_path: Path) -> None:
    model = write_cross_encoder(tmp_path / "model", labels=3)
    with pytest.raises(EmbedderError, match="into 3 classes"):
        load_reranker(str(model)).score(QUERY, TEXTS)


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_are_at_least_one(model: Path, threads: int) -> None:
    with pytest.raises(ValueError, match="threads must be at least 1"):
        load_reranker(str(model), threads=threads)
