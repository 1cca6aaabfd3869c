"""What lies in ``index/``: vectors, texts, and the generations that hold them together."""

from qasearch.index.cache import EmbeddingCache, text_key
from qasearch.index.files import Files
from qasearch.index.generation import Generation, verify
from qasearch.index.manifest import EmbedderIdentity, Manifest
from qasearch.index.passages import PassageStore
from qasearch.index.vectors import FaissIndex, FlatIndex, cosines
from qasearch.index.writer import GenerationWriter, rollback

__all__ = [
    "EmbedderIdentity",
    "EmbeddingCache",
    "FaissIndex",
    "Files",
    "FlatIndex",
    "Generation",
    "GenerationWriter",
    "Manifest",
    "PassageStore",
    "cosines",
    "rollback",
    "text_key",
    "verify",
]
