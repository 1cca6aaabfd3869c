"""Matrices and searches: everything is held against plain numpy."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.index import FaissIndex, Files, FlatIndex, cosines
from qasearch.index.vectors import (
    CODES_ABOVE,
    build_faiss,
    check_unit_rows,
    faiss_bytes,
    faiss_kinds,
    open_matrix,
    read_faiss,
    write_faiss,
    write_matrix,
)
from tests.tiny import TinyEmbedder

WORDS = ["salt", "tide", "moon", "bread", "oven", "kite", "wind", "sail", "river", "spring", "sea"]
TEXTS = [f"{first} {second}" for first in WORDS for second in WORDS]
TINY = TinyEmbedder(dim=32)
VECTORS = TINY.embed_passages(TEXTS)


def unit(*rows: list[float]) -> np.ndarray:
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def clusters(rows: int, dim: int) -> np.ndarray:
    """Unit rows that have neighbours: fifty around each of some centres, the same every time."""
    random = np.random.default_rng(7)
    centres = unit(*random.normal(size=(rows // 50, dim)))
    members = np.arange(rows) % len(centres)
    return unit(*(centres[members] + 0.7 * unit(*random.normal(size=(rows, dim)))))


def coded(vectors: np.ndarray) -> FaissIndex:
    """An index of codes, however few the rows, written and read back."""
    data = faiss.serialize_index(build_faiss(vectors, coded=True))
    return FaissIndex(faiss.deserialize_index(data), vectors)


@pytest.fixture(params=["flat", "faiss", "codes"])
def make_index(request, tmp_path):
    """Every kind of index, those of FAISS written and read back; one contract."""

    def over_faiss(vectors):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.faiss"
        write_faiss(Files(), path, vectors)
        index = read_faiss(path.read_bytes(), rows=vectors.shape[0], dim=vectors.shape[1])
        return FaissIndex(index, vectors)

    return {"flat": FlatIndex, "faiss": over_faiss, "codes": coded}[request.param]


def by_numpy(vectors, queries, k):
    """The k best by a stable sort of all scores in double precision, rounded to undo rounding."""
    scores = np.round(queries.astype(np.float64) @ vectors.T.astype(np.float64), 6)
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, rows, axis=1), rows


@pytest.mark.parametrize("k", [1, 3, 14, 15, 100, len(TEXTS), len(TEXTS) + 7])
def test_search_finds_what_numpy_finds(make_index, k):
    queries = TINY.embed_queries(["tide and moon", "bread oven", "wind", "salt salt sea"])
    scores, rows = make_index(VECTORS).search(queries, k)
    expected_scores, expected_rows = by_numpy(VECTORS, queries, k)
    assert rows.dtype == np.int64
    assert scores.dtype == np.float32
    assert rows.shape == scores.shape == (4, min(k, len(TEXTS)))
    np.testing.assert_array_equal(rows, expected_rows)
    np.testing.assert_allclose(scores, expected_scores, atol=2e-6)


def test_each_vector_finds_itself_first_at_1(make_index):
    vectors = unit([1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0, -1])
    scores, rows = make_index(vectors).search(vectors, 1)
    assert rows[:, 0].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(scores[:, 0], 1, atol=1e-6)


def test_opposite_is_minus_1_and_last(make_index):
    vectors = unit([-1, 0], [0, 1], [1, 0])
    scores, rows = make_index(vectors).search(unit([1, 0]), 3)
    assert rows.tolist() == [[2, 1, 0]]
    np.testing.assert_allclose(scores, [[1, 0, -1]], atol=1e-6)


@pytest.mark.parametrize("copies", [501, 4_003])
@pytest.mark.parametrize("queries", [1, 7, 30])
def test_equal_vectors_tie_to_the_last_bit_by_ascending_row(make_index, queries, copies):
    vectors = np.repeat(TINY.embed_passages(["tide moon sea", "oven"]), copies, axis=0)
    query = np.repeat(TINY.embed_queries(["tide oven oven"]), queries, axis=0)
    scores, rows = make_index(vectors).search(query, 40)
    assert rows.tolist() == [list(range(copies, copies + 40))] * queries
    assert len(np.unique(scores)) == 1


def test_a_score_depends_on_its_two_vectors_only(make_index):
    queries = TINY.embed_queries(TEXTS[:80])
    index = make_index(VECTORS)
    together = index.search(queries, 20)
    for i in range(0, 80, 9):
        alone = index.search(queries[i : i + 1], 20)
        np.testing.assert_array_equal(alone[0][0], together[0][i])
        np.testing.assert_array_equal(alone[1][0], together[1][i])


def test_many_rows_are_searched_a_block_at_a_time(make_index):
    vectors = np.tile(VECTORS, (150, 1))  # 18,150 rows: more than one block
    query = TINY.embed_queries(["river spring"])
    rows = make_index(vectors).search(query, 200)[1][0]
    np.testing.assert_array_equal(rows, by_numpy(vectors, query, 200)[1][0])


def test_equal_vectors_far_apart_tie_too(make_index):
    vectors = clusters(3_000, 64)
    vectors[[7, 1_002, 2_999]] = vectors[11]
    rows = make_index(vectors).search(vectors[11:12], 3)[1]
    assert rows.tolist() == [[7, 11, 1_002]]


def test_no_rows_give_no_hits(make_index):
    scores, rows = make_index(np.empty((0, 4), np.float32)).search(unit([1, 0, 0, 0]), 5)
    assert scores.shape == rows.shape == (1, 0)


def test_no_queries_give_no_hits(make_index):
    scores, rows = make_index(VECTORS).search(np.empty((0, 32), np.float32), 5)
    assert scores.shape == rows.shape == (0, 5)


@st.composite
def matrices(draw):
    """Rows of small whole numbers, so that ties abound, with queries among them."""
    numbers = st.integers(-2, 2)
    row = st.lists(numbers, min_size=3, max_size=3).filter(any)
    vectors = unit(*draw(st.lists(row, min_size=1, max_size=60)))
    queries = unit(*draw(st.lists(row, min_size=1, max_size=4)))
    return vectors, queries, draw(st.integers(1, 70))


@given(matrices())
def test_both_kinds_agree_to_the_last_bit(case):
    vectors, queries, k = case
    index = faiss.IndexFlatIP(3)
    index.add(vectors)
    for one, other in zip(
        FlatIndex(vectors).search(queries, k),
        FaissIndex(index, vectors).search(queries, k),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dim", [64, 384])
def test_codes_find_nearly_all_and_score_it_exactly(dim):
    vectors = clusters(10_000, dim)
    queries = unit(*(vectors[::40] + 0.1 * vectors[20::40]))
    scores, rows = coded(vectors).search(queries, 10)
    expected_scores, expected_rows = by_numpy(vectors, queries, 10)
    found = [len({*one} & {*other}) for one, other in zip(rows, expected_rows, strict=True)]
    assert sum(found) >= 0.99 * rows.size
    assert np.all(rows[:, 0] == expected_rows[:, 0])
    for i, query in enumerate(queries):
        np.testing.assert_array_equal(scores[i], cosines(vectors[rows[i]], query[np.newaxis])[0])
        assert np.all(np.diff(scores[i]) <= 0)
    np.testing.assert_allclose(scores[:, 0], expected_scores[:, 0], atol=2e-6)


def test_codes_are_asked_for_many_hits():
    vectors = clusters(10_000, 64)
    for k in (500, 3_000, 9_999, 10_000, 20_000):
        scores, rows = coded(vectors).search(vectors[:2], k)
        assert rows.shape == (2, min(k, 10_000))
        assert [len({*found}) for found in rows.tolist()] == [rows.shape[1]] * 2
        np.testing.assert_array_equal(scores, np.sort(scores)[:, ::-1])
        np.testing.assert_allclose(scores[:, 0], 1, atol=1e-6)


def test_codes_answer_threads_as_they_answer_one():
    vectors = clusters(5_000, 64)
    index = coded(vectors)
    queries = [vectors[row : row + 1] for row in range(0, 5_000, 25)]
    expected = [index.search(query, 5)[1].tolist() for query in queries]
    with ThreadPoolExecutor(4) as threads:
        found = threads.map(lambda query: index.search(query, 5)[1].tolist(), queries)
        assert list(found) == expected


@pytest.mark.parametrize("dim", [64, 384, 1_024])
def test_no_sum_of_codes_overflows(dim):
    """Signs alone are the worst case: every group of dims adds to a sum as much as it can."""
    vectors = unit(*np.sign(clusters(2_000, dim)))
    assert coded(vectors).finds_itself()


@pytest.fixture
def faiss_threads():
    """Sets how many threads FAISS uses, for one test."""
    before = faiss.omp_get_max_threads()
    yield faiss.omp_set_num_threads
    faiss.omp_set_num_threads(before)


def test_equal_vectors_give_codes_of_equal_bytes(faiss_threads):
    vectors = clusters(40_000, 64)
    written = set[bytes]()
    for threads in (1, 2):
        faiss_threads(threads)
        written.add(faiss.serialize_index(build_faiss(vectors.copy(), coded=True)).tobytes())
    assert len(written) == 1


@pytest.mark.parametrize(
    ("rows", "dim", "kind"),
    [
        (0, 384, "IndexFlatIP"),
        (20_000, 384, "IndexFlatIP"),
        (20_001, 384, "IndexRaBitQFastScan"),
        (150_000, 64, "IndexRaBitQFastScan"),
        (150_000, 63, "IndexFlatIP"),
        (150_000, 1_024, "IndexRaBitQFastScan"),
        (150_000, 1_025, "IndexFlatIP"),
    ],
)
def test_many_rows_are_coded(rows, dim, kind):
    assert faiss_kinds(rows, dim)[0] == kind


def test_codes_are_written_above_the_limit_and_read_back(tmp_path):
    vectors = clusters(CODES_ABOVE + 1, 64)
    few = vectors[:CODES_ABOVE]
    for path, rows in ((tmp_path / "many.faiss", vectors), (tmp_path / "few.faiss", few)):
        digest = write_faiss(Files(), path, rows)
        assert digest == Files().digest(path)
        assert abs(digest.bytes - faiss_bytes(*rows.shape)) < 5_000
        index = FaissIndex(read_faiss(path.read_bytes(), rows=len(rows), dim=64), rows)
        assert index.finds_itself()
        assert index.search(rows[777:778], 1)[1].tolist() == [[777]]
    assert faiss_bytes(*vectors.shape) < len(vectors) * 20
    one_too_few = faiss.serialize_index(build_faiss(few, coded=True)).tobytes()
    with pytest.raises(ValueError, match="IndexRaBitQFastScan of 20,000 x 64"):
        read_faiss(one_too_few, rows=len(few), dim=64)


def test_vectors_that_codes_confuse_stay_flat(tmp_path):
    """Three large numbers, the others next to nothing: but a sign tells as much of these."""
    random = np.random.default_rng(7)
    vectors = random.normal(scale=1e-3, size=(CODES_ABOVE + 1, 64))
    for row in vectors:
        row[random.choice(64, 3, replace=False)] = random.choice([-1, 1], 3)
    vectors = unit(*vectors)
    assert not coded(vectors).finds_itself()
    write_faiss(Files(), tmp_path / "v.faiss", vectors)
    data = (tmp_path / "v.faiss").read_bytes()
    index = FaissIndex(read_faiss(data, rows=len(vectors), dim=64), vectors)
    assert len(data) > vectors.nbytes
    assert index.search(vectors[777:778], 1)[0].tolist() == [[pytest.approx(1)]]


@pytest.mark.parametrize("is_coded", [False, True])
def test_an_index_of_other_vectors_does_not_find_itself(is_coded):
    vectors = clusters(2_000, 64)
    for others, finds in ((vectors, True), (unit(*np.roll(vectors, 1, axis=1)), False)):
        index = FaissIndex(build_faiss(others, coded=is_coded), vectors)
        assert index.finds_itself() is finds


BAD_QUERIES = {
    "NaN": np.array([[np.nan, 0]], np.float32),
    "inf": np.array([[np.inf, 0]], np.float32),
    "zero": np.zeros((1, 2), np.float32),
    "not of length 1": np.array([[3, 4]], np.float32),
    "float64": np.array([[1.0, 0.0]]),
    "three dims": np.array([[1, 0, 0]], np.float32),
    "one query flat": np.array([1, 0], np.float32),
    "not contiguous": np.asfortranarray(unit([1, 0], [0, 1], [1, 1])),
}


@pytest.mark.parametrize("queries", BAD_QUERIES.values(), ids=BAD_QUERIES.keys())
def test_bad_queries_are_refused(make_index, queries):
    with pytest.raises(ValueError, match="queries"):
        make_index(unit([1, 0], [0, 1])).search(queries, 1)


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_1_is_refused(make_index, k):
    with pytest.raises(ValueError, match=f"k must be at least 1, not {k}"):
        make_index(unit([1, 0])).search(unit([1, 0]), k)


def test_checks_work_without_asserts():
    code = """
import numpy as np
from qasearch.index import FlatIndex
vectors = np.eye(2, dtype=np.float32)
for queries in (vectors * np.nan, vectors[:, :1].copy(), vectors.astype(float)):
    try:
        FlatIndex(vectors).search(queries, 1)
    except ValueError:
        continue
    raise SystemExit(f"accepted: {queries}")
"""
    subprocess.run([sys.executable, "-O", "-c", code], check=True, timeout=60)


def test_a_forked_process_searches_on():
    code = """
import os, sys
import faiss
import numpy as np
from qasearch.index import FaissIndex
vectors = np.eye(64, dtype=np.float32)
over = faiss.IndexFlatIP(64)
over.add(vectors)
index = FaissIndex(over, vectors)
faiss.omp_set_num_threads(4)
index.search(np.tile(vectors, (100, 1)), 3)
if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os._exit(int(index.search(np.tile(vectors, (100, 1)), 3)[1][5, 0] != 5))
"""
    if not hasattr(__import__("os"), "fork"):
        pytest.skip("this system cannot fork")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_cosines_of_equal_rows_are_equal():
    rows = np.repeat(VECTORS[5:6], 1_003, axis=0)
    assert len(np.unique(cosines(rows, VECTORS[:1]))) == 1
    np.testing.assert_allclose(
        cosines(VECTORS, VECTORS[:9]), VECTORS[:9] @ VECTORS.T, rtol=0, atol=1e-6
    )


def test_a_matrix_comes_back_as_written_and_numpy_reads_it(tmp_path):
    path = tmp_path / "vectors.npy"
    blocks = [VECTORS[:50], VECTORS[50:51], VECTORS[51:]]
    digest = write_matrix(Files(), path, blocks, rows=len(VECTORS), dim=32)
    read = open_matrix(Files(), path, rows=len(VECTORS), dim=32)
    np.testing.assert_array_equal(read, VECTORS)
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), VECTORS)
    assert not read.flags.writeable
    assert digest.bytes == path.stat().st_size == 128 + VECTORS.nbytes


@pytest.mark.parametrize(("rows", "dim"), [(0, 5), (1, 1), (3, 4096)])
def test_a_matrix_of_any_shape_comes_back(tmp_path, rows, dim):
    vectors = np.zeros((rows, dim), np.float32)
    vectors[:, -1] = 1
    write_matrix(Files(), tmp_path / "m.npy", [vectors], rows=rows, dim=dim)
    np.testing.assert_array_equal(
        open_matrix(Files(), tmp_path / "m.npy", rows=rows, dim=dim), vectors
    )
    np.testing.assert_array_equal(np.load(tmp_path / "m.npy"), vectors)


def test_a_mapped_matrix_outlives_its_name(tmp_path):
    path = tmp_path / "vectors.npy"
    write_matrix(Files(), path, [VECTORS], rows=len(VECTORS), dim=32)
    read = open_matrix(Files(), path, rows=len(VECTORS), dim=32)
    path.unlink()
    np.testing.assert_array_equal(read, VECTORS)


@pytest.mark.parametrize("rows", [len(VECTORS) - 1, len(VECTORS) + 1])
def test_other_than_the_announced_rows_are_refused(tmp_path, rows):
    with pytest.raises(ValueError, match=f"{rows} rows of m were announced"):
        write_matrix(Files(), tmp_path / "m.npy", [VECTORS], rows=rows, dim=32)


@pytest.mark.parametrize("value", [0, 0.5, 2, np.nan, np.inf, -np.inf])
def test_a_row_that_is_no_unit_vector_is_refused_by_its_number(tmp_path, value):
    bad = unit([1, 0], [0, 1])
    bad[1] = [0, value]
    with pytest.raises(ValueError, match="vectors: row 3 has length"):
        write_matrix(Files(), tmp_path / "m.npy", [unit([1, 0], [0, 1]), bad], rows=4, dim=2)


def test_a_row_may_be_off_by_a_thousandth():
    check_unit_rows(np.array([[0.9995, 0]], np.float32), 2, what="vectors")
    with pytest.raises(ValueError, match="row 0 has length 0\\.99"):
        check_unit_rows(np.array([[0.9985, 0]], np.float32), 2, what="vectors")


def corrupt(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda data: b"", "0 bytes"),
        (lambda data: data[:-1], "bytes"),
        (lambda data: data + b"\0", "bytes"),
        *[(lambda data, at=at: corrupt(data, at), "another header") for at in range(0, 128, 9)],
    ],
)
def test_another_size_or_header_is_refused(tmp_path, damage, found):
    path = tmp_path / "vectors.npy"
    write_matrix(Files(), path, [VECTORS], rows=len(VECTORS), dim=32)
    path.chmod(0o644)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=found):
        open_matrix(Files(), path, rows=len(VECTORS), dim=32)


def test_another_faiss_index_is_refused():
    others = {
        "L2": faiss.IndexFlatL2(32),
        "IP of another dim": faiss.IndexFlatIP(16),
        "HNSW": faiss.IndexHNSWFlat(32, 8, faiss.METRIC_INNER_PRODUCT),
        "IP without rows": faiss.IndexFlatIP(32),
    }
    for other in others.values():
        with pytest.raises(ValueError, match="x "):
            read_faiss(faiss.serialize_index(other).tobytes(), rows=len(VECTORS), dim=32)


@pytest.mark.parametrize("is_coded", [False, True])
@pytest.mark.parametrize("size", [0, 3, 20, 40, 60, 1_000])
def test_what_faiss_cannot_read_is_refused(size, is_coded):
    data = faiss.serialize_index(build_faiss(VECTORS, coded=is_coded)).tobytes()
    with pytest.raises(ValueError, match="cannot read"):
        read_faiss(data[:size], rows=len(VECTORS), dim=32)


def test_reading_leaves_the_limits_of_faiss_as_they_were(tmp_path):
    before = faiss.get_deserialization_vector_byte_limit()
    write_faiss(Files(), tmp_path / "v.faiss", VECTORS)
    read_faiss((tmp_path / "v.faiss").read_bytes(), rows=len(VECTORS), dim=32)
    assert faiss.get_deserialization_vector_byte_limit() == before
