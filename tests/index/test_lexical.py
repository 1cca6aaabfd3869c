"""The index of words: its order and its scores worked out by hand, and what is hostile refused."""

import gc
import io
import math
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qasearch.errors import IndexDamagedError, IndexWriteError
from qasearch.index import Files, Generation
from qasearch.index.lexical import LexicalIndex
from qasearch.index.wordblocks import NewBlock, write_lexical
from tests.index.stores import build

K1, B = 1.2, 0.75
"""Those of tantivy, and the usual ones."""

TEXTS = [
    "The tide rises when the moon is high.",
    "Bread: flour, water, yeast.\nThe baker bakes bread at night.",
    "Moon and tide; tide and moon. The tide, the tide!",
    "",
    "A caf\u00e9 sells bread",
    "The moons of Jupiter",
]
WORDS = [
    ["tide", "rise", "when", "moon", "high"],
    ["bread", "flour", "water", "yeast", "baker", "bake", "bread", "night"],
    ["moon", "tide", "tide", "moon", "tide", "tide"],
    [],
    ["cafe", "sell", "bread"],
    ["moon", "jupit"],
]
"""Of each text: without stop words, in lower case, stemmed, accents gone."""


def written(path: Path, texts: list[str]) -> bytes:
    write_lexical(Files(), path, [NewBlock(texts, len(texts))])
    return path.read_bytes()


def made(texts: list[str]) -> LexicalIndex:
    with tempfile.TemporaryDirectory() as folder:
        return LexicalIndex(written(Path(folder) / "lexical.tar", texts))


class LateFiles(Files):
    """Into the first folder that it removes a lock is put at the last moment, as tantivy may."""

    late = 0

    def remove_folder(self, path: Path) -> None:
        if self.late < 1:
            self.late += 1
            (path / ".tantivy-meta.lock").touch()
        super().remove_folder(path)


@pytest.fixture(scope="module")
def index() -> LexicalIndex:
    return made(TEXTS)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return written(tmp_path_factory.mktemp("lexical") / "lexical.tar", TEXTS)


def idf(term: str, texts: list[list[str]]) -> float:
    holding = sum(term in text for text in texts)
    return math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))


def by_hand(terms: list[str], texts: list[list[str]]) -> list[tuple[float, int]]:
    """(score, row) of the texts that hold a term, best first, by the formula of BM25."""
    mean = sum(map(len, texts)) / len(texts)
    scores: Counter[int] = Counter()
    for term in terms:
        weight = idf(term, texts)
        for row, text in enumerate(texts):
            if times := text.count(term):
                length = 1 - B + B * len(text) / mean
                scores[row] += weight * times * (K1 + 1) / (times + K1 * length)
    return sorted(((score, row) for row, score in scores.items()), key=lambda p: (-p[0], p[1]))


@pytest.mark.parametrize(("text", "terms"), list(zip(TEXTS, WORDS, strict=True)))
def test_words_are_stemmed_in_lower_case_and_stop_words_left_out(index, text, terms):
    assert index.terms(text) == terms


@pytest.mark.parametrize(
    "query",
    ["tide", "the tide and the moon", "who bakes bread", "moons", "Jupiter at night", "caf\u00e9s"],
)
def test_order_and_scores_are_those_of_the_formula(index, query):
    scores, rows = index.search(index.terms(query), 10)
    expected = by_hand(index.terms(query), WORDS)
    assert rows.tolist() == [row for _, row in expected]
    np.testing.assert_allclose(scores, [score for score, _ in expected], rtol=1e-6)
    assert (scores.dtype, rows.dtype) == (np.float32, np.int64)


def test_a_score_worked_out_in_full(index):
    """Of 6 texts 2 hold ``bread``; that of the cafe has 3 words of 24, so the mean is 4."""
    scores, rows = index.search(["bread"], 1)
    idf = math.log(1 + (6 - 2 + 0.5) / (2 + 0.5))
    assert rows.tolist() == [4]
    assert scores[0] == pytest.approx(idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 4)), rel=1e-6)


def test_a_term_asked_for_twice_weighs_twice(index):
    scores, rows = index.search(["bread", "moon", "bread"], 10)
    expected = by_hand(["bread", "moon", "bread"], WORDS)
    assert rows.tolist() == [row for _, row in expected]
    np.testing.assert_allclose(scores, [score for score, _ in expected], rtol=1e-6)
    once, twice = index.search(["bread"], 10), index.search(["bread", "bread"], 10)
    np.testing.assert_array_equal(twice[1], once[1])
    np.testing.assert_allclose(twice[0], 2 * once[0], rtol=1e-6)


@pytest.mark.parametrize("copies", [3, 700])
@pytest.mark.parametrize(("query", "holding"), [("tide", 1), ("the moon and the tide of night", 2)])
def test_equal_texts_tie_to_the_last_bit_by_ascending_row(copies, query, holding):
    """Beside ``holding`` other texts with a word of the query."""
    index = made(["night falls", *["moon and tide, tide"] * copies, "a longer word on the tide"])
    for k in (2, copies, copies + holding):
        scores, rows = index.search(index.terms(query), k)
        assert len(rows) == k
        ties = (rows > 0) & (rows <= copies)
        assert rows[ties].tolist() == list(range(1, 1 + sum(ties)))
        assert len({*scores[ties].tolist()}) == 1


def test_fewer_hits_than_all_are_the_best_of_all():
    """Among many texts too, of which whole blocks are passed over unread."""
    words = [f"w{n}" for n in range(40)]
    random = np.random.default_rng(3)
    chosen = [
        [words[w] for w in random.integers(0, 40, random.integers(1, 20))] for _ in range(4_000)
    ]
    index = made([" ".join(text) for text in chosen])
    for terms in (["w1"], ["w2", "w3"], ["w4", "w5", "w6", "w7", "w8", "w4"], [*words, "w0"]):
        scores, rows = index.search(terms, 5_000)
        expected = by_hand(terms, chosen)
        assert sorted(rows.tolist()) == sorted(row for _, row in expected)
        np.testing.assert_allclose(scores, [score for score, _ in expected], rtol=1e-5)
        for k in (1, 10, 100, 1_000):
            some_scores, some_rows = index.search(terms, k)
            np.testing.assert_array_equal(some_rows, rows[:k])
            np.testing.assert_array_equal(some_scores, scores[:k])


@pytest.mark.parametrize("query", ["", " ", "the", "to be or not to", "?!", "\u0301", "\0\x1b[2J"])
def test_what_has_no_words_finds_nothing(index, query):
    terms = index.terms(query)
    scores, rows = index.search([term for term in terms if term not in ("2j",)], 5)
    assert (scores.shape, rows.shape) == ((0,), (0,))
    assert (scores.dtype, rows.dtype) == (np.float32, np.int64)


def test_unknown_words_find_nothing_and_do_no_harm(index):
    assert index.search(["zebra"], 5)[1].tolist() == []
    with_them = index.search(["zebra", "tide", "yonder"], 5)
    np.testing.assert_array_equal(with_them, index.search(["tide"], 5))


@pytest.mark.parametrize("spelling", ["caf\u00e9", "cafe\u0301", "CAFE\u0301", "cafe", "Caf\u00c9"])
@pytest.mark.parametrize("stored", ["na\u00efve caf\u00e9", "nai\u0308ve cafe\u0301"])
def test_accents_do_not_matter_however_they_are_composed(spelling, stored):
    index = made(["tea", stored])
    assert index.terms(spelling) == ["cafe"]
    assert index.search(index.terms(spelling), 5)[1].tolist() == [1]


@pytest.mark.parametrize(
    "query",
    [
        "tide AND bread",
        "+tide -bread",
        '"tide bread"~2',
        "text:tide bread*",
        "row:1 tide bread",
        "tide^9 bread",
        "NOT tide bread",
        "(tide OR [bread TO zoo])",
        "tide' OR 1=1; DROP TABLE bread --",
        "tide\0bread",
        "\u202etide \u200bbread",
        "*:* tide %bread%",
    ],
)
def test_operators_are_only_words(index, query):
    """Whatever is asked, ``tide`` and ``bread`` find what they find; none is a must or left out."""
    terms = index.terms(query)
    assert {"tide", "bread"} <= {*terms}
    others = [term for term in terms if term not in ("tide", "bread")]
    assert not {*others} & {word for text in WORDS for word in text}
    np.testing.assert_array_equal(
        index.search(terms, 5), index.search([t for t in terms if t in ("tide", "bread")], 5)
    )
    assert {*index.search(terms, 5)[1].tolist()} == {0, 1, 2, 4}


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_text_is_asked_without_harm(index, text):
    terms = index.terms(text)
    scores, rows = index.search(terms, 3)
    assert np.all(np.isfinite(scores))
    assert np.all(np.diff(scores) <= 0)
    assert {*rows.tolist()} <= {*range(len(TEXTS))}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_text_is_found_by_its_words(given_texts):
    index = made(given_texts)
    assert index.rows == len(given_texts)
    for row, text in enumerate(given_texts):
        if terms := index.terms(text):
            assert row in index.search(terms, index.rows)[1]


def test_a_lone_surrogate_is_no_word(index):
    assert index.terms("tide \ud800 moon") == ["tide", "moon"]


def test_a_word_of_40_letters_is_left_out_on_both_sides():
    long, longest = "a" * 40, "b" * 39
    index = made([f"{long} tide", f"{longest} tide"])
    assert index.terms(f"{long} {longest}") == [longest]
    assert index.search([longest], 5)[1].tolist() == [1]


@pytest.mark.parametrize("k", [0, -1])
def test_less_than_one_hit_is_refused(index, k):
    for terms in (["tide"], []):
        with pytest.raises(ValueError, match="k must be at least 1"):
            index.search(terms, k)


def test_rarer_terms_weigh_more(index):
    terms = ["moon", "tide", "jupit", "zebra"]
    found = index.inverse_frequencies(terms)
    np.testing.assert_allclose(found, [idf(term, WORDS) for term in terms], rtol=1e-6)
    assert (found.dtype, found[0]) == (np.float32, pytest.approx(math.log(2)))
    assert np.all(np.diff(found) > 0)
    assert index.inverse_frequencies([]).shape == (0,)


def test_no_texts():
    index = made([])
    assert index.rows == 0
    assert index.search(["tide"], 3)[1].shape == (0,)
    np.testing.assert_allclose(index.inverse_frequencies(["tide"]), math.log(2), rtol=1e-6)


def test_equal_texts_give_equal_bytes(tmp_path):
    many = [f"{TEXTS[n % 3]} number {n}" for n in range(2_000)]
    one, two, other = (
        written(tmp_path / str(n), chosen) for n, chosen in enumerate([many, many, many[::-1]])
    )
    assert one == two
    assert one != other


def test_no_folder_is_left_when_it_is_written_or_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    index = LexicalIndex(written(tmp_path / "lexical.tar", TEXTS))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["lexical.tar", "tmp"]
    assert index.search(["tide"], 1)[1].tolist() == [2]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_more_or_fewer_texts_than_said_are_refused(tmp_path, count):
    with pytest.raises(ValueError, match=f"words of 2 texts were announced, not of {count}"):
        write_lexical(Files(), tmp_path / "lexical.tar", [NewBlock(["tide"] * count, 2)])
    assert list(tmp_path.iterdir()) == []


def test_a_file_or_a_folder_in_the_way_is_told(tmp_path):
    (tmp_path / "lexical.tmp").mkdir()
    with pytest.raises(IndexWriteError, match=r"lexical\.tmp: File exists"):
        written(tmp_path / "lexical.tar", TEXTS)
    (tmp_path / "lexical.tmp").rmdir()
    (tmp_path / "lexical.tar").write_bytes(b"precious")
    with pytest.raises(IndexWriteError, match=r"lexical\.tar: File exists"):
        written(tmp_path / "lexical.tar", TEXTS)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("lexical.tar", b"precious")]


@pytest.mark.parametrize("size", [0, 10, 100, 500, 3_000, 9_000])
def test_a_disk_that_fills_is_told_and_no_folder_stays(tmp_path, size):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        with pytest.raises(IndexWriteError, match="File too large"):
            written(tmp_path / "lexical.tar", [f"tide {n}" for n in range(3_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] in ([], ["lexical.tar"])


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def archive(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


SEGMENT = f"{1:032x}"
HOSTILE = {
    "nothing": b"",
    "no archive": b"something else" * 100,
    "zeros": bytes(10_240),
    "no members": archive(),
    "above": archive(member("../escaped", b"x")),
    "absolute": archive(member("/tmp/qasearch-escaped", b"x")),
    "a folder below": archive(member(f"below/{SEGMENT}.idx", b"x")),
    "another name": archive(member("escaped", b"x")),
    "two lines": archive(member("meta.json\n", b"{}")),
    "a name by PAX": archive(
        member("meta.json", b"{}", pax_headers={"path": "../escaped"}), form=tarfile.PAX_FORMAT
    ),
    "a link": archive(member("meta.json", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "a hard link": archive(member("meta.json", type=tarfile.LNKTYPE, linkname="../escaped")),
    "a folder": archive(member(f"{SEGMENT}.idx", type=tarfile.DIRTYPE)),
    "a fifo": archive(member("meta.json", type=tarfile.FIFOTYPE)),
    "a device": archive(member("meta.json", type=tarfile.CHRTYPE, devmajor=1, devminor=5)),
    "a sparse terabyte": archive(member("meta.json", type=tarfile.GNUTYPE_SPARSE)),
    "a size that is not there": member("meta.json", size=1 << 40)[0].tobuf(tarfile.GNU_FORMAT),
    "no index": archive(member("meta.json", b"{}")),
    "no JSON": archive(member("meta.json", b"\xff" * 100)),
    "deep JSON": archive(member("meta.json", b"[" * 100_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_writes_nothing_outside(tmp_path, monkeypatch, name):
    (tmp_path / "tmp" / "deep").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp" / "deep"))
    with pytest.raises(ValueError):
        LexicalIndex(HOSTILE[name])
    gc.collect()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deep", "tmp"]
    assert not Path("/tmp/qasearch-escaped").exists()


def test_an_index_without_a_part_is_refused(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = [(info, tar.extractfile(info).read()) for info in tar]
    assert LexicalIndex(archive(*members)).rows == len(TEXTS)
    for left_out, (info, _) in enumerate(members):
        if not info.name.endswith(".pos"):  # of positions, which are none
            with pytest.raises(ValueError):
                LexicalIndex(archive(*members[:left_out], *members[left_out + 1 :]))


def test_a_truncated_index_is_refused(data):
    end = len(data.rstrip(b"\0"))
    for size in range(0, end, 97):
        with pytest.raises(ValueError):
            LexicalIndex(data[:size])


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=2_000))
def test_any_bytes_are_refused(given_bytes):
    with pytest.raises(ValueError):
        LexicalIndex(given_bytes)


def test_a_panic_of_tantivy_is_a_refusal(data):
    """Opening reads many of the bytes; where it trips over one, that is an error like any other."""
    refused = 0
    for at in range(0, len(data), 37):
        try:
            LexicalIndex(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        except ValueError:
            refused += 1
    assert refused > len(data) / 37 / 3


@pytest.mark.parametrize("place", ["nowhere", "file"])
def test_without_a_temporary_folder_that_is_told(data, tmp_path, monkeypatch, place):
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / place))
    with pytest.raises(IndexWriteError, match=f"{place}/qasearch-.*: No") as caught:
        LexicalIndex(data)
    assert "TMPDIR" in caught.value.hint


def test_a_temporary_folder_that_is_full_is_told_by_an_index_too(tmp_path):
    build(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(IndexWriteError, match=r"qasearch-.*File too large") as caught:
            Generation.open(tmp_path, pinned=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not isinstance(caught.value, IndexDamagedError)
    assert "TMPDIR" in caught.value.hint
    Generation.open(tmp_path).close()


FEW_FILES = """
import resource, sys
from pathlib import Path
from qasearch.errors import IndexWriteError
from qasearch.index.lexical import LexicalIndex
data = Path(sys.argv[1]).read_bytes()
LexicalIndex(data)
told = 0
while True:
    resource.setrlimit(resource.RLIMIT_NOFILE, (3 + told, 64))
    try:
        LexicalIndex(data)
    except IndexWriteError as error:
        assert error.cause.errno == 24, error
        told += 1
    else:
        break
sys.exit(0 if told else "no error")
"""


def test_too_many_open_files_are_not_taken_for_damage(tmp_path, data):
    (tmp_path / "lexical.tar").write_bytes(data)
    command = [sys.executable, "-c", FEW_FILES, str(tmp_path / "lexical.tar")]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run(command, check=True, timeout=60, env=environment)


def test_several_are_open_at_once(data):
    one, other, again = LexicalIndex(data), made(["bread and tide"]), LexicalIndex(data)
    assert other.search(["tide"], 5)[1].tolist() == [0]
    for index in (one, again):
        assert index.search(["tide"], 5)[1].tolist() == [2, 0]
    del one
    assert again.search(["bread"], 5)[1].tolist() == [4, 1]


def test_threads_may_share_one(index):
    queries = ["the tide and the moon", "who bakes bread", "Jupiter at night", "caf\u00e9"] * 50

    def ask(query: str) -> list[list[float]]:
        return [found.tolist() for found in index.search(index.terms(query), 5)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, queries)) == [ask(query) for query in queries]


FORKED = """
import os, sys
from pathlib import Path
from qasearch.index.lexical import LexicalIndex
index = LexicalIndex(Path(sys.argv[1]).read_bytes())
expected = index.search(index.terms("tides"), 5)[1].tolist()
if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
same = index.search(index.terms("tides"), 5)[1].tolist() == expected == [2, 0]
anew = LexicalIndex(Path(sys.argv[1]).read_bytes()).search(["bread"], 5)[1].tolist() == [4, 1]
os._exit(0 if same and anew else 1)
"""


def test_a_forked_process_asks_on(tmp_path, data):
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    (tmp_path / "lexical.tar").write_bytes(data)
    command = [sys.executable, "-c", FORKED, str(tmp_path / "lexical.tar")]
    subprocess.run(command, check=True, timeout=60)


def test_a_late_lock_of_tantivy_is_removed_too(tmp_path):
    files = LateFiles()
    write_lexical(files, tmp_path / "lexical.tar", [NewBlock(TEXTS, len(TEXTS))])
    assert files.late == 1
    assert [path.name for path in tmp_path.iterdir()] == ["lexical.tar"]
