"""A sentence-transformers model on disk: what it says of itself, and whether it is safe to load.

Only JSON is read here; nothing is imported that could run what the folder holds.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias, cast

from qasearch.errors import EmbedderError

Json: TypeAlias = dict[str, Any]

CODE_OR_PICKLE = frozenset(
    [".bin", ".ckpt", ".dill", ".joblib", ".pickle", ".pkl", ".pt", ".pth", ".py", ".pyc", ".so"]
)
"""Suffixes of files that run code, or may run it when they are read."""

MODULES = frozenset(["Dense", "Dropout", "LayerNorm", "Normalize", "Pooling"])
"""What may follow the Transformer: modules of sentence-transformers that only compute."""

EXPORTED_POOLING = frozenset(["cls", "max", "mean"])

OLD_MODE = "pooling_mode_"

DECIDING = (
    "modules.json", "config_sentence_transformers.json", "config.json", "sentence_*_config.json",
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.txt", "vocab.json", "merges.txt", "*.model", "*.safetensors", "*.safetensors.index.json",
)  # fmt: skip
"""Names of the files that decide what vectors come out."""

PLAIN_READING: Json = {
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}
"""The ways of reading a text that are supported; a model that names none reads like this."""

QUERY_PROMPTS = ("query",)
PASSAGE_PROMPTS = ("document", "passage", "corpus")
"""Names of prompts, the first that is not empty counts. sentence-transformers 6.2 documents the
same order, but stops at ``document``, which it always has, if only as an empty one."""

DEFAULT_MAX_TOKENS = 512
"""For a model that names no limit of its own: most were trained on less, and the work of
attention grows with the square."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model that was looked at and found safe to load.

    Attributes:
        path: the folder.
        dim: length of its vectors, its own truncation applied.
        full_dim: length of what the last module gives.
        max_tokens: what it reads by its own settings, special tokens included.
        most_tokens: what it could read at most, as far as it tells.
        query_prompt, passage_prompt: what stands before a text; empty for most models.
        files: names of those that decide its vectors, posix, sorted.
        exportable: whether all that follows its Transformer is pooling by mean, first token or
            maximum, over all tokens, and normalisation.
    """

    path: Path
    dim: int
    full_dim: int
    max_tokens: int
    most_tokens: int
    query_prompt: str
    passage_prompt: str
    files: tuple[str, ...]
    exportable: bool


def inspect(folder: Path, name: str) -> ModelFolder:
    """Read what a model says of itself.

    Args:
        folder: where it lies.
        name: what to call it in errors.

    Raises:
        EmbedderError: it is no sentence-transformers model, it holds code or pickles, it asks for
            classes other than those known to be safe, or it reads text in an unknown way.
    """
    if not (folder / "modules.json").is_file():
        raise EmbedderError(
            name,
            f"{folder} is not the folder of a sentence-transformers model: it has no modules.json.",
            hint="Give the folder that SentenceTransformer.save() wrote.",
        )
    refuse_code(folder, name)
    try:
        return _inspect(folder, name)
    except (KeyError, TypeError, ValueError) as error:
        raise EmbedderError(name, f"its settings make no sense: {error!r}.") from error


def _inspect(folder: Path, name: str) -> ModelFolder:
    transformer, others = _modules(folder, name)
    folders = [folder, transformer, *(place for _, place in others)]
    refuse_custom_classes(transformer, name)
    refuse_other_weights(transformer, name)
    reading = _first_json(sorted(transformer.glob("sentence_*_config.json")), name)
    _refuse_unknown_reading(reading, name)
    settings = _optional_json(folder / "config_sentence_transformers.json", name)
    if settings.get("model_type", "SentenceTransformer") != "SentenceTransformer":
        raise EmbedderError(name, f"it is a {settings['model_type']}, not a SentenceTransformer.")
    prompts = _mapping(settings.get("prompts"))
    full_dim = _dim(others, name)
    most_tokens = _most_tokens(transformer, name)
    return ModelFolder(
        path=folder,
        dim=min(full_dim, settings.get("truncate_dim") or full_dim),
        full_dim=full_dim,
        max_tokens=min(reading.get("max_seq_length") or most_tokens, most_tokens),
        most_tokens=most_tokens,
        query_prompt=_first_text(prompts, QUERY_PROMPTS),
        passage_prompt=_first_text(prompts, PASSAGE_PROMPTS),
        files=_deciding_files(folder, folders),
        exportable=all(_is_exportable(kind, place, name) for kind, place in others),
    )


def refuse_code(folder: Path, name: str) -> None:
    """Refuse a folder that holds code or pickles."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in CODE_OR_PICKLE:
            raise EmbedderError(
                name,
                f"{path} may run code when it is loaded.",
                hint="Take it out of the folder: only safetensors and JSON are needed.",
            )


def _modules(folder: Path, name: str) -> tuple[Path, list[tuple[str, Path]]]:
    """The Transformer's folder, and class and folder of each module after it."""
    kinds = [
        (class_name(module, name), folder / inner_path(module, name))
        for module in json_list(folder / "modules.json", name)
    ]
    first = kinds[0][0] if kinds else "missing"
    if first != "Transformer":
        raise EmbedderError(name, f"its first module is {first}, not Transformer.")
    for kind, _ in kinds[1:]:
        if kind not in MODULES:
            raise EmbedderError(
                name,
                f"its module {kind} is not among the known ones: {', '.join(sorted(MODULES))}.",
            )
    return kinds[0][1], kinds[1:]


def class_name(module: Json, name: str) -> str:
    """The class of an entry of modules.json; refused if it is not of sentence-transformers."""
    reference = str(module.get("type"))
    package, _, kind = reference.rpartition(".")
    if package.split(".")[0] != "sentence_transformers":
        raise EmbedderError(
            name,
            f"modules.json asks for {reference}, a class of its own.",
            hint="Models that bring their own code are not supported.",
        )
    return kind


def inner_path(module: Json, name: str) -> PurePosixPath:
    """The place of an entry of modules.json; refused if it is not in the model's folder."""
    path = PurePosixPath(str(module.get("path", "")))
    if path.is_absolute() or ".." in path.parts:
        raise EmbedderError(name, f"modules.json points out of the folder: {path}.")
    return path


def refuse_custom_classes(transformer: Path, name: str) -> None:
    """Refuse settings that ask for classes of the model's own, or for another model."""
    for file in ("config.json", "tokenizer_config.json"):
        if "auto_map" in _optional_json(transformer / file, name):
            raise EmbedderError(
                name,
                f"{file} asks for classes of its own (auto_map).",
                hint="Models that bring their own code are not supported.",
            )
    config = _optional_json(transformer / "config.json", name)
    for key in ("attn_implementation", "_attn_implementation"):
        if "/" in str(config.get(key)):
            raise EmbedderError(
                name, f"config.json asks for code from the hub: {key} is {config[key]!r}."
            )
    if (transformer / "adapter_config.json").exists():
        raise EmbedderError(
            name,
            "it is an adapter for another model.",
            hint="Merge it into that model, and save the two as one.",
        )


def refuse_other_weights(transformer: Path, name: str) -> None:
    """Refuse weights that are not safetensors in the folder itself."""
    if not list(transformer.glob("*.safetensors")):
        raise EmbedderError(
            name,
            f"{transformer} holds no safetensors.",
            hint="Load the model with sentence-transformers where you trust it, and save it anew.",
        )
    for index in transformer.glob("*.safetensors.index.json"):
        for shard in _mapping(_optional_json(index, name).get("weight_map")).values():
            if not fnmatchcase(str(shard), "*.safetensors") or "/" in str(shard):
                raise EmbedderError(name, f"{index.name} points to {shard}.")


def _refuse_unknown_reading(reading: Json, name: str) -> None:
    known = {"max_seq_length", "do_lower_case", "unpad_inputs"}
    for key, value in reading.items():
        if value and key not in known and PLAIN_READING.get(key) != value:
            raise EmbedderError(
                name, f"it reads text in a way that is not supported: {key} is {value!r}."
            )


def _dim(modules: Sequence[tuple[str, Path]], name: str) -> int:
    """What the last module gives that changes how much it gives."""
    for kind, folder in reversed(modules):
        config = _optional_json(folder / "config.json", name)
        if kind == "Dense":
            return int(config["out_features"])
        if kind == "Pooling":
            width = config.get("embedding_dimension") or config["word_embedding_dimension"]
            return int(width) * len(_pooling_modes(config))
    raise EmbedderError(name, "it has no pooling: it does not make one vector of a text.")


def _pooling_modes(config: Json) -> list[str]:
    """The ways of pooling that stand beside each other in a vector."""
    modes = config.get("pooling_mode")
    if modes is None:  # older models have a key of its own for each, such as OLD_MODE + cls_token
        named = [key.removeprefix(OLD_MODE) for key in config if key.startswith(OLD_MODE)]
        chosen = [mode for mode in named if config[OLD_MODE + mode]]
        return [mode.removesuffix("_tokens").removesuffix("_token") for mode in chosen] or ["mean"]
    return [modes] if isinstance(modes, str) else list(modes)


def _is_exportable(kind: str, folder: Path, name: str) -> bool:
    if kind != "Pooling":
        return kind == "Normalize"
    config = _optional_json(folder / "config.json", name)
    return EXPORTED_POOLING.issuperset(_pooling_modes(config)) and config.get(
        "include_prompt", True
    )


def _most_tokens(transformer: Path, name: str) -> int:
    """The smaller of what the tokenizer and the network allow.

    A tokenizer without a limit says 10^30, so nothing above a million counts.
    """
    limits = [
        _optional_json(transformer / "tokenizer_config.json", name).get("model_max_length"),
        _optional_json(transformer / "config.json", name).get("max_position_embeddings"),
    ]
    told = [int(limit) for limit in limits if limit and 0 < limit < 10**6]
    return min(told, default=DEFAULT_MAX_TOKENS)


def _deciding_files(root: Path, folders: Iterable[Path]) -> tuple[str, ...]:
    return tuple(
        sorted(
            {
                path.relative_to(root).as_posix()
                for folder in folders
                if folder.is_dir()
                for path in folder.iterdir()
                if path.is_file() and any(fnmatchcase(path.name, name) for name in DECIDING)
            }
        )
    )


def _first_text(prompts: Json, keys: Iterable[str]) -> str:
    return next((str(prompts[key]) for key in keys if prompts.get(key)), "")


def _mapping(value: object) -> Json:
    return cast(Json, value) if isinstance(value, dict) else {}


def _first_json(paths: Iterable[Path], name: str) -> Json:
    for path in paths:
        return _optional_json(path, name)
    return {}


def _optional_json(path: Path, name: str) -> Json:
    """The object in the file; an empty one if there is no such file."""
    return _mapping(_json(path, name)) if path.is_file() else {}


def json_list(path: Path, name: str) -> list[Json]:
    """The objects of the list in the file."""
    value = _json(path, name)
    return [_mapping(each) for each in cast(list[object], value)] if isinstance(value, list) else []


def _json(path: Path, name: str) -> object:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise EmbedderError(name, f"{path} is not readable JSON: {error}.") from error
