"""An article as one text, for an engine to keep; and its digest, by which changes are told."""

import datetime
import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from qasearch.records import Article, Passage

_DIGEST_BITS = 256


def article_bytes(article: Article) -> bytes:
    """The article with its passages; equal articles give equal bytes."""
    fields = asdict(article) | {"date": article.date.isoformat() if article.date else None}
    return json.dumps(fields, ensure_ascii=True, sort_keys=True).encode("ascii")


def packed(article: bytes) -> bytes:
    """What an engine keeps of ``article_bytes``."""
    return zlib.compress(article)


def unpacked(data: bytes) -> Article:
    """The article that was packed."""
    fields: dict[str, Any] = json.loads(zlib.decompress(data))
    date = fields.pop("date")
    passages = fields.pop("passages")
    for name in ("subjects", "urls", "paths", "flags"):
        fields[name] = tuple(fields[name])
    return Article(
        **fields,
        date=datetime.date.fromisoformat(date) if date else None,
        passages=tuple(_passage(each) for each in passages),
    )


def _passage(fields: dict[str, Any]) -> Passage:
    sections = tuple(fields.pop("section_path"))
    return Passage(**fields, section_path=sections)


def digest(article: bytes) -> str:
    """What tells whether an article has changed: the sha256 of ``article_bytes``, in hex."""
    return sha256(article).hexdigest()


def digest_of_all(digests: Iterable[str]) -> str:
    """One digest of many, whatever their order: their sum, in hex.

    It finds what was lost, doubled or changed by accident, not what somebody made up to fit.
    """
    total = sum(int(each, 16) for each in digests) % 2**_DIGEST_BITS
    return f"{total:064x}"
