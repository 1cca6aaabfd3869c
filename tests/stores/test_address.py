"""Addresses of stores, and what is told of them."""

import pytest

from qasearch.storage import is_address
from qasearch.stores.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "milvus://localhost/faq",
            Address("milvus", "http://localhost:19530", "faq", "", "milvus://localhost:19530/faq"),
        ),
        (
            "milvus+https://me:secret@db.example:443",
            Address(
                "milvus",
                "https://db.example:443",
                "qasearch",
                "me:secret",
                "milvus+https://db.example:443/qasearch",
            ),
        ),
        (
            "milvus:data/it.db",
            Address("milvus", "data/it.db", "qasearch", "", "milvus:data/it.db/qasearch"),
        ),
        (
            "milvus:/data/it.db/faq",
            Address("milvus", "/data/it.db", "faq", "", "milvus:/data/it.db/faq"),
        ),
        (
            "postgresql://me:secret@host:5433/db?schema=faq&sslmode=require",
            Address(
                "postgres",
                "postgresql://me:secret@host:5433/db?sslmode=require",
                "faq",
                "",
                "postgresql://me@host:5433/db?schema=faq",
            ),
        ),
    ],
)
def test_addresses(text: str, expected: Address) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text",
    ["mysql://host/db", "milvus:folder", "milvus://host/No-Name", "milvus://host:99999/a", "index"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="store"):
        parse_address(text)


@pytest.mark.parametrize("text", ["index", "milvus", "./milvus:x", "C:\\index", ""])
def test_a_folder_is_no_address(text: str) -> None:
    assert not is_address(text)
