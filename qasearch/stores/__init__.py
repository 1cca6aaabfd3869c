"""Stores on engines that exist: Milvus, and PostgreSQL with pgvector; and the index itself as one.

address ─► engine: generations of rows in a database ─► remote: the five verbs ─► reader
"""

from qasearch.stores.address import parse_address
from qasearch.stores.copying import CANARY_RANK, copy
from qasearch.stores.embedded import EmbeddedStore
from qasearch.stores.entries import entries_of, origin_of
from qasearch.stores.opening import open_store
from qasearch.stores.remote import RemoteStore

__all__ = [
    "CANARY_RANK",
    "EmbeddedStore",
    "RemoteStore",
    "copy",
    "entries_of",
    "open_store",
    "origin_of",
    "parse_address",
]
