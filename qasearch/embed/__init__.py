"""Texts to unit vectors.

    texts ─ windows ─► token ids ─ batches ─► model ─► rows ─ merge ─► (n, dim) float32, unit rows

Nothing heavy is imported before the first text is embedded.
"""

from qasearch.embed.bundled import check_bundled_model
from qasearch.embed.check import checked, checked_tokens, embedder_name
from qasearch.embed.cross_encoder import load_reranker
from qasearch.embed.load import load_embedder
from qasearch.embed.sentence_transformer import SentenceTransformerEmbedder

__all__ = [
    "SentenceTransformerEmbedder",
    "check_bundled_model",
    "checked",
    "checked_tokens",
    "embedder_name",
    "load_embedder",
    "load_reranker",
]
