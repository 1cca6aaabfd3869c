"""Addresses of stores: which engine, where, and under which name there.

milvus://host:19530/collection       a Milvus server; milvus+https:// with TLS
milvus:path/to/data.db/collection    milvus-lite in this process
postgresql://host/database           PostgreSQL with pgvector; ?schema=name, else qasearch
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

DEFAULT_NAME = "qasearch"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_LOCAL = re.compile(r"milvus:(?P<path>(?!//).*?\.db)(?:/(?P<name>[^/]*))?/?")
_MILVUS_PORT = 19530


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is.

    Attributes:
        engine: what kind of database.
        uri: for its client.
        name: of the collections, or of the schema.
        token: ``user:password`` for Milvus; empty without.
        shown: the address without a password, for people.
    """

    engine: Literal["milvus", "postgres"]
    uri: str
    name: str
    token: str
    shown: str


def parse_address(text: str) -> Address:
    """Read an address.

    Raises:
        ValueError: it is none; the message says how to write one.
    """
    if local := _LOCAL.fullmatch(text):
        name = _name(local["name"] or DEFAULT_NAME)
        return Address("milvus", local["path"], name, "", f"milvus:{local['path']}/{name}")
    parts = urlsplit(text)
    if parts.scheme in ("milvus", "milvus+https") and parts.hostname:
        return _milvus(text)
    if parts.scheme in ("postgresql", "postgres"):
        return _postgres(text)
    raise ValueError(
        f"{text!r} is no store. Write milvus://host:19530/collection, milvus:FILE.db/collection, "
        "or postgresql://host/database."
    )


def _milvus(text: str) -> Address:
    parts = urlsplit(text)
    name = _name(parts.path.strip("/") or DEFAULT_NAME)
    scheme = "https" if parts.scheme.endswith("https") else "http"
    host = parts.hostname or ""
    where = f"[{host}]:{_port(text)}" if ":" in host else f"{host}:{_port(text)}"
    token = ":".join(unquote(part) for part in (parts.username, parts.password) if part)
    shown = f"{parts.scheme}://{where}/{name}"
    return Address("milvus", f"{scheme}://{where}", name, token, shown)


def _port(text: str) -> int:
    try:
        return urlsplit(text).port or _MILVUS_PORT
    except ValueError:
        raise ValueError("The port of a store is a number from 1 to 65535.") from None


def _postgres(text: str) -> Address:
    parts = urlsplit(text)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    name = _name(query.pop("schema", DEFAULT_NAME))
    uri = urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))
    user = f"{parts.username}@" if parts.username else ""
    host = user + parts.netloc.rpartition("@")[2]
    shown = f"postgresql://{host}{parts.path}?schema={name}"
    return Address("postgres", uri, name, "", shown)


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name for a store: lower-case letters, digits and _, "
            "40 at most, not beginning with a digit."
        )
    return name
