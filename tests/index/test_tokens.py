"""Codes of tokens: what they keep, and how passages match by them, held against plain numpy."""

from struct import pack

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.index import TokenCodec, TokenStore
from qasearch.index.tokens import KEPT_DIM
from tests.tiny import TinyTokenEmbedder

TINY = TinyTokenEmbedder(dim=64)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def scattered(rows: int, dim: int, *, rank: int, seed: int = 1) -> np.ndarray:
    """Unit rows in a subspace, more along some of its directions, the same every time."""
    random = np.random.default_rng(seed)
    frame = np.linalg.qr(np.random.default_rng(5).normal(size=(dim, rank)))[0]
    return unit(random.normal(size=(rows, rank)) * np.linspace(1, 3, rank) @ frame.T)


CODECS = {bits: TokenCodec.fit([scattered(2_000, 64, rank=64)], bits) for bits in (2, 4)}
each_bits = pytest.mark.parametrize("bits", [2, 4])


@each_bits
def test_a_codec_comes_back(bits):
    codec = CODECS[bits]
    again = TokenCodec.from_bytes(codec.to_bytes())
    assert (again.bits, again.width, again.to_bytes()) == (bits, 8 * bits, codec.to_bytes())
    np.testing.assert_array_equal(again.basis, codec.basis)
    tokens = scattered(50, 64, rank=64, seed=2)
    np.testing.assert_array_equal(again.encode(tokens), codec.encode(tokens))
    np.testing.assert_array_equal(
        again.decode(again.encode(tokens)), codec.decode(codec.encode(tokens))
    )


def test_codes_are_those_worked_out_by_hand():
    """Levels are those of Max's table, for a deviation of 1/2; the lowest bits come first."""
    token = unit(np.array([[0.1, -0.1, 0.9, -0.9]]))  # 0.156, -0.156, 1.405, -1.405 deviations
    basis = np.eye(4, dtype=np.float32)
    two, four = TokenCodec(basis, 2), TokenCodec(basis, 4)
    assert two.encode(token).tolist() == [[2 | 1 << 2 | 3 << 4 | 0 << 6]]
    assert four.encode(token).tolist() == [[8 | 7 << 4, 12 | 3 << 4]]
    np.testing.assert_allclose(
        two.decode(two.encode(token)),
        np.array([[0.4528, -0.4528, 1.51, -1.51]]) / 2 / 0.8825,
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        four.decode(four.encode(token)),
        np.array([[0.1284, -0.1284, 1.256, -1.256]]) / 2 / 0.9905,
        rtol=1e-6,
    )


@pytest.mark.parametrize(("bits", "deviation"), [(2, 0.0456), (4, 0.0122)])
def test_products_are_right_on_average(bits, deviation):
    """To unrelated tokens off by what distorted levels allow: sqrt((1 / kept - 1) / 64)."""
    tokens, others = (scattered(2_000, 64, rank=64, seed=seed) for seed in (2, 3))
    share = np.linspace(0, 1, len(tokens))[:, np.newaxis]
    queries = unit((1 - share) * tokens + share * others)  # from equal to unrelated
    codec = CODECS[bits]
    decoded = codec.decode(codec.encode(tokens))
    errors = np.sum(decoded * codec.project(queries), axis=1) - np.sum(tokens * queries, axis=1)
    assert abs(errors.mean()) < 0.005
    equal, unrelated = errors[:400], errors[-400:]
    assert abs(equal.mean()) < 0.012
    assert equal.std() < 1.6 * deviation
    assert 0.8 * deviation < unrelated.std() < 1.1 * deviation


def test_what_lies_in_few_directions_is_kept_whole():
    tokens = scattered(1_500, 160, rank=100)
    codec = TokenCodec.fit([tokens], 4)
    assert codec.basis.shape == (160, KEPT_DIM)
    kept = codec.project(tokens)
    np.testing.assert_allclose(kept @ kept.T, tokens @ tokens.T, atol=1e-5)


def test_the_directions_that_hold_most_are_kept():
    random = np.random.default_rng(1)
    strengths = np.array([4.0] * KEPT_DIM + [0.1] * 64)
    codec = TokenCodec.fit([unit(random.normal(size=(3_000, KEPT_DIM + 64)) * strengths)], 2)
    held = np.linalg.norm(codec.basis, axis=1) ** 2  # of each original direction
    assert held[:KEPT_DIM].min() > 0.95
    assert held[KEPT_DIM:].max() < 0.05


@each_bits
def test_a_fit_to_the_same_tokens_is_the_same(bits):
    parts = [scattered(n, 64, rank=64, seed=n) for n in (30, 70, 200)]
    whole = [np.concatenate(parts), np.empty((0, 64), np.float32)]
    assert TokenCodec.fit(parts, bits).to_bytes() == TokenCodec.fit(whole, bits).to_bytes()


@pytest.mark.parametrize("tokens", [1, 3, 40])
def test_a_fit_to_few_tokens_keeps_their_products(tokens):
    rows = scattered(tokens, 64, rank=64)
    codec = TokenCodec.fit([rows], 4)
    kept = codec.project(rows)
    np.testing.assert_allclose(kept @ kept.T, rows @ rows.T, atol=1e-5)


def test_a_fit_looks_at_tokens_from_end_to_end():
    """Of very many, only some are taken; those that come last count as well."""
    early = np.eye(12, dtype=np.float32)[np.zeros(70_000, dtype=np.int64)]
    late = np.eye(12, dtype=np.float32)[np.full(70_000, 11)]
    codec = TokenCodec.fit([early, late], 2)
    held = np.linalg.norm(codec.basis, axis=1) ** 2
    np.testing.assert_allclose(held[[0, 11]], 1, atol=1e-5)


@each_bits
def test_no_tokens_have_no_codes(bits):
    codec = CODECS[bits]
    none = codec.encode(np.empty((0, 64), np.float32))
    assert none.shape == (0, codec.width)
    assert codec.decode(none).shape == (0, 64)


@pytest.mark.parametrize(
    ("basis", "bits"),
    [
        (np.eye(8), 3),
        (np.eye(8), 8),
        (np.eye(8)[:, :6], 2),
        (np.empty((8, 0)), 2),
        (np.eye(8)[0], 2),
        (np.eye(8) * 1.01, 2),
        (np.ones((8, 8)), 2),
        (np.full((8, 8), np.nan), 2),
        (np.full((8, 8), 1e38), 2),
        (np.full((8, 8), np.inf), 4),
    ],
)
def test_what_is_no_basis_is_refused(basis, bits):
    basis = basis.astype(np.float32)
    with pytest.raises(ValueError, match=r"basis"):
        TokenCodec(basis, bits)
    if basis.ndim == 2:
        data = pack("<4sIIB", b"qtok", *basis.shape, bits) + basis.tobytes()
        with pytest.raises(ValueError, match=r"basis"):
            TokenCodec.from_bytes(data)


def test_tokens_of_too_few_numbers_are_refused():
    with pytest.raises(ValueError, match="basis"):
        TokenCodec.fit([np.eye(3, dtype=np.float32)], 2)


def test_bytes_that_are_no_codec_are_refused():
    whole = CODECS[2].to_bytes()
    for data in (whole[:-1], whole + b"\0", whole[:13], whole[:12], b"qtoc" + whole[4:]):
        with pytest.raises(ValueError, match="codec"):
            TokenCodec.from_bytes(data)
    # A size of 2**32 - 1 by 2**32 - 1.
    with pytest.raises(ValueError, match="codec"):
        TokenCodec.from_bytes(whole[:4] + b"\xff" * 8 + whole[12:])


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"qtok" + data))
def test_any_bytes_are_refused(data):
    with pytest.raises(ValueError):
        TokenCodec.from_bytes(data)


QUESTION_WORDS = ["kites fly", "", "bread oven", ""]
PASSAGE_WORDS = [
    ["wind lifts the sail", "a string", "", "kites and wind and sail"],
    ["springs feed brooks"],
    [],
    ["", "the"],
]
"""Texts of four articles. One has no words in its question, one no passage, one no word at all."""


def tiny_store(bits: int) -> tuple[TokenStore, list[list[np.ndarray]]]:
    """A store of them; and of each article the codes of its question and its passages."""
    rows = [
        TINY.embed_passage_tokens([question, *passages])[1]
        for question, passages in zip(QUESTION_WORDS, PASSAGE_WORDS, strict=True)
    ]
    codec = TokenCodec.fit([tokens for texts in rows for tokens in texts], bits)
    codes = [[codec.encode(tokens) for tokens in texts] for texts in rows]
    flat = [text for texts in codes for text in texts]
    store = TokenStore(
        np.concatenate(flat),
        np.cumsum([0, *map(len, flat)]),
        np.cumsum([0, *map(len, PASSAGE_WORDS)]),
        codec,
    )
    return store, codes


STORES = {bits: tiny_store(bits) for bits in (2, 4)}


def query(text: str) -> np.ndarray:
    return TINY.embed_query_tokens([text])[1][0]


def by_numpy(bits: int, tokens: np.ndarray, rows: list[int]) -> tuple[list[list[float]], list[int]]:
    """The best of all products with the tokens of the passage and of its question, one by one."""
    store, codes = STORES[bits]
    texts = [
        np.concatenate([question, passage]) for question, *passages in codes for passage in passages
    ]
    asked = store.codec.project(tokens)
    best = [
        [max((float(d @ q) for d in store.codec.decode(texts[row])), default=0.0) for q in asked]
        for row in rows
    ]
    return best, [len(texts[row]) for row in rows]


@each_bits
@pytest.mark.parametrize(
    "rows", [[0, 1, 2, 3, 4, 5, 6], [3], [2], [6, 5], [4, 0, 0, 3, 4]], ids=str
)
@pytest.mark.parametrize("text", ["wind in the sail of kites", "springs", "nothing of this"])
def test_each_token_matches_the_best_of_the_passage_and_its_question(bits, rows, text):
    matches, counts = STORES[bits][0].matches(query(text), np.array(rows))
    expected, expected_counts = by_numpy(bits, query(text), rows)
    np.testing.assert_allclose(matches, expected, atol=1e-6)
    assert counts.tolist() == expected_counts
    assert matches.dtype == np.float32


def test_words_that_are_there_match_at_nearly_1():
    matches, counts = STORES[4][0].matches(query("kites wind brooks"), np.arange(7))
    there = [[1, 1, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_array_equal(matches > 0.7, there)
    np.testing.assert_allclose(matches[matches > 0.7], 1, atol=0.06)
    assert counts.tolist() == [5, 3, 2, 5, 3, 0, 0]


def test_without_tokens_nothing_matches():
    matches, counts = STORES[2][0].matches(query("wind"), np.array([5, 6]))
    assert matches.tolist() == [[0], [0]]
    assert counts.tolist() == [0, 0]


def test_a_cosine_below_0_is_not_taken_for_none():
    """Passages have tokens that are all unlike: their best is below 0, not 0."""
    codec = CODECS[4]
    tokens = scattered(1, 64, rank=64)
    store = TokenStore(codec.encode(-tokens), np.array([0, 0, 1]), np.array([0, 1]), codec)
    matches, counts = store.matches(tokens, np.array([0]))
    assert matches[0, 0] == pytest.approx(-1, abs=0.1)
    assert counts.tolist() == [1]


def test_no_rows_and_no_tokens_of_a_query():
    store = STORES[2][0]
    matches, counts = store.matches(query("wind"), np.empty(0, np.int64))
    assert (matches.shape, counts.shape) == ((0, 1), (0,))
    matches, counts = store.matches(query("the"), np.array([0, 5]))
    assert (matches.shape, counts.tolist()) == ((2, 0), [5, 0])


def test_a_match_does_not_depend_on_what_is_asked_with_it():
    store = STORES[2][0]
    together, _ = store.matches(query("wind kites sail"), np.arange(7))
    for row in range(7):
        for place, word in enumerate(["wind", "kites", "sail"]):
            alone, _ = store.matches(query(word), np.array([row]))
            assert alone[0, 0] == pytest.approx(together[row, place], abs=1e-6)


@pytest.mark.parametrize(("first", "stop"), [(a, b) for a in range(5) for b in range(a, 5)])
def test_the_codes_of_some_articles_come_out_as_they_went_in(first, stop):
    store, codes = STORES[2]
    found, sizes = store.texts(first, stop)
    flat = [text for texts in codes[first:stop] for text in texts]
    assert sizes.tolist() == [len(text) for text in flat]
    np.testing.assert_array_equal(found, np.concatenate([found[:0], *flat]))
