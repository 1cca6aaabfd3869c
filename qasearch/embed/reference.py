"""The reference: a sentence-transformers model as that library computes it, by torch."""

import logging
import os
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from qasearch.embed.batches import pad, unpad
from qasearch.embed.check import first_line
from qasearch.embed.folder import ModelFolder
from qasearch.embed.network import States
from qasearch.embed.windows import Ids
from qasearch.errors import EmbedderError
from qasearch.protocols import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

Model = TypeVar("Model")

_LOADING = threading.Lock()
"""One model is loaded at a time: what transformers prints meanwhile is a setting of the process."""

_PROCESS = os.getpid()
"""Where this module was loaded: any other process is a fork of it."""

UNUSED = "pooler."
"""Weights for other tasks: most sentence-transformers models are saved without them."""


@dataclass(frozen=True, slots=True)
class TorchNetwork:
    """A loaded model, with what padding needs to know.

    Attributes:
        threads: how many torch may use for a batch; None leaves it to torch.
        batches_at_once: one, since a batch takes all of torch's threads.
    """

    model: "SentenceTransformer"
    tokenizer: "Tokenizer"
    pad_id: int
    pad_left: bool
    threads: int | None
    batches_at_once: int = 1

    def forward(
        self, sequences: Sequence[Ids], *, prompt_tokens: int | None = None
    ) -> tuple[Vectors, States]:
        """Compute the rows of sequences, and of their tokens; as ``Network.forward``."""
        import torch

        ids, mask = pad(sequences, self.pad_id, left=self.pad_left)
        features: dict[str, object] = {
            "input_ids": torch.as_tensor(ids),
            "attention_mask": torch.as_tensor(mask),
        }
        if prompt_tokens is not None:  # for models that leave the prompt out of the pooling
            features["prompt_length"] = prompt_tokens
        with torch_threads(self.threads), torch.inference_mode():
            found = self.model(features)
            states = found["token_embeddings"].numpy()
            rows = found["sentence_embedding"].numpy()
        return rows, unpad(states, sequences, left=self.pad_left)


def load_reference(folder: ModelFolder, name: str, threads: int | None) -> TorchNetwork:
    """Load a model from disk, and only from there.

    Raises:
        EmbedderError: it does not load, or not as what it said it was.
    """
    with torch_threads(threads):
        model = _load(folder, name)
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    if tokenizer is None or model.tokenizer.pad_token_id is None:
        raise EmbedderError(name, "its tokenizer is not a fast one with a token for padding.")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return TorchNetwork(
        model=model,
        tokenizer=tokenizer,
        pad_id=model.tokenizer.pad_token_id,
        pad_left=model.tokenizer.padding_side == "left",
        threads=threads,
    )


def _load(folder: ModelFolder, name: str) -> "SentenceTransformer":
    import torch
    from sentence_transformers import SentenceTransformer

    model = load_whole(
        lambda: SentenceTransformer(
            str(folder.path),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "dtype": torch.float32},
        ).eval(),
        folder.path,
        name,
        unused=UNUSED,
    )
    model.truncate_dim = None  # rows are cut where they are merged
    if model.get_embedding_dimension() != folder.full_dim:
        raise EmbedderError(
            name,
            f"its settings promise {folder.full_dim} dimensions, "
            f"but it has {model.get_embedding_dimension()}.",
        )
    return model


def load_whole(load: Callable[[], Model], path: Path, name: str, *, unused: str = "") -> Model:
    """Load a model by sentence-transformers, and make sure that nothing of it was made up.

    Args:
        load: makes the model from the files at ``path``.
        path: where it lies.
        name: what to call it in errors.
        unused: how the names of weights begin that may be missing.

    Raises:
        EmbedderError: it does not load, or weights are missing.
    """
    reports: list[str] = []
    try:
        with _LOADING, _without_noise(reports):
            model = load()
    except Exception as error:  # whatever the files make three libraries raise
        unfit = _keys(reports, "MISMATCH")
        reason = f"{unfit[0]} has another shape" if unfit else first_line(error)
        raise EmbedderError(name, f"{path} does not load: {reason}") from error
    missing = [key for key in _keys(reports, "MISSING") if not (unused and key.startswith(unused))]
    if missing:
        raise EmbedderError(
            name, f"its weights lack {missing[0]}, and transformers would make it up."
        )
    return model


@contextmanager
def _without_noise(reports: list[str]) -> Generator[None]:
    """Keep transformers from drawing on stderr while it loads; collect what it had to report."""
    from transformers.utils import logging as transformers_logging

    def keep(record: logging.LogRecord) -> bool:
        reports.append(record.getMessage())
        return False

    logger = logging.getLogger("transformers.modeling_utils")
    bars = transformers_logging.is_progress_bar_enabled()
    logger.addFilter(keep)
    if bars:
        transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.removeFilter(keep)
        if bars:
            transformers_logging.enable_progress_bar()


def _keys(reports: Iterable[str], status: str) -> list[str]:
    """The weights that transformers reports with this status, in lines ``key | status``."""
    return [
        line.split("|")[0].strip()
        for report in reports
        for line in report.splitlines()
        if "|" in line and status in line
    ]


@contextmanager
def torch_threads(threads: int | None) -> Generator[None]:
    """Let torch use so many threads for a while; None leaves it to torch.

    Threads that torch began before a fork do not live on; it would wait for them for ever. So in a
    fork it uses one.
    """
    threads = threads if os.getpid() == _PROCESS else 1
    if threads is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
