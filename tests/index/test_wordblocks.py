"""Words in blocks: found as if they were one, copied where they are the same."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.index import Files, Generation, KeptRows, wordblocks
from qasearch.index.archive import members, pack
from qasearch.index.lexical import LexicalIndex
from qasearch.index.wordblocks import NewBlock, block_starts, write_lexical, written_blocks
from tests.index.stores import article, body_of, build, writer_for

TEXTS = [
    "tide moon",
    "bread and the tide",
    "moon moon moon",
    "",
    "the tide, the tide, the moon and bread",
    "bread",
    "tide moon",
]
"""The first and the last score alike, and lie in different blocks."""


def written(path: Path, *cuts: int) -> bytes:
    bounds = pairwise([0, *cuts, len(TEXTS)])
    blocks = [NewBlock(TEXTS[first:stop], stop - first) for first, stop in bounds]
    write_lexical(Files(), path, blocks)
    return path.read_bytes()


@pytest.mark.parametrize("cuts", [(3,), (1, 2, 3, 4, 5, 6), (0, 4), (4, 7)])
def test_blocks_are_searched_as_one(tmp_path, cuts):
    one = LexicalIndex(written(tmp_path / "one.tar"))
    many = LexicalIndex(written(tmp_path / "many.tar", *cuts))
    assert many.rows == len(TEXTS)
    assert many.inverse_frequencies(["tide", "bread"]).tolist() == (
        one.inverse_frequencies(["tide", "bread"]).tolist()
    )
    for terms in (["tide"], ["moon"], ["bread", "moon"], ["tide", "moon", "bread"]):
        for k in range(1, len(TEXTS) + 1):
            found, expected = many.search(terms, k), one.search(terms, k)
            assert found[0].tobytes() == expected[0].tobytes()
            assert found[1].tolist() == expected[1].tolist()
    assert many.search(["moon"], 7)[1].tolist() == [2, 0, 6, 4]


def test_what_is_copied_is_what_would_be_written(tmp_path):
    data = written(tmp_path / "written.tar", 3, 5)
    known = written_blocks(data)
    assert [*known] == [(0, 3), (3, 5), (5, 7)]
    write_lexical(Files(), tmp_path / "copied.tar", known.values())
    assert (tmp_path / "copied.tar").read_bytes() == data
    # One more text at the head: the rows of all others are new, their bytes are not.
    mixed = [NewBlock(["new"], 1), known[0, 3], NewBlock(TEXTS[3:5], 2), known[5, 7]]
    write_lexical(Files(), tmp_path / "mixed.tar", mixed)
    found = LexicalIndex((tmp_path / "mixed.tar").read_bytes())
    assert found.search(["moon"], 7)[1].tolist() == [3, 1, 7, 5]
    assert found.search(["new"], 7)[1].tolist() == [0]


def test_what_another_version_wrote_is_not_copied(tmp_path):
    def older() -> list[tuple[str, bytes]]:
        contents = dict(members(written(tmp_path / "new.tar", 3)))
        meta = json.loads(contents["meta.json"])
        assert meta["payload"].startswith("qasearch ")
        changed = {**meta, "payload": meta["payload"].replace("tantivy ", "tantivy 0.")}
        return [*{**contents, "meta.json": json.dumps(changed).encode()}.items()]

    pack(Files(), tmp_path / "old.tar", older())
    data = (tmp_path / "old.tar").read_bytes()
    assert written_blocks(data) == {}
    assert LexicalIndex(data).search(["moon"], 1)[1].tolist() == [2]


@pytest.mark.parametrize("articles", [0, 1, 1_999])
def test_few_articles_are_one_block(articles):
    assert block_starts([str(n) for n in range(articles)]) == [0]


@given(st.integers(2_000, 30_000))
def test_blocks_are_about_equal(articles):
    starts = block_starts([f"{n:06}" for n in range(articles)])
    assert len(starts) == min(6, articles // 1_000)
    for first, stop in pairwise([*starts, articles]):
        assert 0.49 < (stop - first) * len(starts) / articles < 1.51


def test_an_article_more_or_less_moves_hardly_a_block():
    ids = [f"{n:06}" for n in range(9_000)]
    before = {ids[start] for start in block_starts(ids)}
    for at in range(100, 9_000, 1_000):
        for edited in (ids[:at] + ids[at + 1 :], [*ids[:at], f"{ids[at - 1]}a", *ids[at:]]):
            after = {edited[start] for start in block_starts(edited)}
            assert len(before - after) <= 1


def test_only_the_blocks_of_edits_are_written_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(wordblocks, "ARTICLES_A_BLOCK", 20)
    articles = [article(f"a{n:03}", f"Who is {n}?", f"The body of {n}.") for n in range(161)]
    build(tmp_path / "index", articles)
    edited = article("a090", "Who is 90?", "Another body.", "And one more.")
    asked: list[str] = []

    def noted(question: str, *rest: object) -> str:
        asked.append(question)
        return body_of(question, *rest)

    with (
        Generation.open(tmp_path / "index") as parent,
        writer_for(tmp_path / "index") as writer,
    ):
        writer.write_passages([KeptRows(parent, 1, 90), edited, KeptRows(parent, 91, 161)])
        writer.write_lexical(noted)
        (written_now,) = tmp_path.glob("index/gen-0000000002-*/lexical.tar")
        data = written_now.read_bytes()
    articles[90] = edited
    build(tmp_path / "fresh", articles[1:])
    with Generation.open(tmp_path / "fresh") as fresh:
        assert data == fresh.lexical_bytes()
        assert len(written_blocks(data)) == 6
    assert {*asked} == {f"Who is {n}?" for n in (*range(1, 27), *range(84, 106))}
