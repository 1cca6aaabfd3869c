"""What lies in ``index/``: vectors, texts, and the generations that hold them together."""

from qasearch.index.cache import (
    AS_ASKED,
    Embedded,
    EmbeddingCache,
    known_codecs,
    known_keys,
    text_key,
)
from qasearch.index.fallback import open_for_reading
from qasearch.index.files import Files
from qasearch.index.folder import stored_articles
from qasearch.index.generation import Generation, KeptRows
from qasearch.index.lexical import LexicalIndex, inverse_frequencies, terms, terms_of_each
from qasearch.index.lock import lock_holder, write_lock
from qasearch.index.manifest import (
    EmbedderIdentity,
    Manifest,
    UnreadableFormatError,
    version_of,
)
from qasearch.index.merge import cached_by, merge_caches
from qasearch.index.notes import read_notes, write_notes
from qasearch.index.passagefile import subject_key
from qasearch.index.passages import PassageStore, lot, spellings
from qasearch.index.scope import RowScope
from qasearch.index.tokens import DEFAULT_BITS, Bits, Codes, TokenCodec, TokenStore
from qasearch.index.vectors import FaissIndex, FlatIndex, cosines, row_cosines
from qasearch.index.verification import verify
from qasearch.index.writer import GenerationWriter, rollback

__all__ = [
    "AS_ASKED",
    "DEFAULT_BITS",
    "Bits",
    "Codes",
    "Embedded",
    "EmbedderIdentity",
    "EmbeddingCache",
    "FaissIndex",
    "Files",
    "FlatIndex",
    "Generation",
    "GenerationWriter",
    "KeptRows",
    "LexicalIndex",
    "Manifest",
    "PassageStore",
    "RowScope",
    "TokenCodec",
    "TokenStore",
    "UnreadableFormatError",
    "cached_by",
    "cosines",
    "inverse_frequencies",
    "known_codecs",
    "known_keys",
    "lock_holder",
    "lot",
    "merge_caches",
    "open_for_reading",
    "read_notes",
    "rollback",
    "row_cosines",
    "spellings",
    "stored_articles",
    "subject_key",
    "terms",
    "terms_of_each",
    "text_key",
    "verify",
    "version_of",
    "write_lock",
    "write_notes",
]
