"""The fast path: a graph that was exported from a model, computed by onnxruntime."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qasearch.embed.batches import pad, unpad
from qasearch.embed.network import States
from qasearch.embed.windows import Ids
from qasearch.protocols import Vectors, processors

GRAPH = "graph.onnx"
WEIGHTS = "weights.bin"
TOKENIZER = "tokenizer.json"
"""The files of an exported model. Weights lie beside the graph, since onnxruntime maps such a file
into memory: it opens in a third of the time, and takes a third of the memory."""

INPUTS = ("input_ids", "attention_mask")
OUTPUTS = ("sentence_embedding", "token_embeddings")

TELEMETRY_OFF = "ORT_DISABLE_TELEMETRY"

_SLOW_FUSIONS = ["BiasGeluFusion", "SkipLayerNormFusion"]
"""Rewritings of onnxruntime that cost time: 58.1 passages a second without them, 52.7 with them
(250 points, all-MiniLM-L6-v2, one thread, onnxruntime 1.32)."""

_KEPT_IN_GRAPH = 1_024
"""Bytes of the largest tensor that lies in the graph itself, not among the weights."""


class OnnxNetwork:
    """An exported model, open.

    Batches are computed beside each other, each by one thread of the caller's: that scales better
    than several threads on one batch, gives the same numbers whatever their count, and leaves no
    threads behind that a forked process would wait for.

    Args:
        folder: holds the files of the export.
        pad_id: fills what a sequence is too short for.
        pad_left: whether that stands before the sequence.
        threads: batches at one time; None means one for each processor that is ours.
        few: a few texts will come, no more.
    """

    def __init__(
        self, folder: Path, *, pad_id: int, pad_left: bool, threads: int | None, few: bool = False
    ) -> None:
        from tokenizers import Tokenizer

        self._session = open_session(folder / GRAPH, few=few)
        self.tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self.batches_at_once = threads or _threads()
        self._pad_id = pad_id
        self._pad_left = pad_left

    def forward(
        self, sequences: Sequence[Ids], *, prompt_tokens: int | None = None
    ) -> tuple[Vectors, States]:
        """Compute the rows of sequences, and of their tokens; as ``Network.forward``.

        Models that leave a prompt out of the pooling are not exported.
        """
        padded = pad(sequences, self._pad_id, left=self._pad_left)
        rows, states = self._session.run(OUTPUTS, dict(zip(INPUTS, padded, strict=True)))
        return rows, unpad(states, sequences, left=self._pad_left)


def open_session(graph: Path, *, store_as: Path | None = None, few: bool = False) -> Any:
    """Open a graph for one thread, as an ``onnxruntime.InferenceSession``.

    Args:
        graph: what ``store_as`` was once, which opens as it is.
        store_as: optimise the graph, and store it there with its weights beside it: by rewritings
            that give the same on every machine (those above EXTENDED are for the one at hand).
        few: leave the weights as they lie in the file, instead of rearranging a copy of them for
            the products to come: all-MiniLM-L6-v2 opens in 9 ms of CPU instead of 50, and a
            question takes 7.5 ms instead of 4.8. Both give the same vectors to 2e-7.
    """
    onnxruntime = _onnxruntime()
    options, level = onnxruntime.SessionOptions(), onnxruntime.GraphOptimizationLevel
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors, which are raised too
    options.graph_optimization_level = level.ORT_DISABLE_ALL
    if few:
        options.add_session_config_entry("session.disable_prepacking", "1")
    if store_as is not None:
        options.graph_optimization_level = level.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(store_as)
        for entry, value in (("file_name", WEIGHTS), ("min_size_in_bytes", str(_KEPT_IN_GRAPH))):
            options.add_session_config_entry(
                f"session.optimized_model_external_initializers_{entry}", value
            )
    return onnxruntime.InferenceSession(
        str(graph),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=_SLOW_FUSIONS,
    )


def onnxruntime_version() -> str:
    """Of the library that is installed."""
    return _onnxruntime().__version__


def _onnxruntime() -> Any:
    """The library, which comes without types, and here without telemetry.

    From 1.29 on it reports each model and session to Microsoft, unless this variable is set when it
    is first imported. Nothing may leave the machine unasked; and its thread, which a forked process
    does not have, makes that process wait for ever when it ends (onnxruntime pull request 31961).
    A user who sets the variable, or whose program imported the library before, has decided.
    """
    decided = TELEMETRY_OFF in os.environ
    os.environ.setdefault(TELEMETRY_OFF, "1")
    try:
        import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
    finally:
        if not decided:
            os.environ.pop(TELEMETRY_OFF, None)
    return onnxruntime


def _threads() -> int:
    """What OMP_NUM_THREADS says, as torch and FAISS read it; else the processors that are ours."""
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if told.isdecimal() and int(told) > 0:
        return int(told)
    return processors()
