import io
from pathlib import Path

import pytest

from qasearch.evaluate.lines import LONGEST_LINE, stdin_lines
from qasearch.evaluate.queries import Query, read_queries


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
    queries = read_queries(file)
    assert [(query.qid, query.text) for query in queries] == [
        ("q1", "who pays"),
        ("q2", "who leads"),
    ]


def test_whatever_else_a_line_says_is_kept_to_group_by(file: Path) -> None:
    file.write_text(
        '{"qid": 1, "query": "a", "style": "typo", "year": 2024, "no": null, "": ""}\n'
        '{"qid": 2, "query": "b", "style": ["typo", " short "], "nested": {"style": 1}}\n'
    )
    assert read_queries(file) == [
        Query("1", "a", {"style": ("typo",), "year": ("2024",)}),
        Query("2", "b", {"style": ("typo", "short")}),
    ]
    file.write_text("qid\tquery\tkind\tstyle\nq1\twho pays\tpoint\ttypo\nq2\twho leads\n")
    assert read_queries(file) == [
        Query("q1", "who pays", {"kind": ("point",), "style": ("typo",)}),
        Query("q2", "who leads"),
    ]


def test_several_files_are_one(file: Path) -> None:
    file.write_text("q1\twho pays\n")
    other = file.with_name("other")
    other.write_text('{"qid": "q2", "query": "who leads"}\n')
    assert [query.qid for query in read_queries(file, other)] == ["q1", "q2"]
    with pytest.raises(ValueError, match="queries:1: the query id 'q1' stands there twice"):
        read_queries(file, other, file)


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
        (b'{"qid": "q2", "query": " "}', "nothing but blanks under 'query' or 'text'"),
        (b'{"qid": "", "query": "who pays"}', "nothing but blanks under 'qid' or '_id'"),
        (b'{"qid": "q2", "query": 7.5}', "no text under 'query'"),
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
    with pytest.raises(ValueError, match="there are no queries in it"):
        read_queries(file)


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"who pays\n\n  who leads")))
    assert list(stdin_lines()) == [(1, "who pays"), (3, "who leads")]

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"q1\twho pays\n")))
    assert read_queries(Path("-")) == [Query("q1", "who pays")]

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"who pays\n\xff\n")))
    with pytest.raises(ValueError, match="stdin:2: not UTF-8"):
        list(stdin_lines())
