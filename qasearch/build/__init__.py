"""Articles and an embedder become a new generation of the index.

    sources ─ reading: what changed? ─► plan: what to write ─► texts: embed ─► publish: generation

What did not change is taken over from the generation before, row by row: neither read nor embedded.
"""

from qasearch.build.exports import export
from qasearch.build.imports import import_
from qasearch.build.making import Named
from qasearch.build.publish import build
from qasearch.build.reading import (
    ArticleReader,
    ArticleSource,
    FileSource,
    Reading,
    UpdateSource,
)
from qasearch.build.shards import Shard, embed_shard
from qasearch.build.spread import cluster

__all__ = [
    "ArticleReader",
    "ArticleSource",
    "FileSource",
    "Named",
    "Reading",
    "Shard",
    "UpdateSource",
    "build",
    "cluster",
    "embed_shard",
    "export",
    "import_",
]
