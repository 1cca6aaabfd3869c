"""Models of a few thousand weights, by the reference and by plain sentence-transformers."""

import logging
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qasearch.embed import SentenceTransformerEmbedder, checked, checked_tokens, load_embedder
from qasearch.embed.digests import Pins, digests_of
from qasearch.embed.folder import inspect
from qasearch.errors import EmbedderError
from qasearch.protocols import Embedder, TokenEmbedder, Vectors
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
LONG = " ".join(WORDS)


def embedder(folder: Path, **options: Any) -> SentenceTransformerEmbedder:
    return load_embedder(str(folder), fast=False, **options)


def plain(folder: Path, texts: Sequence[str], **options: Any) -> Vectors:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, **options)
    return model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.mark.parametrize(
    ("pooling", "dense"),
    [("mean", None), ("cls", None), ("max", None), (["mean", "cls"], None), ("mean", 6)],
    ids=str,
)
def test_like_plain_encode(tmp_path: Path, pooling: str | list[str], dense: int | None) -> None:
    folder = write_model(tmp_path / "model", pooling=pooling, dense=dense)
    if isinstance(pooling, list):
        assert dense is None
    vectors = embedder(folder).embed_passages(TEXTS)
    np.testing.assert_allclose(vectors, plain(folder, TEXTS), atol=1e-6)
    assert vectors.dtype == np.float32


def test_unlike_texts_differ(model: Path) -> None:
    vectors = embedder(model).embed_passages(TEXTS)
    cosines = vectors @ vectors.T - np.eye(len(TEXTS))
    assert cosines.max() < 0.999


def test_it_is_an_embedder(model: Path) -> None:
    found: Embedder = embedder(model)
    assert found.dim == DIM
    checked(found.embed_queries(TEXTS), TEXTS, DIM)
    assert found.embed_queries([]).shape == (0, DIM)
    assert found.embed_queries([]).dtype == np.float32


def test_one_string_is_not_a_sequence_of_texts(model: Path) -> None:
    with pytest.raises(ValueError, match="not one string"):
        embedder(model).embed_passages("lion")


def test_equal_texts_have_equal_rows_in_the_order_given(model: Path) -> None:
    one, two, three = embedder(model).embed_passages(["lion", "salt engine", "lion"])
    np.testing.assert_array_equal(one, three)
    assert one @ two < 0.999


def test_prompts(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", prompts={"query": "query: ", "passage": "passage: "})
    found = embedder(folder)
    queries, passages = found.embed_queries(TEXTS), found.embed_passages(TEXTS)
    as_queries = plain(folder, [f"query: {text}" for text in TEXTS])
    as_passages = plain(folder, [f"passage: {text}" for text in TEXTS])
    np.testing.assert_allclose(queries, as_queries, atol=1e-6)
    np.testing.assert_allclose(passages, as_passages, atol=1e-6)
    assert np.abs(queries - passages).max() > 0.01


def test_prompts_that_are_left_out_of_the_pooling(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    folder = write_model(tmp_path / "model", prompts={"query": "query: "})
    with_prompt = embedder(folder).embed_queries(TEXTS)
    change_json(folder / "1_Pooling/config.json", include_prompt=False)
    expected = SentenceTransformer(str(folder), device="cpu").encode_query(
        TEXTS, normalize_embeddings=True, show_progress_bar=False
    )
    found = embedder(folder).embed_queries(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found - with_prompt).max() > 0.01


def plain_tokens(folder: Path, texts: Sequence[str]) -> list[Vectors]:
    """The tokens of texts that are one window, without the special ones at their ends."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    states = model.encode(list(texts), output_value="token_embeddings", show_progress_bar=False)
    return [state.numpy()[1:-1] for state in states]


def unit_rows(rows: Vectors) -> Vectors:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def assert_tokens(found: list[Vectors], expected: list[Vectors]) -> None:
    assert [rows.shape for rows in found] == [rows.shape for rows in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, unit_rows(other), atol=1e-6)
        assert one.dtype == np.float32


def test_tokens_are_those_of_plain_encode_but_for_signs_and_stop_words(model: Path) -> None:
    vectors, tokens = embedder(model).embed_passage_tokens(TEXTS)
    np.testing.assert_array_equal(vectors, embedder(model).embed_passages(TEXTS))
    expected = plain_tokens(model, TEXTS)
    for place, said in {3: [1, 2, 3, 4, 5], 5: [0, 3], 6: [1, 2]}.items():
        expected[place] = expected[place][said]  # without "a" and the colon
    assert_tokens(tokens, expected)
    assert tokens[TEXTS.index("")].shape == (0, DIM)


def test_an_embedder_of_tokens_is_one(model: Path) -> None:
    found = embedder(model)
    assert isinstance(found, TokenEmbedder)
    vectors, tokens = found.embed_query_tokens(TEXTS)
    np.testing.assert_array_equal(vectors, found.embed_queries(TEXTS))
    checked_tokens(tokens, TEXTS)
    none, no_tokens = found.embed_passage_tokens([])
    assert (none.shape, no_tokens) == ((0, DIM), [])
    with pytest.raises(ValueError, match="not one string"):
        found.embed_passage_tokens("lion")


def test_equal_texts_have_equal_tokens_in_the_order_given(model: Path) -> None:
    tokens = embedder(model).embed_passage_tokens(["lion", "salt engine", "lion"])[1]
    np.testing.assert_array_equal(tokens[0], tokens[2])
    assert [len(rows) for rows in tokens] == [1, 2, 1]


@pytest.mark.parametrize("include_prompt", [True, False])
def test_tokens_of_a_prompt_are_left_out(tmp_path: Path, include_prompt: bool) -> None:
    folder = write_model(tmp_path / "model", prompts={"query": "query: ", "passage": "passage: "})
    change_json(folder / "1_Pooling/config.json", include_prompt=include_prompt)
    for prompt, tokens in {
        "query: ": embedder(folder).embed_query_tokens(["lion", "b c d"])[1],
        "passage: ": embedder(folder).embed_passage_tokens(["lion", "b c d"])[1],
    }.items():
        with_prompt = plain_tokens(folder, [f"{prompt}lion", f"{prompt}b c d"])
        assert_tokens(tokens, [rows[2:] for rows in with_prompt])


def test_tokens_beside_padding_on_the_left(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    expected = embedder(folder).embed_passage_tokens(TEXTS)[1]
    change_json(folder / "tokenizer_config.json", padding_side="left")
    found = embedder(folder).embed_passage_tokens(TEXTS)[1]
    assert [rows.shape for rows in found] == [rows.shape for rows in expected]
    assert_tokens([found[3]], [plain_tokens(folder, TEXTS)[3][1:]])  # the longest, not padded


def test_tokens_of_a_long_text_are_those_of_its_windows(model: Path) -> None:
    room = MAX_TOKENS - 2
    parts = [" ".join(WORDS[start : start + room]) for start in range(0, len(WORDS), room)]
    found = embedder(model)
    expected = np.concatenate(found.embed_passage_tokens(parts)[1])
    np.testing.assert_allclose(found.embed_passage_tokens([LONG])[1][0], expected, atol=1e-6)
    assert len(expected) == len([word for word in WORDS if word not in {":", "a"}])


@pytest.mark.parametrize("question", ["lion", "Salt: a poem", LONG, "budget " * 400])
@pytest.mark.parametrize("rest", ["river", f"{LONG}\n{LONG}", "museum " * 400, ": lion"])
def test_a_text_that_begins_with_a_question_has_as_many_tokens_more(
    model: Path, question: str, rest: str
) -> None:
    """So the question's stand at its head, and can be told from its own."""
    texts = [question, rest, f"{question}\n{rest}"]
    one, other, both = (len(rows) for rows in embedder(model).embed_passage_tokens(texts)[1])
    assert both == one + other


def test_tokens_keep_the_whole_width(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", dense=6)
    vectors, tokens = embedder(folder, truncate_dim=5).embed_passage_tokens(["b c d"])
    assert vectors.shape == (1, 5)
    assert tokens[0].shape == (3, DIM)


@pytest.mark.parametrize("where", ["option", "settings"])
def test_truncated_dimension(tmp_path: Path, where: str) -> None:
    option = where == "option"
    folder = write_model(tmp_path / "model", **({} if option else {"truncate_dim": 5}))
    found = embedder(folder, truncate_dim=5 if option else None)
    assert found.dim == 5
    expected = plain(folder, TEXTS, **({"truncate_dim": 5} if option else {}))
    np.testing.assert_allclose(found.embed_passages(TEXTS), expected, atol=1e-6)


def test_the_models_own_length_not_that_of_its_tokenizer(model: Path) -> None:
    inside = " ".join(WORDS[: MAX_TOKENS - 2])  # more than the 5 tokens that tokenizer.json says
    vectors = embedder(model).embed_passages([inside])
    np.testing.assert_allclose(vectors, plain(model, [inside]), atol=1e-6)


def test_early_and_late_words_of_a_long_text_both_count(model: Path) -> None:
    found = embedder(model)
    early, late = LONG.replace("budget", "a"), LONG[:-1] + "a"
    row, other_early, other_late = found.embed_passages([LONG, early, late])
    assert row @ other_early < 0.9999
    assert row @ other_late < 0.9999
    plain_row, plain_late = plain(model, [LONG, late])
    assert plain_row @ plain_late > 0.9999  # cut off there: this is what windows are for


def test_a_long_text_is_the_weighted_mean_of_its_windows(model: Path) -> None:
    found = embedder(model)
    room = MAX_TOKENS - 2
    parts = [WORDS[start : start + room] for start in range(0, len(WORDS), room)]
    rows = found.embed_passages([" ".join(part) for part in parts])
    mean = sum(len(part) * row for part, row in zip(parts, rows, strict=True))
    expected = mean / np.linalg.norm(mean)
    np.testing.assert_allclose(found.embed_passages([LONG])[0], expected, atol=1e-6)


def test_max_tokens(model: Path) -> None:
    wide = embedder(model, max_tokens=len(WORDS) + 2).embed_passages([LONG])
    np.testing.assert_allclose(
        wide, plain(model, [LONG], processor_kwargs={"model_max_length": 40}), atol=1e-6
    )
    assert np.abs(wide - embedder(model).embed_passages([LONG])).max() > 0.001
    with pytest.raises(ValueError, match="leaves no room"):
        embedder(model, max_tokens=2).embed_passages(["lion"])


def test_a_model_without_own_length_reads_as_far_as_it_can(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", max_seq_length=None)
    vectors = embedder(folder).embed_passages([LONG])
    np.testing.assert_allclose(vectors, plain(folder, [LONG]), atol=1e-6)


def test_lower_case_by_the_models_settings(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    tokenizer = (folder / "tokenizer.json").read_text().replace('"Lowercase"', '"NFC"')
    (folder / "tokenizer.json").write_text(tokenizer)
    small, large = embedder(folder).embed_passages(["lion", "LION"])
    assert small @ large < 0.999
    change_json(folder / "sentence_bert_config.json", do_lower_case=True)
    small, large = embedder(folder).embed_passages(["lion", "LION"])
    np.testing.assert_allclose(small, large, atol=1e-6)


def test_left_padding(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    change_json(folder / "tokenizer_config.json", padding_side="left")
    found = embedder(folder).embed_passages(TEXTS)
    np.testing.assert_allclose(found, plain(folder, TEXTS), atol=1e-6)


def test_first_texts_from_several_threads(model: Path) -> None:
    found = embedder(model)
    expected = embedder(model).embed_queries(TEXTS)
    with ThreadPoolExecutor(8) as threads:
        for vectors in threads.map(found.embed_queries, [TEXTS] * 16):
            np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_threads_of_torch_are_put_back(model: Path) -> None:
    import torch

    before = torch.get_num_threads()
    found = embedder(model, threads=before + 1)
    np.testing.assert_allclose(
        found.embed_queries(TEXTS), embedder(model).embed_queries(TEXTS), atol=1e-6
    )
    assert torch.get_num_threads() == before


def test_loading_and_embedding_are_silent_and_leave_no_trace(
    model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging as transformers_logging

    logger = logging.getLogger("transformers.modeling_utils")

    def settings() -> tuple[object, ...]:
        return (
            transformers_logging.is_progress_bar_enabled(),
            list(logger.filters),
            logger.level,
            list(logging.getLogger().handlers),
            list(warnings.filters),
        )

    transformers_logging.enable_progress_bar()
    before = settings()
    lacking_pooler = {k: v for k, v in weights(model).items() if not k.startswith("pooler.")}
    folder = write_model(model.parent / "without-pooler")
    write_weights(folder, lacking_pooler)
    embedder(folder).embed_passages(TEXTS)
    assert settings() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "part", ["encoder.layer.1.output.dense.weight", "embeddings.LayerNorm.bias"]
)
def test_weights_that_lack_a_part_are_refused(tmp_path: Path, part: str) -> None:
    folder = write_model(tmp_path / "model")
    tensors = weights(folder)
    del tensors[part]
    write_weights(folder, tensors)
    with pytest.raises(EmbedderError, match=f"its weights lack {part}"):
        embedder(folder).embed_passages(TEXTS)


def test_files_are_compared_with_their_pins_before_they_are_loaded(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    found = inspect(folder, "pinned")
    pins = Pins(digests_of(folder, found.files, "pinned"), "Fetch it anew.")
    pinned = SentenceTransformerEmbedder(found, name="pinned", pins=pins, fast=False)
    assert pinned.fingerprint == embedder(folder).fingerprint
    write_weights(folder, {name: weight * 2 for name, weight in weights(folder).items()})
    with pytest.raises(EmbedderError, match="is not the file it should be"):
        pinned.embed_passages(TEXTS)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    change_json(folder / "config.json", intermediate_size=DIM * 2)
    with pytest.raises(EmbedderError, match=r"does not load: encoder\..+ has another shape$"):
        embedder(folder).embed_passages(TEXTS)


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-10])
    with pytest.raises(EmbedderError, match="does not load"):
        embedder(folder).embed_passages(TEXTS)


def test_another_dimension_than_promised_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", dense=6)
    change_json(folder / "1_Pooling/config.json", embedding_dimension=DIM)
    change_json(folder / "2_Dense/config.json", out_features=7)
    with pytest.raises(EmbedderError):
        embedder(folder).embed_passages(TEXTS)


def test_a_model_that_gives_nan_is_refused_with_the_text(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    tensors = weights(folder)
    lion = 4 + WORDS.index("lion")
    tensors["embeddings.word_embeddings.weight"][lion] = float("nan")
    write_weights(folder, tensors)
    found = embedder(folder)
    found.embed_passages(["river"])
    with pytest.raises(EmbedderError, match=r"text 1 of 2, 'a lion', became .* nan"):
        found.embed_passages(["river", "a lion"])


def test_half_precision_weights_are_computed_in_float32(tmp_path: Path) -> None:
    import torch

    folder = write_model(tmp_path / "model")
    write_weights(folder, {k: v.to(torch.bfloat16) for k, v in weights(folder).items()})
    change_json(folder / "config.json", dtype="bfloat16")
    found = embedder(folder).embed_passages(TEXTS)
    expected = plain(folder, TEXTS, model_kwargs={"dtype": torch.float32})
    np.testing.assert_allclose(found, expected, atol=1e-6)
