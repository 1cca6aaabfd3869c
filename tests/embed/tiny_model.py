"""A sentence-transformers model of a few thousand weights, written file by file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORDS = [
    "budget", "mandate", "police", "soldier", "river", "lion", "museum", "poem", "engine", "salt",
    ":", "query", "passage", "a", "b", "c", "d", "e", "f",
]  # fmt: skip
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
DIM = 16
MAX_TOKENS = 12
POSITIONS = 40


def write_model(
    folder: Path,
    *,
    pooling: str | Sequence[str] = "mean",
    prompts: dict[str, str] | None = None,
    max_seq_length: int | None = MAX_TOKENS,
    dense: int | None = None,
    seed: int = 0,
    **settings: Any,
) -> Path:
    """Write a model; ``settings`` go into config_sentence_transformers.json."""
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    _write_network(folder, seed)
    write_tokenizer(folder)
    write_json(folder / "1_Pooling/config.json", embedding_dimension=DIM, pooling_mode=pooling)
    if dense is not None:
        modules.append({"path": "2_Dense", "type": "sentence_transformers.models.Dense"})
        _write_dense(folder / "2_Dense", dense)
    reading = {} if max_seq_length is None else {"max_seq_length": max_seq_length}
    write_json(folder / "sentence_bert_config.json", do_lower_case=False, **reading)
    write_json(folder / "config_sentence_transformers.json", prompts=prompts or {}, **settings)
    (folder / "modules.json").write_text(
        json.dumps([{"idx": n, "name": str(n), **module} for n, module in enumerate(modules)])
    )
    return folder


def write_cross_encoder(folder: Path, *, labels: int = 1) -> Path:
    """Write a cross-encoder in the plain form of transformers, as most on the hub are."""
    import torch
    from transformers import BertForSequenceClassification

    config = _config(num_labels=labels)
    config.architectures = ["BertForSequenceClassification"]
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        write_weights(folder, BertForSequenceClassification(config).state_dict())
    write_tokenizer(folder)
    return folder


def write_json(path: Path, **content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def change_json(path: Path, **content: Any) -> None:
    write_json(path, **{**json.loads(path.read_text()), **content})


def write_tokenizer(folder: Path) -> None:
    """One token a word; [CLS] and [SEP] around; truncates and pads to 5 if it is let."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    tokenizer.enable_truncation(5)
    tokenizer.enable_padding(length=5)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json",
        tokenizer_class="PreTrainedTokenizerFast",
        model_max_length=POSITIONS,
        pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
    )  # fmt: skip


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def write_weights(folder: Path, tensors: dict[str, Any]) -> None:
    from safetensors.torch import save_file

    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _write_network(folder: Path, seed: int) -> None:
    import torch
    from transformers import BertModel

    config = _config()
    folder.mkdir(parents=True, exist_ok=True)
    config.architectures = ["BertModel"]
    config.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        write_weights(folder, BertModel(config).state_dict())


def _config(**settings: Any) -> Any:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS), hidden_size=DIM, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=DIM, max_position_embeddings=POSITIONS,
        initializer_range=0.5, **settings,
    )  # fmt: skip


def _write_dense(folder: Path, out: int) -> None:
    import torch

    write_json(
        folder / "config.json", in_features=DIM, out_features=out, bias=True,
        activation_function="torch.nn.modules.activation.Tanh",
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        linear = torch.nn.Linear(DIM, out)
    write_weights(folder, {f"linear.{key}": value for key, value in linear.state_dict().items()})
