"""Models of a few thousand weights, exported: onnxruntime gives what the reference gives."""

import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qasearch.embed import SentenceTransformerEmbedder, load_embedder
from qasearch.embed.export import least_cosine
from qasearch.embed.folder import inspect
from qasearch.embed.network import States
from qasearch.embed.onnx import TOKENIZER, WEIGHTS, OnnxNetwork
from qasearch.embed.reference import TorchNetwork, load_reference
from qasearch.embed.runtime import FACTS, open_network
from qasearch.embed.windows import Ids
from qasearch.errors import EmbedderError
from qasearch.protocols import Vectors
from tests.embed.tiny_model import (
    DIM,
    MAX_TOKENS,
    WORDS,
    change_json,
    weights,
    write_model,
    write_weights,
)

TEXTS = ["lion", "the river", "", "a b c d e f", "budget mandate police", "Salt: a poem", "a b c"]
TEXTS += [" ".join(WORDS * 3), "river " * 400]

EMBED = """
import sys
from qasearch.embed import load_embedder
rows = load_embedder(sys.argv[1]).embed_queries(["lion river"])
print(rows.tobytes().hex())
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QASEARCH_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@dataclass(frozen=True)
class Exported:
    """A model, and the cache that its export is in."""

    model: Path
    cache: Path


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("exported")
    prompts = {"query": "query: ", "passage": "passage: "}
    model = write_model(folder / "tiny-bert", prompts=prompts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QASEARCH_CACHE_DIR", str(folder / "cache"))
        fast(model).embed_queries(["lion"])
    return Exported(model, folder / "cache")


@pytest.fixture
def exported(kept: Exported, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model with prompts whose export is in the cache."""
    monkeypatch.setenv("QASEARCH_CACHE_DIR", str(kept.cache))
    return kept.model


def fast(model: Path, **options: Any) -> SentenceTransformerEmbedder:
    return load_embedder(str(model), **options)


def reference(model: Path, **options: Any) -> SentenceTransformerEmbedder:
    return load_embedder(str(model), fast=False, **options)


def entries(cache: Path) -> list[Path]:
    return [path for path in cache.glob("*") if not path.name.startswith(".")]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What we logged; torch notes for its developers what it exports."""
    return [each.getMessage() for each in caplog.records if each.name.startswith("qasearch.")]


def assert_same(one: SentenceTransformerEmbedder, other: SentenceTransformerEmbedder) -> None:
    """Rows and tokens, of queries and passages; the same with tokens as without."""
    for of_one, of_other, plain in (
        (one.embed_passage_tokens, other.embed_passage_tokens, one.embed_passages),
        (one.embed_query_tokens, other.embed_query_tokens, one.embed_queries),
    ):
        (rows, tokens), (other_rows, other_tokens) = of_one(TEXTS), of_other(TEXTS)
        np.testing.assert_allclose(rows, other_rows, atol=1e-6)
        assert [len(each) for each in tokens] == [len(each) for each in other_tokens]
        np.testing.assert_allclose(np.concatenate(tokens), np.concatenate(other_tokens), atol=2e-6)
        np.testing.assert_array_equal(rows, plain(TEXTS))


def test_prompts_windows_and_tokens(exported: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = fast(exported)
    assert_same(found, reference(exported))
    assert np.abs(found.embed_queries(TEXTS) - found.embed_passages(TEXTS)).max() > 0.01
    assert said(caplog) == []


@pytest.mark.parametrize("pooling", ["max", ["mean", "cls"]], ids=str)
def test_ways_of_pooling(tmp_path: Path, cache: Path, pooling: str | list[str]) -> None:
    model = write_model(tmp_path / "model", pooling=pooling)
    assert_same(fast(model), reference(model))
    (entry,) = entries(cache)
    assert (entry / WEIGHTS).stat().st_size > 0


def test_padding_from_the_left_and_fewer_dimensions(tmp_path: Path, cache: Path) -> None:
    model = write_model(tmp_path / "model", truncate_dim=5)
    change_json(model / "tokenizer_config.json", padding_side="left")
    assert_same(fast(model), reference(model))
    (entry,) = entries(cache)
    assert json.loads((entry / FACTS).read_text())["pad_left"] is True


def test_old_settings_of_pooling(tmp_path: Path) -> None:
    old = {f"pooling_mode_{mode}": False for mode in ("mean_tokens", "max_tokens", "lasttoken")}
    model = write_model(tmp_path / "model")
    (model / "1_Pooling/config.json").unlink()
    for chosen, exportable in (("cls_token", True), ("max_tokens", True), ("lasttoken", False)):
        content = {"word_embedding_dimension": DIM, **old, f"pooling_mode_{chosen}": True}
        (model / "1_Pooling/config.json").write_text(json.dumps(content))
        assert inspect(model, "tiny").exportable is exportable


@pytest.mark.parametrize("kind", ["dense", "last token", "prompt left out", "long windows"])
def test_other_models_are_computed_by_the_reference(
    tmp_path: Path, cache: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = write_model(
        tmp_path / "model",
        pooling="lasttoken" if kind == "last token" else "mean",
        dense=6 if kind == "dense" else None,
        max_seq_length=None if kind == "long windows" else MAX_TOKENS,
        prompts={"query": "query: "},
    )
    if kind == "prompt left out":
        change_json(model / "1_Pooling/config.json", include_prompt=False)
    if kind == "long windows":
        change_json(model / "config.json", max_position_embeddings=4_000)
        change_json(model / "tokenizer_config.json", model_max_length=4_000)
        tensors, name = weights(model), "embeddings.position_embeddings.weight"
        tensors[name] = tensors[name].repeat(100, 1)
        write_weights(model, tensors)
    texts = TEXTS[:3]
    expected = reference(model).embed_queries(texts)
    np.testing.assert_array_equal(fast(model).embed_queries(texts), expected)
    assert not cache.exists()
    assert said(caplog) == []


class Drifting(TorchNetwork):
    """A network that computes something else than what is exported of it."""

    def forward(
        self, sequences: Sequence[Ids], *, prompt_tokens: int | None = None
    ) -> tuple[Vectors, States]:
        rows, states = super().forward(sequences, prompt_tokens=prompt_tokens)
        return rows, [state + 0.05 for state in states]


def test_an_export_that_differs_is_never_used(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Here in its tokens alone. That it differs stands in the cache, and is said each time."""
    folder = inspect(write_model(tmp_path / "model"), "tiny")
    found = load_reference(folder, "tiny", None)
    drifting = Drifting(found.model, found.tokenizer, found.pad_id, found.pad_left, None)
    options: dict[str, Any] = {"fingerprint": "f", "max_tokens": MAX_TOKENS, "threads": None}
    for _ in range(2):
        assert open_network(folder, "tiny", reference=lambda: drifting, **options) is drifting
    (entry,) = entries(cache)
    assert {path.name for path in entry.iterdir()} == {FACTS, "SHA256SUMS"}
    assert len(said(caplog)) == 2
    for message in said(caplog):
        assert "torch computes it, which is slower: its export differs: cosine 0.9" in message
        assert f"Remove {entry} to try again" in message
    (entry / FACTS).unlink()
    exact = open_network(folder, "tiny", reference=lambda: found, **options)
    assert isinstance(exact, OnnxNetwork)


def test_a_model_that_cannot_be_exported_is_computed_by_the_reference(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = write_model(tmp_path / "model")
    tensors = weights(model)
    tensors["embeddings.word_embeddings.weight"][4 + WORDS.index("a")] = float("nan")
    write_weights(model, tensors)
    expected = reference(model).embed_queries(["lion"])
    np.testing.assert_array_equal(fast(model).embed_queries(["lion"]), expected)
    (message,) = said(caplog)
    assert "torch computes it, which is slower: it cannot be exported" in message


def test_models_that_differ_are_told_apart(tmp_path: Path) -> None:
    one, other = (
        load_reference(inspect(write_model(tmp_path / f"{seed}", seed=seed), "tiny"), "tiny", None)
        for seed in (0, 1)
    )
    assert least_cosine(one, one, DIM, MAX_TOKENS) == pytest.approx(1)
    assert least_cosine(one, other, DIM, MAX_TOKENS) < 0.9


@pytest.mark.parametrize("file", [WEIGHTS, TOKENIZER])
def test_a_damaged_export_is_made_anew(
    exported: Path, kept: Exported, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = fast(exported).embed_queries(TEXTS)
    (entry,) = entries(kept.cache / "models")
    whole = (entry / file).read_bytes()
    middle = len(whole) // 2
    (entry / file).write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    np.testing.assert_allclose(fast(exported).embed_queries(TEXTS), expected, atol=1e-6)
    assert entries(kept.cache / "models") == [entry]
    assert len((entry / file).read_bytes()) == pytest.approx(len(whole), abs=100)
    assert json.loads((entry / FACTS).read_text())["least_cosine"] >= 0.9999
    assert said(caplog) == []


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = write_model(tmp_path / "model")
    (tmp_path / "file").touch()
    monkeypatch.setenv("QASEARCH_CACHE_DIR", str(tmp_path / "file"))
    found = fast(model)
    for _ in range(2):
        np.testing.assert_array_equal(
            found.embed_queries(TEXTS), reference(model).embed_queries(TEXTS)
        )
    (message,) = said(caplog)
    assert f"{tmp_path / 'file' / 'models'} cannot be written (" in message
    assert "Let QASEARCH_CACHE_DIR name a folder that can" in message


def test_a_cache_that_can_only_be_read_is_read(exported: Path, kept: Exported) -> None:
    expected = fast(exported).embed_queries(["lion"])
    folders = [kept.cache / "models", *entries(kept.cache / "models")]
    for folder in folders:
        folder.chmod(0o555)
    try:
        np.testing.assert_array_equal(fast(exported).embed_queries(["lion"]), expected)
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_processes_that_export_at_the_same_time(tmp_path: Path, cache: Path) -> None:
    model = write_model(tmp_path / "model")
    command = [sys.executable, "-c", EMBED, str(model)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=280) for process in processes]
    assert {errors for _, errors in outputs} == {""}
    assert len({rows for rows, _ in outputs}) == 1
    assert len(entries(cache)) == 1
    rows = np.frombuffer(bytes.fromhex(outputs[0][0]), dtype=np.float32)
    expected = reference(model).embed_queries(["lion river"])
    np.testing.assert_allclose(rows[np.newaxis], expected, atol=1e-6)


def test_the_number_of_threads_changes_no_bit(exported: Path) -> None:
    texts = [f"{one} {other} {third}" for one in WORDS for other in WORDS for third in WORDS[:4]]
    rows, tokens = fast(exported, threads=1).embed_passage_tokens(texts)
    for threads in (2, 5):
        found = fast(exported, threads=threads).embed_passage_tokens(texts)
        np.testing.assert_array_equal(found[0], rows)
        np.testing.assert_array_equal(np.concatenate(found[1]), np.concatenate(tokens))


def test_first_texts_from_several_threads(exported: Path) -> None:
    found, expected = fast(exported), fast(exported).embed_queries(TEXTS)
    with ThreadPoolExecutor(8) as threads:
        for vectors in threads.map(found.embed_queries, [TEXTS] * 16):
            np.testing.assert_array_equal(vectors, expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_embeds_on(exported: Path) -> None:
    code = """
import os, sys
from qasearch.embed import load_embedder
embedder = load_embedder(sys.argv[1], threads=4)
texts = [f"lion {n}" for n in range(500)]
before = embedder.embed_passages(texts)
child = os.fork()
if not child:
    os._exit(0 if (embedder.embed_passages(texts) == before).all() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    command = [sys.executable, "-c", code, str(exported)]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 0


@pytest.mark.parametrize("told", ["0", "two", "-1", "1.5"])
def test_a_number_of_threads_that_is_none(
    exported: Path, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QASEARCH_THREADS", told)
    with pytest.raises(ValueError, match=f"QASEARCH_THREADS must be .* at least 1, not '{told}'"):
        fast(exported)
    assert len(fast(exported, threads=1).embed_queries(["lion"])) == 1


@pytest.mark.parametrize(
    ("told", "omp", "expected"),
    [("3", "5", 3), ("", "5", 5), ("", "4,2", 4), ("", "none", None), ("", "", None)],
)
def test_batches_at_once(
    exported: Path, monkeypatch: pytest.MonkeyPatch, told: str, omp: str, expected: int | None
) -> None:
    monkeypatch.setenv("QASEARCH_THREADS", told)
    monkeypatch.setenv("OMP_NUM_THREADS", omp)
    folder = inspect(exported, "tiny")
    embedder = fast(exported)
    network = open_network(
        folder,
        "tiny",
        fingerprint=embedder.fingerprint,
        max_tokens=MAX_TOKENS,
        reference=lambda: pytest.fail("it is exported"),
        threads=3 if told else None,
    )
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert network.batches_at_once == (expected or ours)


def test_exporting_is_silent_and_leaves_no_trace(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names = ("torch.onnx", "onnxscript", "onnx_ir")

    def settings() -> tuple[object, ...]:
        levels = [logging.getLogger(name).level for name in names]
        return levels, list(logging.getLogger().handlers), list(warnings.filters)

    model = write_model(tmp_path / "model", seed=3)
    reference(model).embed_queries(["lion"])
    before = settings()
    fast(model).embed_queries(["lion"])
    assert settings() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_less_precision_is_nearly_the_same_and_says_so(
    tmp_path: Path, precision: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = write_model(tmp_path / "tiny-bert")
    lower = fast(Path(f"{model}:{precision}"))
    rows = lower.embed_passages(TEXTS)
    assert lower.name == f"tiny-bert:{precision}"
    assert [line.split(": ")[0] for line in said(caplog)] == [
        lower.name.split(":")[0] + f":{precision}"
    ]
    full = fast(model)
    assert lower.fingerprint != full.fingerprint
    cosines = np.einsum("nd,nd->n", rows, full.embed_passages(TEXTS))
    assert 0.9 < cosines.min() < 1 - 1e-7
    assert full.name == "tiny-bert"
    caplog.clear()
    again = fast(Path(f"{model}:{precision}"))
    np.testing.assert_array_equal(again.embed_passages(TEXTS), rows)
    assert said(caplog) == []


def test_only_onnxruntime_computes_with_less_precision(tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiny-bert")
    with pytest.raises(ValueError, match="Only onnxruntime computes int8"):
        load_embedder(f"{model}:int8", fast=False)
    with pytest.raises(EmbedderError, match="no such folder"):
        load_embedder(f"{model}:int4")


def test_less_precision_that_cannot_be_had_is_an_error(tmp_path: Path, cache: Path) -> None:
    cache.parent.write_text("a file where the cache would be")
    lower = load_embedder(f"{write_model(tmp_path / 'tiny-bert')}:int8")
    with pytest.raises(EmbedderError, match=r"cannot be computed in int8: .* cannot be written"):
        lower.embed_queries(["lion"])
