"""A manifest comes back as written; whatever else comes is refused in words."""

import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qasearch.index.files import FileDigest
from qasearch.index.manifest import (
    DATA_FILES,
    Counts,
    EmbedderIdentity,
    Manifest,
    UnreadableFormatError,
)

MANIFEST = Manifest(
    generation="gen-0000000042-9f3c1a7e",
    created="2025-03-01T12:00:00+00:00",
    tool="0.1.0",
    embedder=EmbedderIdentity("tiny", "tiny-64", 64),
    splitter="1",
    counts=Counts(3, 7, 3, 40),
    corpus="c" * 64,
    parent="gen-0000000041-00000000",
    files={name: FileDigest(1_000, "a" * 64) for name in DATA_FILES},
)


def changed(*path: str, to: object) -> bytes:
    """The manifest with one field changed; a field changed to ``...`` is left out."""
    manifest = json.loads(MANIFEST.to_bytes())
    group = manifest
    for name in path[:-1]:
        group = group[name]
    if to is ...:
        del group[path[-1]]
    else:
        group[path[-1]] = to
    return json.dumps(manifest).encode()


@pytest.mark.parametrize("parent", [None, "gen-0000000041-00000000"])
def test_a_manifest_comes_back(parent):
    manifest = replace(MANIFEST, parent=parent)
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


def test_what_it_says_can_be_read_by_people():
    assert json.loads(MANIFEST.to_bytes())["files"]["vectors.npy"] == {
        "bytes": 1_000,
        "sha256": "a" * 64,
    }
    assert json.loads(MANIFEST.to_bytes())["format"] == "4.0"


FIELDS = [
    ("generation",),
    ("created",),
    ("tool",),
    ("embedder",),
    ("splitter",),
    ("counts",),
    ("corpus",),
    ("parent",),
    ("files",),
    ("format",),
    ("embedder", "name"),
    ("embedder", "dim"),
    ("counts", "articles"),
    ("counts", "tokens"),
    ("files", "vectors.npy"),
    ("files", "vectors.npy", "bytes"),
    ("files", "vectors.npy", "sha256"),
]


TEXTS = [("created",), ("tool",), ("splitter",), ("embedder", "name")]


@pytest.mark.parametrize("path", FIELDS, ids=".".join)
@pytest.mark.parametrize(
    "value", [..., [], {}, True, -1, 1.5, 1.0, 10**400, "\ud800"], ids=lambda value: repr(value)[:9]
)
def test_a_field_of_another_type_is_refused(path, value):
    with pytest.raises(ValueError):
        Manifest.from_bytes(changed(*path, to=value))


@pytest.mark.parametrize("path", [path for path in FIELDS if path not in TEXTS], ids=".".join)
@pytest.mark.parametrize("value", ["../x", "/etc/passwd", "", "gen-0000000042-9f3c1a7e\n"])
def test_a_text_of_another_form_is_refused(path, value):
    with pytest.raises(ValueError):
        Manifest.from_bytes(changed(*path, to=value))


@pytest.mark.parametrize(
    "path",
    [("more",), ("embedder", "more"), ("counts", "more"), ("files", "../../etc/passwd")],
    ids=".".join,
)
def test_an_unknown_field_is_refused_unless_a_newer_minor_says_it(path):
    with pytest.raises(ValueError, match="unknown field"):
        Manifest.from_bytes(changed(*path, to={"bytes": 1, "sha256": "a" * 64}))
    newer = changed(*path, to=[1]).replace(b'"4.0"', b'"4.7"')
    assert Manifest.from_bytes(newer) == replace(MANIFEST, format="4.7")


@pytest.mark.parametrize("version", ["3.0", "5.0", "0.9", "40.0"])
def test_another_major_is_told_apart(version):
    with pytest.raises(UnreadableFormatError, match=version):
        Manifest.from_bytes(changed("format", to=version))
    with pytest.raises(UnreadableFormatError, match=version):  # whatever else it says
        Manifest.from_bytes(json.dumps({"format": version}).encode())


@pytest.mark.parametrize("version", ["4", "4.0.0", "two", " 4.0", "4.0\n", "4.-1", "\u0664.0"])
def test_a_strange_version_is_refused(version):
    with pytest.raises(ValueError, match="format"):
        Manifest.from_bytes(changed("format", to=version))


HOSTILE = {
    "empty": b"",
    "not UTF-8": MANIFEST.to_bytes().replace(b"tiny", b"\xff"),
    "UTF-16": MANIFEST.to_bytes().decode().encode("utf-16"),
    "a list": b"[]",
    "null": b"null",
    "deep": b'{"format": ' + b"[" * 100_000,
    "deep and closed": b'{"format": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "more than 16 MiB": b" " * (16 << 20) + MANIFEST.to_bytes(),
    "twice": MANIFEST.to_bytes().replace(b'"tool"', b'"tool": "x", "tool"'),
    "twice below": MANIFEST.to_bytes().replace(b'"dim"', b'"dim": 64, "dim"'),
    "NaN": MANIFEST.to_bytes().replace(b": 64", b": NaN"),
    "Infinity": MANIFEST.to_bytes().replace(b": 64", b": Infinity"),
    "5,000 digits": MANIFEST.to_bytes().replace(b": 64", b": " + b"9" * 5_000),
    "truncated": MANIFEST.to_bytes()[:-20],
    "more after the end": MANIFEST.to_bytes() + b"{}",
    "BOM": b"\xef\xbb\xbf" + MANIFEST.to_bytes(),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_hostile_is_refused(data):
    with pytest.raises(ValueError):
        Manifest.from_bytes(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values),
    max_leaves=5,
)


@given(st.sampled_from(FIELDS), VALUES)
@example(("counts",), {"articles": 3, "passages": 7, "questions": 3, "tokens": 0})
def test_any_value_is_taken_exactly_or_refused(path, value):
    data = changed(*path, to=value)
    try:
        manifest = Manifest.from_bytes(data)
    except (ValueError, UnreadableFormatError):
        return
    assert json.loads(manifest.to_bytes()) == json.loads(data)


@given(st.binary(max_size=50))
def test_any_bytes_are_refused(data):
    with pytest.raises(ValueError):
        Manifest.from_bytes(data)
