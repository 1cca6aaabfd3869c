"""The generation before, and how much of it a build may take over."""

from contextlib import ExitStack
from pathlib import Path

from qasearch.errors import IndexDamagedError, IndexMismatchError, IndexNotFoundError
from qasearch.index import Bits, Generation, TokenCodec
from qasearch.protocols import Embedder, TokenEmbedder
from qasearch.records import SPLITTER_VERSION


def open_parent(index: Path, stack: ExitStack, warnings: list[str]) -> Generation | None:
    """The generation that answers; None if there is none, or none that is whole."""
    try:
        parent = stack.enter_context(Generation.open(index, pinned=False))
        parent.check_matrices()  # rows of them may be copied
    except IndexNotFoundError:
        return None
    except (IndexDamagedError, IndexMismatchError) as error:
        warnings.append(f"{error} It is built anew, from the cache.")
        return None
    return parent


def codec_of(parent: Generation | None, embedder: Embedder) -> TokenCodec | None:
    """The codec that made the tokens of ``parent``, if they are the embedder's."""
    tokens = parent.tokens if parent and _made_by(parent, embedder) else None
    return tokens.codec if tokens else None


def fits(parent: Generation, embedder: Embedder, bits: Bits | None) -> bool:
    """Whether rows, vectors and tokens of ``parent`` are what a build would make today."""
    codec = codec_of(parent, embedder)
    return (
        _made_by(parent, embedder)
        and parent.manifest.splitter == SPLITTER_VERSION
        and isinstance(embedder, TokenEmbedder) == (codec is not None)
        and (codec is None or bits in (None, codec.bits))
    )


def _made_by(parent: Generation, embedder: Embedder) -> bool:
    identity = parent.manifest.embedder
    return (identity.fingerprint, identity.dim) == (embedder.fingerprint, embedder.dim)
