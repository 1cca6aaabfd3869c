"""Articles and an embedder become a new generation of the index.

    sources ─ reading: what changed? ─► plan: what to write ─► texts: embed ─► publish: generation

What did not change is taken over from the generation before, row by row: neither read nor embedded.
"""

from qasearch.build.publish import build
from qasearch.build.reading import ArticleSource, FileSource, Reading, UpdateSource

__all__ = ["ArticleSource", "FileSource", "Reading", "UpdateSource", "build"]
