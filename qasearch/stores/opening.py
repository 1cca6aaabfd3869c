"""From an address to an open store."""

from qasearch.storage import Origin
from qasearch.stores.address import Address, parse_address
from qasearch.stores.engine import Engine
from qasearch.stores.remote import RemoteStore


def open_store(address: str, origin: Origin | None = None) -> RemoteStore:
    """Open the store at an address.

    Args:
        address: ``milvus://host:port/collection``, ``milvus:FILE.db`` or ``postgresql://...``.
        origin: what makes the vectors of what will be written; None to read only.

    Raises:
        ValueError: it is no address of a store.
        ExtraMissingError: the packages that it needs are not installed.
        StoreError: nobody answers there.
    """
    return RemoteStore(_engine(parse_address(address)), origin)


def _engine(address: Address) -> Engine:
    match address.engine:
        case "milvus":
            from qasearch.stores.milvus import Milvus

            return Milvus(address)
        case "postgres":
            from qasearch.stores.postgres import Postgres

            return Postgres(address)
