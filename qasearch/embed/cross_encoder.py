"""The reranker of a sentence-transformers cross-encoder, computed by torch."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qasearch.embed.folder import (
    class_name,
    inner_path,
    json_list,
    refuse_code,
    refuse_custom_classes,
    refuse_other_weights,
)
from qasearch.embed.load import find_model, threads_told
from qasearch.errors import EmbedderError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

ORGANIZATION = "cross-encoder"
"""Whose models on the hub go by their bare names too."""

MODULES = frozenset(["Dense", "LogitScore", "Transformer"])
"""What a cross-encoder may be made of: modules of sentence-transformers that only compute."""


class CrossEncoderReranker:
    """Scores texts by a cross-encoder that reads each together with the question, on the CPU.

    Loads the model when it is first asked; safe to share between threads. Scores are the model's
    logits: those of different questions are not to be compared. A text that is longer than the
    model reads is cut off at its end.

    Args:
        folder: the model, looked at and found safe.
        name: what to call it before people.
        threads: how many compute; None leaves it to torch.
    """

    def __init__(self, folder: Path, *, name: str, threads: int | None = None) -> None:
        self.name = name
        self._folder = folder
        self._threads = threads
        self._model: CrossEncoder | None = None
        self._lock = threading.Lock()

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score the texts: float32 (n,), in their order; higher is better.

        Raises:
            EmbedderError: the model cannot be loaded, or does not give a text one number.
        """
        if isinstance(texts, str):
            raise ValueError("texts must be a sequence of strings, not one string.")
        if not texts:
            return np.empty(0, dtype=np.float32)
        import torch

        from qasearch.embed.reference import torch_threads

        # One at a time: a batch takes all of torch's threads, and their number is the process's.
        with self._lock, torch_threads(self._threads):
            self._model = self._model or _load(self._folder, self.name)
            scores = self._model.predict(  # pyright: ignore[reportUnknownMemberType]
                [(query, text) for text in texts],
                activation_fn=torch.nn.Identity(),  # a sigmoid makes the best ones equal
                show_progress_bar=False,
            )
        return np.asarray(scores, dtype=np.float32)


def load_reranker(
    model: str, *, offline: bool = False, threads: int | None = None
) -> CrossEncoderReranker:
    """Find a cross-encoder and make sure that it is safe to load; loading waits for the first text.

    Args:
        model: a folder, or a name on the Hugging Face hub; none is bundled.
        offline: take a model of the hub from the local cache or not at all, as where
            HF_HUB_OFFLINE is set.
        threads: how many compute; None means QASEARCH_THREADS, or else what torch takes.

    Raises:
        EmbedderError: there is no such model, it is no cross-encoder, or it is not safe.
        ValueError: ``threads`` is below 1.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}.")
    folder, name = find_model(
        model, offline=offline, organization=ORGANIZATION, instead="search without a reranker"
    )
    _inspect(folder, name)
    return CrossEncoderReranker(
        folder, name=name, threads=threads_told() if threads is None else threads
    )


def _inspect(folder: Path, name: str) -> None:
    """Refuse what may run code, or is no model; only JSON is read."""
    if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
        raise EmbedderError(
            name,
            f"{folder} is not the folder of a cross-encoder: it has no config.json.",
            hint="Give the folder that CrossEncoder.save_pretrained() wrote.",
        )
    refuse_code(folder, name)
    transformer = folder
    if (folder / "modules.json").is_file():
        modules = json_list(folder / "modules.json", name)
        kinds = [class_name(module, name) for module in modules]
        if kinds[:1] != ["Transformer"] or not MODULES.issuperset(kinds):
            raise EmbedderError(
                name, f"it is no cross-encoder: its modules are {', '.join(kinds) or 'missing'}."
            )
        places = [folder / inner_path(module, name) for module in modules]
        transformer = places[0]
    refuse_custom_classes(transformer, name)
    refuse_other_weights(transformer, name)


def _load(folder: Path, name: str) -> "CrossEncoder":
    import torch
    from sentence_transformers import CrossEncoder

    from qasearch.embed.reference import load_whole

    model = load_whole(
        lambda: CrossEncoder(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "dtype": torch.float32},
        ).eval(),
        folder,
        name,
    )
    if model.num_labels != 1:
        raise EmbedderError(
            name,
            f"it sorts pairs of texts into {model.num_labels} classes, and gives no one score.",
            hint="Take a cross-encoder that was trained to rank.",
        )
    return model
