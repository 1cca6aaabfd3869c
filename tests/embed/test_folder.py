"""What a model folder says of itself, and the folders that are refused before they are loaded."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qasearch.embed.digests import Pins, check_pins, digests_of, fingerprint
from qasearch.embed.folder import inspect
from qasearch.errors import EmbedderError
from tests.embed.tiny_model import DIM, MAX_TOKENS, POSITIONS, change_json, write_json, write_model


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "written")


@pytest.fixture
def model(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "model")


def test_what_a_model_says_of_itself(model: Path) -> None:
    found = inspect(model, "tiny")
    assert (found.dim, found.full_dim) == (DIM, DIM)
    assert (found.max_tokens, found.most_tokens) == (MAX_TOKENS, POSITIONS)
    assert (found.query_prompt, found.passage_prompt) == ("", "")
    assert found.files == (
        "1_Pooling/config.json",
        "config.json",
        "config_sentence_transformers.json",
        "model.safetensors",
        "modules.json",
        "sentence_bert_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    )


@pytest.mark.parametrize(
    ("pooling", "dim"),
    [
        ({"embedding_dimension": 16, "pooling_mode": "cls"}, 16),
        ({"embedding_dimension": 16, "pooling_mode": ["mean", "max", "cls"]}, 48),
        ({"word_embedding_dimension": 16}, 16),
        ({"word_embedding_dimension": 16, "pooling_mode_max_tokens": True}, 16),
        (
            {
                "word_embedding_dimension": 16,
                "pooling_mode_max_tokens": True,
                "pooling_mode_mean_tokens": True,
                "pooling_mode_cls_token": False,
            },
            32,
        ),
    ],
    ids=["one", "three", "old, none", "old, one", "old, two"],
)
def test_dimension_by_pooling(model: Path, pooling: dict[str, object], dim: int) -> None:
    write_json(model / "1_Pooling/config.json", **pooling)
    assert inspect(model, "tiny").dim == dim


def test_dimension_of_a_dense_layer_and_of_a_truncated_model(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", dense=6, truncate_dim=4)
    found = inspect(folder, "tiny")
    assert (found.dim, found.full_dim) == (4, 6)
    assert "2_Dense/model.safetensors" in found.files


@pytest.mark.parametrize(
    ("reading", "tokenizer", "positions", "expected"),
    [
        (7, 30, 40, (7, 30)),
        (None, 30, 40, (30, 30)),
        (None, 10**30, 40, (40, 40)),
        (None, None, 40, (40, 40)),
        (None, 10**30, None, (512, 512)),
        (100, 30, 40, (30, 30)),
    ],
)
def test_length(
    model: Path,
    reading: int | None,
    tokenizer: int | None,
    positions: int | None,
    expected: tuple[int, int],
) -> None:
    change_json(model / "sentence_bert_config.json", max_seq_length=reading)
    change_json(model / "tokenizer_config.json", model_max_length=tokenizer)
    change_json(model / "config.json", max_position_embeddings=positions)
    found = inspect(model, "tiny")
    assert (found.max_tokens, found.most_tokens) == expected


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ({}, ("", "")),
        ({"query": "q: ", "document": "d: "}, ("q: ", "d: ")),
        ({"query": "q: ", "passage": "p: "}, ("q: ", "p: ")),
        ({"query": "q: ", "document": "", "passage": "p: "}, ("q: ", "p: ")),
        ({"document": "d: ", "passage": "p: ", "corpus": "c: "}, ("", "d: ")),
        ({"classification": "label: "}, ("", "")),
    ],
)
def test_prompts(model: Path, prompts: dict[str, str], expected: tuple[str, str]) -> None:
    write_json(model / "config_sentence_transformers.json", prompts=prompts)
    found = inspect(model, "tiny")
    assert (found.query_prompt, found.passage_prompt) == expected


def test_a_transformer_in_a_folder_of_its_own(model: Path) -> None:
    inner = model / "0_Transformer"
    inner.mkdir()
    for file in ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"):
        (model / file).rename(inner / file)
    set_module(model, 0, path="0_Transformer")
    found = inspect(model, "tiny")
    assert "0_Transformer/model.safetensors" in found.files
    assert found.most_tokens == POSITIONS


def set_module(model: Path, place: int, **changes: str) -> None:
    modules = json.loads((model / "modules.json").read_text())
    modules[place].update(changes)
    (model / "modules.json").write_text(json.dumps(modules))


@pytest.mark.parametrize(
    "file",
    [
        "pytorch_model.bin", "model.pt", "model.PTH", "model.ckpt", "vectors.pkl", "vectors.pickle",
        "vectors.joblib", "modeling_own.py", "1_Pooling/pytorch_model.bin", "deep/er/own.py",
    ],
)  # fmt: skip
def test_code_and_pickles_are_refused(model: Path, file: str) -> None:
    inspect(model, "tiny")
    (model / file).parent.mkdir(parents=True, exist_ok=True)
    (model / file).write_bytes(b"")
    with pytest.raises(EmbedderError, match="may run code") as caught:
        inspect(model, "tiny")
    assert str(model / file) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "kind",
    [
        "own_module.Pooling",
        "custom_st.Transformer",
        "os.system",
        "sentence_transformers_x.models.Pooling",
        "Pooling",
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_custom_classes_are_refused(model: Path, kind: str, place: int) -> None:
    set_module(model, place, type=kind)
    with pytest.raises(EmbedderError, match="a class of its own"):
        inspect(model, "tiny")


def test_unknown_classes_of_the_library_are_refused(model: Path) -> None:
    set_module(model, 1, type="sentence_transformers.models.Router")
    with pytest.raises(EmbedderError, match="Router is not among the known ones"):
        inspect(model, "tiny")
    set_module(model, 0, type="sentence_transformers.models.StaticEmbedding")
    with pytest.raises(EmbedderError, match="StaticEmbedding, not Transformer"):
        inspect(model, "tiny")


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_an_auto_map_is_refused(model: Path, file: str) -> None:
    change_json(model / file, auto_map={"AutoModel": "modeling_own.Own"})
    with pytest.raises(EmbedderError, match="auto_map"):
        inspect(model, "tiny")


def without_weights(model: Path) -> None:
    (model / "model.safetensors").unlink()


def adapter(model: Path) -> None:
    write_json(model / "adapter_config.json", base_model_name_or_path="elsewhere/model")


def path_out_of_the_folder(model: Path) -> None:
    set_module(model, 1, path="../elsewhere")


def absolute_path(model: Path) -> None:
    set_module(model, 1, path="/elsewhere")


def shard_elsewhere(model: Path) -> None:
    write_json(model / "model.safetensors.index.json", weight_map={"a": "../x.safetensors"})


def shard_of_another_kind(model: Path) -> None:
    write_json(model / "model.safetensors.index.json", weight_map={"a": "x.bin"})


def kernel_from_the_hub(model: Path) -> None:
    change_json(model / "config.json", attn_implementation="somebody/attention")


def sparse_encoder(model: Path) -> None:
    change_json(model / "config_sentence_transformers.json", model_type="SparseEncoder")


def other_tokenizer(model: Path) -> None:
    change_json(model / "sentence_bert_config.json", tokenizer_name_or_path="elsewhere/tokenizer")


def chat_messages(model: Path) -> None:
    message = {"method": "forward", "method_output_name": "last_hidden_state"}
    change_json(model / "sentence_bert_config.json", modality_config={"message": message})


def no_pooling(model: Path) -> None:
    modules = json.loads((model / "modules.json").read_text())
    (model / "modules.json").write_text(json.dumps(modules[:1]))


def no_modules(model: Path) -> None:
    (model / "modules.json").write_text("[]")


def no_modules_file(model: Path) -> None:
    (model / "modules.json").unlink()


def broken_json(model: Path) -> None:
    (model / "config.json").write_text('{"max_position')


def endless_json(model: Path) -> None:
    (model / "config.json").write_text("[" * 200_000)


def not_utf8(model: Path) -> None:
    (model / "modules.json").write_bytes(b'[{"type": "\xff"}]')


def senseless_dimension(model: Path) -> None:
    change_json(model / "1_Pooling/config.json", embedding_dimension=[16])


def no_dimension(model: Path) -> None:
    write_json(model / "1_Pooling/config.json", pooling_mode="mean")


def senseless_length(model: Path) -> None:
    change_json(model / "sentence_bert_config.json", max_seq_length="long")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_weights, "holds no safetensors"),
        (adapter, "an adapter for another model"),
        (path_out_of_the_folder, "points out of the folder"),
        (absolute_path, "points out of the folder"),
        (shard_elsewhere, "points to ../x.safetensors"),
        (shard_of_another_kind, "points to x.bin"),
        (kernel_from_the_hub, "asks for code from the hub"),
        (sparse_encoder, "a SparseEncoder, not"),
        (other_tokenizer, "tokenizer_name_or_path"),
        (chat_messages, "modality_config"),
        (no_pooling, "no pooling"),
        (no_modules, "first module is missing"),
        (no_modules_file, "has no modules.json"),
        (broken_json, "not readable JSON"),
        (endless_json, "not readable JSON"),
        (not_utf8, "not readable JSON"),
        (senseless_dimension, "make no sense"),
        (no_dimension, "make no sense"),
        (senseless_length, "make no sense"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_other_refusals(model: Path, spoil: Callable[[Path], None], said: str) -> None:
    inspect(model, "tiny")
    spoil(model)
    with pytest.raises(EmbedderError, match=said) as caught:
        inspect(model, "tiny")
    assert str(caught.value).startswith("Embedder tiny: ")


def print_of(model: Path, dim: int = DIM, max_tokens: int = MAX_TOKENS) -> str:
    found = inspect(model, "tiny")
    return fingerprint(digests_of(model, found.files, "tiny"), dim=dim, max_tokens=max_tokens)


def test_the_fingerprint_is_the_same_wherever_the_model_lies(written: Path, model: Path) -> None:
    (model / "README.md").write_text("Other words.")
    write_json(model / "data_config.json", name="training data")
    (model / "onnx").mkdir()
    (model / "onnx" / "model.onnx").write_bytes(b"")
    assert print_of(model) == print_of(written)


def flip_a_weight(model: Path) -> None:
    content = bytearray((model / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (model / "model.safetensors").write_bytes(content)


def other_words(model: Path) -> None:
    tokenizer = (model / "tokenizer.json").read_text()
    (model / "tokenizer.json").write_text(tokenizer.replace("lion", "tiger"))


def other_pooling(model: Path) -> None:
    change_json(model / "1_Pooling/config.json", pooling_mode="max")


def other_prompts(model: Path) -> None:
    change_json(model / "config_sentence_transformers.json", prompts={"query": "q: "})


@pytest.mark.parametrize("change", [flip_a_weight, other_words, other_pooling, other_prompts])
def test_the_fingerprint_follows_what_decides_vectors(
    model: Path, change: Callable[[Path], None]
) -> None:
    before = print_of(model)
    change(model)
    assert print_of(model) != before


def test_the_fingerprint_follows_dimension_and_length(model: Path) -> None:
    prints = {print_of(model), print_of(model, dim=DIM - 1), print_of(model, max_tokens=5)}
    assert len(prints) == 3


def test_pins(model: Path) -> None:
    pins = Pins(digests_of(model, ["config.json", "model.safetensors"], "tiny"), "Fetch it anew.")
    check_pins(model, pins, "tiny")
    flip_a_weight(model)
    with pytest.raises(EmbedderError, match=r"model\.safetensors is not the file") as caught:
        check_pins(model, pins, "tiny")
    assert caught.value.hint == "Fetch it anew."
    (model / "config.json").unlink()
    with pytest.raises(EmbedderError, match=r"config\.json cannot be read"):
        check_pins(model, pins, "tiny")
