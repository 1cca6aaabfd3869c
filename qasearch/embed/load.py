"""Which model is meant, and where it lies."""

import os
import re
from pathlib import Path

from qasearch.embed import bundled
from qasearch.embed.check import first_line
from qasearch.embed.folder import inspect
from qasearch.embed.precision import split_precision
from qasearch.embed.sentence_transformer import SentenceTransformerEmbedder
from qasearch.errors import EmbedderError

ORGANIZATION = "sentence-transformers"
"""Whose models on the hub go by their bare names too."""

HUB_NAME = re.compile(r"(?:[\w-][\w.-]*/)?[\w-][\w.-]*")

WANTED = ["*.json", "*.txt", "*.model", "*.safetensors"]
UNWANTED = ["onnx/*", "openvino/*"]
"""Files to take from the hub: no code, no pickles, no second copy of the weights."""


def load_embedder(
    model: str | None = None,
    *,
    offline: bool = False,
    truncate_dim: int | None = None,
    max_tokens: int | None = None,
    threads: int | None = None,
    fast: bool = True,
    few: bool = False,
) -> SentenceTransformerEmbedder:
    """Find a model and make sure that it is safe to load; loading waits for the first text.

    Args:
        model: a folder, or a name on the Hugging Face hub; None means the bundled model. With
            ``:int8`` or ``:fp16`` behind it, onnxruntime computes it with less precision: an index
            of its own kind, and what that costs in agreement is logged.
        offline: take a model of the hub from the local cache or not at all, as where
            HF_HUB_OFFLINE is set.
        truncate_dim: keep so many of the first numbers of a vector, for models trained to allow it.
        max_tokens: read texts in windows of so many tokens, not in the model's own length.
        threads: how many compute; None means QASEARCH_THREADS, or else OMP_NUM_THREADS, or else as
            many as the machine has processors for us.
        fast: if False, sentence-transformers computes even where onnxruntime gives the same.
        few: a few texts will come, no more: the model opens sooner and is slower with each.

    Raises:
        EmbedderError: there is no such model, it is not what it claims to be, or it is not safe.
        ValueError: an option is out of range.
    """
    model, precision = split_precision(model)
    if model is None or model in (bundled.NAME, f"{ORGANIZATION}/{bundled.NAME}"):
        folder, name, pins = bundled.find(), bundled.NAME, bundled.PINS
        bundled.check(folder, weights=False)
    else:
        folder, name, pins = *find_model(model, offline=offline), None
    return SentenceTransformerEmbedder(
        inspect(folder, name),
        name=f"{name}:{precision}" if precision else name,
        pins=pins,
        precision=precision,
        truncate_dim=truncate_dim,
        max_tokens=max_tokens,
        threads=threads_told() if threads is None else threads,
        fast=fast,
        few=few,
    )


def threads_told() -> int | None:
    """How many threads QASEARCH_THREADS asks for; None if it says nothing."""
    told = os.environ.get("QASEARCH_THREADS")
    if told and (not told.isdecimal() or int(told) < 1):
        raise ValueError(f"QASEARCH_THREADS must be a whole number of at least 1, not {told!r}.")
    return int(told) if told else None


def find_model(
    model: str,
    *,
    offline: bool,
    organization: str = ORGANIZATION,
    instead: str = "leave the model out for the bundled one",
) -> tuple[Path, str]:
    """The folder that ``model`` names, and what to call it.

    Args:
        model: a folder, which comes first, or a name on the hub.
        offline: take it from the hub's cache on this machine, or not at all.
        organization: whose models on the hub go by their bare names too.
        instead: what to do without it, for the hint of an error.

    Raises:
        EmbedderError: there is no such model.
    """
    folder = Path(model).expanduser()
    if model and folder.is_dir():
        return folder, folder.resolve().name
    if not HUB_NAME.fullmatch(model):
        hint = f"{instead[0].upper()}{instead[1:]}."
        raise EmbedderError(model, "there is no such folder.", hint=hint)
    repository = model if "/" in model else f"{organization}/{model}"
    return _fetch(repository, model, offline=offline, instead=instead), model


def _fetch(repository: str, name: str, *, offline: bool, instead: str) -> Path:
    """Take a model from the hub, or from the hub's cache on this machine."""
    from huggingface_hub import snapshot_download  # pyright: ignore[reportUnknownVariableType]
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                repository,
                allow_patterns=WANTED,
                ignore_patterns=UNWANTED,
                local_files_only=offline,
            )
        )
    except LocalEntryNotFoundError as error:
        raise EmbedderError(
            name,
            "there is no such folder, it is not in the hub's cache on this machine, "
            "and the hub was not to be reached.",
            hint=f"Fetch it once with the network, or {instead}.",
        ) from error
    except Exception as error:  # whatever the hub, its library and the network between them raise
        raise EmbedderError(
            name,
            f"there is no such folder, and the hub says: {first_line(error)}",
            hint=f"Check the name, or {instead}.",
        ) from error
