"""What computes a model: onnxruntime where that was proved to agree with the reference."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from qasearch.embed.check import first_line
from qasearch.embed.folder import ModelFolder
from qasearch.embed.modelcache import ModelCache, cache_folder
from qasearch.embed.network import Network
from qasearch.embed.onnx import OnnxNetwork, onnxruntime_version
from qasearch.embed.precision import Precision, lower_precision
from qasearch.errors import EmbedderError

if TYPE_CHECKING:
    from qasearch.embed.reference import TorchNetwork

_log = logging.getLogger(__name__)

EXPORT_RULE = 1
"""To be raised whenever a model comes to be exported in another way."""

FACTS = "facts.json"
"""What must be known of an export beside its files; or why there is none."""

LEAST_COSINE = 0.9999
"""Between what an export and the reference make of the same text."""

COST = (
    "least cosine to float32 of a text, or of a token in it: {cosine:.3f}, over a sample; 1 is the "
    "same. docs/measurements.md tells how many of the ten nearest that changes."
)
"""What is said of less precision, when its export is made."""

MOST_TOKENS = 2_048
"""The longest window that is worth exporting: attention in the graph takes memory by the square of
the length, some 200 MB at this one with 12 heads, where torch has a way around."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Stands in the cache for an export that failed, so that it is not tried each time."""

    reason: str


Export: TypeAlias = OnnxNetwork | Refused


def open_network(
    folder: ModelFolder,
    name: str,
    *,
    fingerprint: str,
    max_tokens: int,
    reference: "Callable[[], TorchNetwork]",
    threads: int | None,
    precision: Precision | None = None,
    few: bool = False,
) -> Network:
    """Open the export of a model, which the first to ask makes; else load the reference.

    Neither torch nor transformers is imported where the export is there.

    Args:
        folder: the model.
        name: what to call it before people.
        fingerprint: of the model, dimension and length included.
        max_tokens: length of a window.
        reference: loads the model.
        threads: batches that an export computes at one time; None lets it choose.
        precision: of the export, where that is less than float32; the reference has no such.
        few: open the export for a few texts.

    Raises:
        EmbedderError: the model cannot be loaded, or has no export of that precision.
    """
    reference = cache(reference)  # it takes seconds
    if not folder.exportable or max_tokens > MOST_TOKENS:
        if precision:
            raise _no_export(name, precision, "onnxruntime cannot compute such a model", "")
        return reference()
    models = ModelCache(cache_folder())
    write = partial(
        _write, reference, name, dim=folder.full_dim, max_tokens=max_tokens, precision=precision
    )
    read = partial(_open, threads=threads, few=few)
    try:
        found = _read_or_make(models, _key(fingerprint), read, write)
    except OSError as error:
        reason = f"{models.folder} cannot be written ({error.strerror or error})"
        hint = "Let QASEARCH_CACHE_DIR name a folder that can."
    else:
        if not isinstance(found, Refused):
            return found
        reason, hint = found.reason, f"Remove {models.folder / _key(fingerprint)} to try again."
    if precision:
        raise _no_export(name, precision, reason, hint)
    _warn(name, reason, hint)
    return reference()


def _no_export(name: str, precision: Precision, reason: str, hint: str) -> EmbedderError:
    return EmbedderError(
        name,
        f"it cannot be computed in {precision}: {reason}.",
        hint=hint or f"Leave :{precision} out of its name.",
    )


def _warn(name: str, reason: str, hint: str) -> None:
    _log.warning("%s: torch computes it, which is slower: %s. %s", name, reason, hint)


def _key(fingerprint: str) -> str:
    return f"{fingerprint}-onnxruntime-{onnxruntime_version()}-{EXPORT_RULE}"


def _read_or_make(
    models: ModelCache, key: str, open: Callable[[Path], Export], write: Callable[[Path], None]
) -> Export:
    found = models.read(key, open)
    if not found:
        with models.lock():
            found = models.read(key, open)  # another process may have made it meanwhile
            if not found:
                _log.info("Exporting the model for onnxruntime, once; some fifteen seconds.")
                with models.writing(key) as folder:
                    write(folder)
                found = models.read(key, open)
    return found or Refused("its export cannot be read back")


def _open(folder: Path, *, threads: int | None, few: bool) -> Export:
    facts = json.loads((folder / FACTS).read_bytes())
    if "refused" in facts:
        return Refused(facts["refused"])
    return OnnxNetwork(
        folder, pad_id=facts["pad_id"], pad_left=facts["pad_left"], threads=threads, few=few
    )


def _write(
    reference: "Callable[[], TorchNetwork]",
    name: str,
    folder: Path,
    *,
    dim: int,
    max_tokens: int,
    precision: Precision | None,
) -> None:
    """Write an export, and prove it; or why there is none.

    What less precision costs cannot be proved away: it is told.
    """
    from qasearch.embed.export import export, least_cosine

    network = reference()
    facts: dict[str, object] = {"pad_id": network.pad_id, "pad_left": network.pad_left}
    try:
        export(network, folder)
        if precision:
            lower_precision(folder, precision)
        exported = OnnxNetwork(folder, pad_id=network.pad_id, pad_left=network.pad_left, threads=1)
        facts["least_cosine"] = cosine = least_cosine(network, exported, dim, max_tokens)
        proved = precision is not None or cosine >= LEAST_COSINE
        refused = "" if proved else f"its export differs: cosine {cosine:.6f}"
        if precision:
            _log.warning("%s: %s", name, COST.format(cosine=cosine))
    except OSError:
        raise
    except Exception as error:  # whatever torch and onnxruntime raise when they cannot
        refused = f"it cannot be exported: {first_line(error)}"
    if refused:
        facts = {"refused": refused}
        for file in folder.iterdir():
            file.unlink()
    (folder / FACTS).write_text(json.dumps(facts))
