"""An index as Parquet files: which columns there are, and what their metadata say.

    articles.parquet   a row for each article: its fields, vector and tokens of its question
    passages.parquet   a row for each passage: its fields, vector and tokens
    sources.parquet    a row for each file that the articles were read from

Rows lie in the order of the index. Row group i of the passages holds those of the articles in row
group i, so that both can be read side by side. Each file carries the manifest of the generation.
"""

import base64
import binascii
from pathlib import Path
from typing import Any

from qasearch.errors import IndexStoreError
from qasearch.index import Manifest, TokenCodec, UnreadableFormatError

ARTICLES_FILE = "articles.parquet"
PASSAGES_FILE = "passages.parquet"
SOURCES_FILE = "sources.parquet"
FILES = (ARTICLES_FILE, PASSAGES_FILE, SOURCES_FILE)

FORMAT = b"1"

_FORMAT_KEY = b"qasearch.export"
_MANIFEST_KEY = b"qasearch.manifest"
_CODEC_KEY = b"qasearch.codec"
_CONFIDENCE_KEY = b"qasearch.confidence"


def arrow() -> Any:
    """The package pyarrow, with its part for Parquet.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import pyarrow  # pyright: ignore[reportMissingTypeStubs]
        import pyarrow.parquet  # pyright: ignore[reportMissingTypeStubs, reportUnusedImport]
    except ImportError as error:
        raise ValueError(
            "Parquet needs one more package: pip install 'qasearch[parquet]'"
        ) from error
    return pyarrow


def schemas(dim: int) -> dict[str, Any]:
    """The columns of each file, by its name.

    Args:
        dim: length of a vector.
    """
    pa = arrow()
    texts = pa.list_(pa.field("element", pa.string(), nullable=False))
    number = pa.field("element", pa.float32(), nullable=False)
    embedded = [
        pa.field("vector", pa.list_(number, dim), nullable=False),
        pa.field("tokens", pa.binary(), nullable=False),
    ]
    return {
        ARTICLES_FILE: pa.schema([*_article_columns(pa, texts), *embedded]),
        PASSAGES_FILE: pa.schema([*_passage_columns(pa, texts), *embedded]),
        SOURCES_FILE: pa.schema(_source_columns(pa, texts)),
    }


def _article_columns(pa: Any, texts: Any) -> list[Any]:
    return [
        pa.field("id", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("subjects", texts, nullable=False),
        pa.field("date", pa.date32()),
        pa.field("urls", texts, nullable=False),
        pa.field("paths", texts, nullable=False),
        pa.field("intro", pa.string()),
        pa.field("summary", pa.string()),
        pa.field("flags", texts, nullable=False),
    ]


def _passage_columns(pa: Any, texts: Any) -> list[Any]:
    return [
        pa.field("article_id", pa.string(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("ordinal", pa.string()),
        pa.field("title", pa.string()),
        pa.field("section_path", texts, nullable=False),
        pa.field("run", pa.int64()),
        pa.field("lead_in", pa.string()),
    ]


def _source_columns(pa: Any, texts: Any) -> list[Any]:
    refusal = [
        ("path", pa.string()),
        ("line", pa.int64()),
        ("reason", pa.string()),
        ("kind", pa.string()),
    ]
    return [
        pa.field("name", pa.string(), nullable=False),
        pa.field("sha256", pa.string()),
        pa.field("include_no_index", pa.bool_(), nullable=False),
        pa.field("article_ids", texts, nullable=False),
        pa.field("stale_ids", texts, nullable=False),
        pa.field("refused", pa.list_(pa.struct(refusal)), nullable=False),
        pa.field("skipped", pa.int64(), nullable=False),
    ]


def metadata(manifest: Manifest, codec: TokenCodec | None, confidence: bytes) -> dict[bytes, bytes]:
    """What the metadata of each file say of the generation. All of it is text."""
    return {
        _FORMAT_KEY: FORMAT,
        _MANIFEST_KEY: manifest.to_bytes(),
        _CODEC_KEY: base64.b64encode(codec.to_bytes()) if codec else b"",
        _CONFIDENCE_KEY: base64.b64encode(confidence),
    }


def read_metadata(
    file: Path, told: dict[bytes, bytes] | None
) -> tuple[Manifest, TokenCodec | None, bytes]:
    """Read what ``metadata`` wrote.

    Raises:
        IndexStoreError: it is something else, or of another format.
    """
    if not told or _FORMAT_KEY not in told:
        raise not_an_export(file, "it has no metadata of qasearch")
    if told[_FORMAT_KEY] != FORMAT:
        version = told[_FORMAT_KEY].decode("ascii", "replace")
        raise not_an_export(file, f"its format is {version:.20}, not {FORMAT.decode()}")
    try:
        manifest = Manifest.from_bytes(told[_MANIFEST_KEY])
        codec = base64.b64decode(told[_CODEC_KEY], validate=True)
        confidence = base64.b64decode(told[_CONFIDENCE_KEY], validate=True)
        return manifest, TokenCodec.from_bytes(codec) if codec else None, confidence
    except UnreadableFormatError as error:
        raise not_an_export(file, f"its index has format {error}, which is not ours") from error
    except (KeyError, ValueError, binascii.Error) as error:
        raise not_an_export(file, f"its metadata are damaged: {error}") from error


def not_an_export(file: Path, reason: str) -> IndexStoreError:
    """The error for what cannot be read as a file of an export."""
    return IndexStoreError(
        file,
        f"{file} is not what `qasearch export` writes: {reason}.",
        hint="Name the folder of a whole export; make another with `qasearch export FOLDER`.",
    )
