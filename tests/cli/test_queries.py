import io
from pathlib import Path

import pytest

from qasearch.cli.queries import LONGEST_LINE, Query, read_queries, stdin_lines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queries"


@pytest.mark.parametrize(
    "text",
    [
        '{"qid": "q1", "query": "who pays"}\n{"qid": "q2", "query": "who leads"}\n',
        '{"_id": "q1", "text": "who pays"}\r\n\r\n{"_id": "q2", "text": " who leads "}',
        '\ufeff{"qid": "q1", "query": "who pays", "style": ""}\n{"qid":"q2","query":"who leads"}',
        "q1\twho pays\nq2\twho leads\n",
        "qid\tquery\nq1\twho pays\nq2\twho leads\n",
        "\n_id\ttext\tkind\nq1\twho pays\tshort\n\nq2\twho leads\tshort",
    ],
)
def test_forms_of_a_file_of_queries(text: str, file: Path) -> None:
    file.write_bytes(text.encode())
    assert read_queries(file) == [Query("q1", "who pays"), Query("q2", "who leads")]


def test_a_number_will_do_as_an_id(file: Path) -> None:
    file.write_text('{"qid": 7, "query": "who pays"}')
    assert read_queries(file) == [Query("7", "who pays")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"qid": "q2", "query": ', "not JSON"),
        (b'["q2", "who pays"]', "not an object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"query": "who pays"}', "no text under 'qid' or '_id'"),
        (b'{"qid": "q2"}', "no text under 'query' or 'text'"),
        (b'{"qid": true, "query": "who pays"}', "no text under 'qid'"),
        (b'{"qid": "q2", "query": " "}', "the query is blank"),
        (b'{"qid": "", "query": "who pays"}', "the query id is blank"),
        (b'{"qid": "q1", "query": "who pays"}', "'q1' stands there twice"),
        (b'{"qid": "q2", "query": "caf\xe9"}', "not UTF-8 at byte 28 of the line"),
    ],
)
def test_a_bad_line_is_named(line: bytes, reason: str, file: Path) -> None:
    file.write_bytes(b'{"qid": "q1", "query": "who pays"}\n\n' + line + b"\n")
    with pytest.raises(ValueError) as error:
        read_queries(file)
    assert str(error.value).startswith(f"{file}:3: ")
    assert reason in str(error.value)


def test_a_line_without_a_tab_is_no_tsv(file: Path) -> None:
    file.write_text("q1\twho pays\nwho leads\n")
    with pytest.raises(ValueError, match=":2: no tab between"):
        read_queries(file)


def test_a_line_has_a_limit(file: Path) -> None:
    file.write_bytes(b"q1\t" + b"a" * LONGEST_LINE)
    with pytest.raises(ValueError, match=":1: the line is longer than 2 MiB"):
        read_queries(file)


def test_a_file_without_queries(file: Path) -> None:
    file.write_text("qid\tquery\n\n")
    with pytest.raises(ValueError, match="holds no queries"):
        read_queries(file)


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"who pays\n\n  who leads")))
    assert list(stdin_lines()) == ["who pays", "who leads"]

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"q1\twho pays\n")))
    assert read_queries(Path("-")) == [Query("q1", "who pays")]

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"who pays\n\xff\n")))
    with pytest.raises(ValueError, match="stdin:2: not UTF-8"):
        list(stdin_lines())
