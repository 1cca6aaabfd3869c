"""Every kind of file becomes articles; a bad file, or a bad line, is refused alone."""

import datetime
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from qasearch.errors import ArticleError, NoArticlesError
from qasearch.ingest import files, read
from qasearch.ingest.linebreaks import decode
from qasearch.ingest.read import FileReading, read_articles, read_file
from qasearch.records import Article
from tests.ingest.written import ARTICLE, source, write

ANSWER = "They use three things:\n\n1. **The sun**: as a compass.\n2. **Landmarks**: near the hive."
BEES = Article(
    id="7",
    question="How do bees find their way home?",
    answer=ANSWER,
    subjects=("Biology",),
    date=datetime.date(2024, 5, 6),
    urls=("/bees/home",),
    paths=("bees.md",),
)


@pytest.fixture
def reading(tmp_path: Path) -> Callable[..., FileReading]:
    """Read the content given as a file of the name given."""

    def read_content(content: str | bytes, name: str = "bees.md", **options: Any) -> FileReading:
        return read_file(source(tmp_path, name, content), **options)

    return read_content


def only(reading: FileReading) -> Article:
    """The one article of a file that has nothing wrong with it."""
    assert (reading.errors, reading.warnings, reading.skipped) == ((), (), 0)
    (article,) = reading.articles
    return article


def error(reading: FileReading) -> tuple[int | None, str]:
    """Line and kind of the one error of a file that holds nothing else."""
    assert reading.articles == ()
    (refusal,) = reading.errors
    assert refusal.path == reading.source.name
    return refusal.line, refusal.kind


Read = Callable[..., FileReading]


# Markdown with front matter


def test_an_article_as_an_export_writes_it(reading: Read) -> None:
    found = reading(ARTICLE)
    assert only(found) == BEES
    assert found.sha256 == hashlib.sha256(ARTICLE.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("---\n", "---  \n"),
        lambda text: text.replace("\n\n&nbsp;", ""),
        lambda text: text.replace("\n\n&nbsp;", "\n \n&nbsp;\n&nbsp; \n"),
        lambda text: text.replace("id: 7", "id: '7'"),
        lambda text: text.replace("date: 2024-05-06", "date: 2024-05-06 10:30:00Z"),
        lambda text: text.replace("date: 2024-05-06", "date: '2024-5-6'"),
        lambda text: text.replace("subject: Biology", "subjects: [Biology, '', Biology, ~]"),
        lambda text: text.replace("subject: Biology", "category:\n- Biology"),
        lambda text: text.replace("id: 7", "_schema: x\nid: 7\nseo: {a: [1, {b: c}]}\nscore: -1.0"),
        lambda text: text.replace("id: 7", "no_index: false\nid: 7"),
    ],
)  # fmt: skip
def test_the_same_article_written_otherwise(reading: Read, change: Callable[[str], str]) -> None:
    written = change(ARTICLE)
    assert written != ARTICLE
    assert only(reading(written)) == BEES


def test_real_line_breaks_are_kept_and_nothing_else_decoded(reading: Read) -> None:
    written = "---\nid: 1\nquestion: Why \\neq?\nanswer: |-\n  One\n\n  1. $a \\neq b$\n---\n"
    article = only(reading(written))
    assert (article.question, article.answer) == ("Why \\neq?", "One\n\n1. $a \\neq b$")


def test_a_question_is_one_line_and_shows_its_code(reading: Read) -> None:
    written = "---\nid: 1\nquestion: |\n  What is\n    `\\n`?  \nanswer: a\n---\n"
    assert only(reading(written)).question == "What is `\\n`?"


def test_without_the_key_the_answer_is_the_text_below(reading: Read) -> None:
    written = "---\nid: 1\nquestion: Why?\n---\n\n  \n  So:\n\n---\n\n1. A\n\n---\nb: c\n---\n\n"
    assert only(reading(written)).answer == "  So:\n\n---\n\n1. A\n\n---\nb: c\n---"


def test_a_text_below_an_answer_is_not_read_but_named(reading: Read) -> None:
    found = reading(ARTICLE.replace("&nbsp;", "More on bees."))
    assert found.articles == (BEES,)
    assert found.warnings == (
        "bees.md:10: the answer is in the front matter; the text below it is not read",
    )


# Markdown without


@pytest.mark.parametrize(
    ("name", "written", "question", "answer"),
    [
        ("x.md", "# Why? #\n\nSo.\n", "Why?", "So."),
        ("x.md", "\n\nFirst.\n\n# What is C#\n\n## Then\n\nSo.\n", "What is C#",
         "First.\n\n\n## Then\n\nSo."),
        ("x.md", "```sh\n# no heading\n```\n# Why?\nSo.", "Why?", "```sh\n# no heading\n```\nSo."),
        ("s/how-are-missions_paid.md", "By dues.\n", "How are missions paid", "By dues."),
        ("why.markdown", "## Part\n#\n#hash\nSo.", "Why", "## Part\n#\n#hash\nSo."),
        ("why.md", "text\n---\nid: 1\n---\n", "Why", "text\n---\nid: 1\n---"),
        ("why.md", "----\nSo.", "Why", "----\nSo."),
        ("why.md", "One.\\n\\n1. Two.", "Why", "One.\n\n1. Two."),
    ],
)  # fmt: skip
def test_plain_markdown(reading: Read, name: str, written: str, question: str, answer: str) -> None:
    found = reading(written, name)
    (article,) = found.articles
    assert (article.question, article.answer) == (question, answer)
    assert article.id == name.rpartition(".")[0]
    assert found.warnings == (f"{name}:1: no id; it is called {article.id}",)


# What is refused, and what is only noted


def replaced(old: str, new: str) -> str:
    assert old in ARTICLE
    return ARTICLE.replace(old, new)


QUESTION = "question: >-\n    How do bees find their way home?\n"
ANSWER_LINES = ARTICLE[ARTICLE.index("answer:") : ARTICLE.index("subject:")]


@pytest.mark.parametrize(
    ("written", "line", "kind"),
    [
        (ARTICLE.encode().replace(b"sun", b"s\xfcn"), 6, "not-utf8"),
        (ARTICLE.encode("utf-16"), 1, "not-utf8"),
        (b"\xef\xbb\xbf\r\n\r\xff", 3, "not-utf8"),
        (ARTICLE.encode("utf-16-le"), 1, "nul"),
        (ARTICLE + "\0", 12, "nul"),
        (replaced("\n---\n", "\n--\n"), 1, "unclosed-front-matter"),
        ("---\n", 1, "unclosed-front-matter"),
        ("---\nid: 1\n ---\n----\n--- #\n", 1, "unclosed-front-matter"),
        ("---\n---\n# Why?\nSo.", 2, "not-a-mapping"),
        ("---\n- a\n---\nSo.", 2, "not-a-mapping"),
        (replaced("id: 7", "id: 7\nid: 8"), 3, "key-twice"),
        (replaced("subject: Biology", "subject: [Biology"), 8, "yaml"),
        (replaced(QUESTION, ""), 1, "missing-question"),
        (replaced(QUESTION, "title: Why?\n"), 1, "missing-question"),
        (replaced(QUESTION, "question:\n"), 1, "missing-question"),
        (replaced(QUESTION, "question: ''\n"), 3, "missing-question"),
        (replaced(QUESTION, "question: [a]\n"), 1, "question-not-text"),
        (replaced(ANSWER_LINES, ""), 1, "missing-answer"),
        (replaced(ANSWER_LINES, "answer:\n"), 1, "missing-answer"),
        (replaced(ANSWER_LINES, "answer: ' &nbsp; '\n"), 5, "missing-answer"),
        (replaced(ANSWER_LINES, "answer: 3\n"), 5, "answer-not-text"),
        (replaced(ANSWER_LINES, "answer: yes\n"), 5, "answer-not-text"),
        (replaced(ANSWER_LINES, "answer: 2024-05-06\n"), 5, "answer-not-text"),
        (replaced(ANSWER_LINES, "answer: {a: b}\n"), 1, "answer-not-text"),
        (replaced(ANSWER_LINES, 'answer: "a\\0b"\n'), 5, "character"),
        (replaced("id: 7", "id: [7]"), 1, "id"),
        (replaced("id: 7", 'id: "a\\nb"'), 2, "id"),
        (replaced("id: 7", f"id: {'7' * 1_001}"), 2, "id"),
        ("", 1, "missing-answer"),
        ("\n \n&nbsp;", 1, "missing-answer"),
        ("# Why?\n", 1, "missing-answer"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(
    reading: Read, written: str | bytes, line: int, kind: str
) -> None:
    found = reading(written)
    assert error(found) == (line, kind)
    data = written.encode() if isinstance(written, str) else written
    assert found.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("key", ["question", "id"])
@pytest.mark.parametrize("written", ["3", "0123", "no", "1.10", "2024-05-06", "12:30:45"])
def test_question_and_id_may_look_like_anything(reading: Read, key: str, written: str) -> None:
    text = replaced(QUESTION if key == "question" else "id: 7\n", f"{key}: {written}\n")
    assert getattr(only(reading(text)), key) == written


@pytest.mark.parametrize(
    ("date", "shown"),
    [
        ("2024-13-45", "'2024-13-45'"),
        ("yesterday", "'yesterday'"),
        ("2024-05-06x", "'2024-05-06x'"),
        ("20240506", "'20240506'"),
        ("[2024-05-06]", "a list"),
    ],
)
def test_a_date_that_cannot_be_read_is_left_out(reading: Read, date: str, shown: str) -> None:
    found = reading(replaced("date: 2024-05-06", f"date: {date}"))
    assert [article.date for article in found.articles] == [None]
    (warning,) = found.warnings
    assert warning.startswith("bees.md:")
    assert warning.endswith(f"the date is not YYYY-MM-DD and is left out: {shown}")


def test_an_empty_date_is_none_and_needs_no_word(reading: Read) -> None:
    for date in ("date:", "date: ''", "date: ~"):
        assert only(reading(replaced("date: 2024-05-06", date))).date is None


def test_a_subject_that_is_no_text_is_left_out(reading: Read) -> None:
    found = reading(replaced("subject: Biology", "subject: [Insects, {a: b}, 7]"))
    assert [article.subjects for article in found.articles] == [("Insects", "7")]
    assert len(found.warnings) == 1


@pytest.mark.parametrize("written", ["", "id:\n", "id: ''\n", "id: ' '\n"])
def test_without_an_id_it_comes_from_the_path(reading: Read, written: str) -> None:
    found = reading(replaced("id: 7\n", written), "insects/bees.md")
    assert [article.id for article in found.articles] == ["insects/bees"]
    (warning,) = found.warnings
    assert warning.endswith("no id; it is called insects/bees")


def test_ids_are_kept_in_nfc(reading: Read) -> None:
    for written in ("caf\u00e9", "cafe\u0301"):
        assert only(reading(replaced("id: 7", f"id: {written}"))).id == "caf\u00e9"


# Left out on purpose


@pytest.mark.parametrize(
    "written",
    [
        replaced("id: 7", "no_index: true\nid: 7"),
        replaced("id: 7", "no_index: 'Yes'\nid: 7"),
        replaced("They use three things", "I cannot answer this question"),
    ],
)
def test_no_index_and_refusals_to_answer(reading: Read, written: str) -> None:
    found = reading(written)
    assert (found.articles, found.errors, found.skipped) == ((), (), 1)
    assert len(reading(written, include_no_index=True).articles) == 1


def test_an_article_left_out_need_not_be_good(reading: Read) -> None:
    assert reading("---\nno_index: on\n---\n").skipped == 1


# JSON and JSONL


def test_json_lines(reading: Read) -> None:
    lines = [
        {"id": 7, "question": BEES.question, "answer": ANSWER, "subject": "Biology",
         "date": "2024-05-06", "url": "/bees/home"},
        {"_id": "7", "title": BEES.question, "text": ANSWER, "category": ["Biology"],
         "date": "2024-05-06T00:00:00", "url": ["/bees/home"], "score": 0.5, "more": {"a": [None]}},
        {"id": "7", "question": None, "q": BEES.question, "body": ANSWER.replace("\n", "\r\n"),
         "subjects": ["Biology"], "date": "2024-05-06", "url": "/bees/home"},
        {"id": "7", "q": BEES.question, "content": ANSWER.replace("\n", "\\n"),
         "subject": "Biology", "date": "2024-05-06", "url": "/bees/home"},
    ]  # fmt: skip
    for ends in ("\n", "\r\n", "\n\n \n"):
        found = reading("\ufeff" + ends.join(map(json.dumps, lines)), "bees.md.jsonl")
        assert (found.errors, found.warnings) == ((), ())
        expected = [BEES] * 4
        assert [a.answer for a in found.articles] == [a.answer for a in expected]
        assert {(a.id, a.question, a.subjects, a.date, a.urls) for a in found.articles} == {
            (BEES.id, BEES.question, BEES.subjects, BEES.date, BEES.urls)
        }
        assert {a.paths for a in found.articles} == {("bees.md.jsonl",)}


BAD_LINES = [
    ('{"q": "Why?"}', "missing-answer"),
    ('{"answer": "So."}', "missing-question"),
    ('{"q": "Why?", "answer": 3}', "answer-not-text"),
    ('{"q": "Why?", "answer": true}', "answer-not-text"),
    ('{"q": "Why?", "answer": ["So."]}', "answer-not-text"),
    ('{"q": "Why?", "answer": "\\ud800"}', "character"),
    ('{"q": "Why?", "answer": "So.", "id": "\\u0000"}', "character"),
    ('{"q": "Why?", "answer": "So.", "subject": "\\udfff"}', "character"),
    ('{"q": "Why?", "q": "How?", "answer": "So."}', "key-twice"),
    ('{"q": "Why?", "answer": "So.", "x": [{"a": 1, "a": 1}]}', "key-twice"),
    ('{"q": "Why?", "answer": "So.", "score": NaN}', "json"),
    ('{"q": "Why?", "answer": "So.", "score": -Infinity}', "json"),
    ('{"q": "Why?", "answer": "So."', "json"),
    ('{"q": "Why?", "answer": "So."} {}', "json"),
    ("{'q': 'Why?'}", "json"),
    ('{"q": "tab\there", "answer": "So."}', "json"),
    ('{"q": "Why?", "answer": "So.", "x": ' + "[" * 100_000, "json"),
    ('{"q": "Why?", "answer": "So.", "x": ' + "[" * 900 + "]" * 900 + "}", ""),
    ('{"x": ' * 100_000, "json"),
    ('{"q": "Why?", "answer": {"a": "So."}}', "answer-not-text"),
    ('{"q": "Why?", "answer": "So.", "x": [%s1]}' % ("1," * 1_000_000), "too-large"),
    ('{"q": "Why?", "answer": "So.", "x": [%s1]}' % ("[[]]," * 10_000), "too-large"),
    ("[1, 2]", "not-an-object"),
    ('"text"', "not-an-object"),
    ("7", "not-an-object"),
    ("null", "not-an-object"),
    ("words", "json"),
    ("NaN", "json"),
    ('{"a": 1, "a": 1}', "key-twice"),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("line", "kind"), BAD_LINES)
def test_a_bad_line_is_refused_alone(reading: Read, line: str, kind: str) -> None:
    good = '{"id": "%s", "q": "Why?", "answer": "So."}'
    found = reading("\n".join([good % 1, "", line, good % 4]), "bees.jsonl")
    if kind:
        assert [(e.path, e.line, e.kind) for e in found.errors] == [("bees.jsonl", 3, kind)]
        assert [article.id for article in found.articles] == ["1", "4"]
    else:  # how deep Python can go depends on where it starts
        assert len(found.articles) + len(found.errors) == 3


def test_what_would_fill_the_memory_is_not_decoded(reading: Read) -> None:
    found = reading("[" + "1," * 1_000_000 + "no JSON", "bees.json")
    (refusal,) = found.errors
    assert (refusal.line, refusal.kind) == (1, "too-large")
    assert "1,000,000 brackets, braces and commas" in refusal.reason


def test_the_key_that_comes_twice_is_named(reading: Read) -> None:
    found = reading('{"a": 1, "q": "Why?", "b": 2, "q": "How?", "b": 3}', "bees.jsonl")
    assert [refusal.reason for refusal in found.errors] == ["the key 'q' for the second time"]


def test_bytes_that_are_no_text_spoil_only_their_line(reading: Read) -> None:
    good = b'{"id": 1, "q": "Why?", "answer": "So."}'
    found = reading(b"\n".join([good, b'{"q": "\xff"}', b"\0\0", good]), "bees.jsonl")
    assert [(e.line, e.kind) for e in found.errors] == [(2, "not-utf8"), (3, "nul")]
    assert len(found.articles) == 2


def test_what_does_not_matter_may_be_long_and_deep(reading: Read) -> None:
    vector = [round(0.001 * i, 3) for i in range(4_000)]
    line = {"id": 1, "q": "Why?", "answer": "So.", "vector": vector, "x": [[[{"y": [[]]}]]]}
    assert only(reading(json.dumps(line), "bees.jsonl")).answer == "So."
    found = reading(json.dumps({**line, "subject": [[["a"]], "b"]}), "bees.jsonl")
    assert [article.subjects for article in found.articles] == [("b",)]


def test_numbers_are_kept_as_written(reading: Read) -> None:
    huge = "9" * 5_000
    for id, expected in (("1e2", "1e2"), ("-0", "-0"), ("1.10", "1.10")):
        line = f'{{"id": {id}, "q": 12, "answer": "So.", "score": {huge}, "no_index": false}}'
        article = only(reading(line, "bees.jsonl"))
        assert (article.id, article.question) == (expected, "12")
    assert error(reading(f'{{"id": {huge}, "q": "Why?", "answer": "So."}}', "b.jsonl")) == (1, "id")


def test_without_an_id_a_line_has_its_number(reading: Read) -> None:
    found = reading('\n{"q": "Why?", "answer": "So."}\n', "s/bees.jsonl")
    assert [article.id for article in found.articles] == ["s/bees:2"]
    assert found.warnings == ("s/bees.jsonl:2: no id; it is called s/bees:2",)


def test_no_index_in_json(reading: Read) -> None:
    assert reading('{"no_index": true}\n', "bees.jsonl").skipped == 1
    assert reading('[{"no_index": true}]', "bees.json").skipped == 1


@pytest.mark.parametrize("layout", ["[%s, %s]", " [\n%s\n,\n%s\n] \n", "\ufeff[%s,%s]"])
def test_json_holds_a_list(reading: Read, layout: str) -> None:
    objects = ('{"q": "A?", "answer": "a"}', '{"id": "x", "q": "B?", "answer": "b"}')
    found = reading(layout % objects, "s/bees.json")
    assert found.errors == ()
    assert [(a.id, a.question) for a in found.articles] == [("s/bees:1", "A?"), ("x", "B?")]


def test_json_holds_one_object(reading: Read) -> None:
    found = reading('\n{"q": "A?",\n "answer": "a"}\n', "bees.json")
    assert [article.id for article in found.articles] == ["bees"]
    assert found.warnings == ("bees.json:2: no id; it is called bees",)
    assert reading("[]", "bees.json").articles == ()


def test_a_bad_element_of_a_list_is_refused_alone(reading: Read) -> None:
    written = '[\n{"id": 1, "q": "A?", "answer": "a"},\n7,\n{"q": "B?"},\n{"q": 1, "q": 2},\n'
    found = reading(f'{written}{{"id": 2, "q": "C?", "answer": "c"}}]', "bees.json")
    assert [(e.line, e.kind) for e in found.errors] == [
        (3, "not-an-object"),
        (4, "missing-answer"),
        (5, "key-twice"),
    ]
    assert [article.id for article in found.articles] == ["1", "2"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("", 1),
        ("\n\n", 3),
        ("{", 1),
        ("\n[", 2),
        ("[\n\n", 3),
        ("[,]", 1),
        ('[\n{"q": "A?"}\n{}]', 3),
        ("[{}]\n]", 2),
        ("{}\n{}", 2),
        ('{"q":\n"A?",\n]', 3),
        ("[" * 100_000, 1),
        ("[1,]", 1),
    ],
)
def test_json_that_is_none(reading: Read, written: str, line: int) -> None:
    found = reading(written, "bees.json")
    assert (found.errors[-1].line, found.errors[-1].kind) == (line, "json")
    assert found.articles == ()


# Limits


def of_size(size: int) -> str:
    """An article of just so many bytes."""
    return ARTICLE.replace("compass", "compass" + "x" * (size - len(ARTICLE)))


def test_a_markdown_file_of_the_largest_size(reading: Read) -> None:
    for size in (read.MAX_BYTES - 1, read.MAX_BYTES):
        assert len(only(reading(of_size(size))).answer) > read.MAX_BYTES - len(ARTICLE)
    found = reading(of_size(read.MAX_BYTES + 1))
    assert (error(found), found.sha256) == ((None, "too-large"), None)


def test_a_line_of_the_largest_size(reading: Read) -> None:
    def line(id: int, size: int) -> str:
        start = f'{{"id": {id}, "q": "Why?", "answer": "'
        return start + "x" * (size - len(start) - 2) + '"}'

    limit = read.MAX_BYTES
    sizes = (100, limit - 1, limit, limit + 1, limit + 2, limit + 3, 2 * limit + 5, 100)
    for ends in ("\n", "\r\n"):
        for last in ("", ends):
            written = ends.join(line(id, size) for id, size in enumerate(sizes, start=1)) + last
            found = reading(written, "bees.jsonl")
            assert [a.id for a in found.articles] == ["1", "2", "3", "8"]
            assert [(e.line, e.kind) for e in found.errors] == [
                (number, "too-large") for number in (4, 5, 6, 7)
            ]
            assert found.sha256 == hashlib.sha256(written.encode()).hexdigest()


def test_a_file_of_errors_is_given_up(reading: Read) -> None:
    found = reading("{}\n" * (read.MAX_ERRORS + 500), "bees.jsonl")
    assert len(found.errors) == read.MAX_ERRORS + 1
    assert (found.errors[-1].line, found.errors[-1].kind) == (
        read.MAX_ERRORS + 1,
        "too-many-errors",
    )
    assert len(reading("{}\n" * read.MAX_ERRORS, "bees.jsonl").errors) == read.MAX_ERRORS


def test_a_file_of_warnings_is_read(reading: Read) -> None:
    found = reading('{"q": "Why?", "answer": "So."}\n' * (read.MAX_ERRORS + 5), "bees.jsonl")
    assert len(found.articles) == read.MAX_ERRORS + 5
    assert len(found.warnings) == read.MAX_ERRORS


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["bees.md", "bees.json", "bees.jsonl"])
def test_a_giant_with_holes_is_not_read(tmp_path: Path, name: str) -> None:
    bees = source(tmp_path, name, ARTICLE)
    try:
        os.truncate(bees.path, 1 << 40)
    except OSError:
        pytest.skip("this file system holds no such file")
    assert error(read_file(bees)) == (None, "too-large")


# The world around


def in_place_of(source: files.SourceFile) -> Path:
    source.path.unlink()
    return source.path


def test_what_took_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    other = write(tmp_path, "other.md", ARTICLE)
    bees = source(tmp_path, "bees.md", ARTICLE)
    in_place_of(bees).symlink_to(other)
    assert error(read_file(bees)) == (None, "not-a-file")
    in_place_of(bees).mkdir()
    assert error(read_file(bees)) == (None, "not-a-file")
    bees.path.rmdir()
    assert error(read_file(bees)) == (None, "unreadable")


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    bees = source(tmp_path, "bees.md", ARTICLE)
    os.mkfifo(in_place_of(bees))
    assert error(read_file(bees)) == (None, "not-a-file")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    bees = source(tmp_path, "bees.md", ARTICLE)
    bees.path.chmod(0)
    found = read_file(bees)
    assert error(found) == (None, "unreadable")
    assert found.sha256 is None


def test_the_source_is_described_as_it_was_read(tmp_path: Path) -> None:
    before = source(tmp_path, "bees.md", "old")
    after = source(tmp_path, "bees.md", ARTICLE)
    found = read_file(before)
    assert found.source == after
    assert only(found) == BEES


class Writer:
    """Appends to a file between the looks that a reader takes at it, as often as told."""

    def __init__(self, source: files.SourceFile, times: int) -> None:
        self.times = times
        self._path = source.path
        self._fstat = os.fstat

    def fstat(self, descriptor: int) -> os.stat_result:
        status = self._fstat(descriptor)
        if self.times and status.st_ino == self._path.stat().st_ino:
            self.times -= 1
            with self._path.open("a") as stream:
                stream.write("\n")
        return status


def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bees = source(tmp_path, "bees.md", ARTICLE)
    writer = Writer(bees, times=3)
    monkeypatch.setattr(os, "fstat", writer.fstat)
    found = read_file(bees)
    assert (only(found), writer.times) == (BEES, 0)
    assert found.sha256 == hashlib.sha256(bees.path.read_bytes()).hexdigest()


def test_a_file_that_never_rests_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bees = source(tmp_path, "bees.md", ARTICLE)
    writer = Writer(bees, times=100)
    monkeypatch.setattr(os, "fstat", writer.fstat)
    assert error(read_file(bees)) == (None, "changing")
    assert writer.times == 100 - 2 * 3  # two readings, with three looks each


# All of it


@pytest.fixture
def corpus_folder(tmp_path: Path) -> Path:
    """Two subjects with one article in common, a bad file, and a list."""
    write(tmp_path, "hive/insects/bees.md", ARTICLE.replace("Biology", "Insects"))
    write(tmp_path, "hive/biology/bees.md", ARTICLE)
    write(tmp_path, "hive/biology/bad.md", replaced(ANSWER_LINES, "answer: 3\n"))
    write(tmp_path, "hive/list.jsonl", '{"id": "10", "q": "Why?", "answer": "So."}\n')
    return tmp_path / "hive"


def test_articles_are_merged_split_and_sorted(corpus_folder: Path) -> None:
    errors: list[ArticleError] = []
    ten, seven = read_articles(corpus_folder, on_error=errors.append)
    assert (ten.id, seven.id) == ("10", "7")
    assert seven.paths == ("hive/biology/bees.md", "hive/insects/bees.md")
    assert seven.subjects == ("Biology", "Insects")
    assert [passage.title for passage in seven.passages] == ["The sun", "Landmarks"]
    assert seven.intro == "They use three things:"
    assert [(error.path, error.line) for error in errors] == [("hive/biology/bad.md", 5)]


def test_the_first_error_is_raised_where_nobody_listens(corpus_folder: Path) -> None:
    with pytest.raises(ArticleError, match=r"bad\.md:5"):
        read_articles(corpus_folder)


def test_paths_are_given_as_text_as_path_or_as_several(corpus_folder: Path) -> None:
    folder = corpus_folder / "insects"
    (expected,) = read_articles(folder)
    assert read_articles(str(folder)) == [expected]
    assert read_articles([str(folder), folder / "bees.md"]) == [expected]
    assert read_articles(corpus_folder, include=["insects"])[0].id == "7"
    assert read_articles(corpus_folder, exclude=["bad.md", "*.jsonl"])[0].id == "7"


def test_warnings_are_passed_on(corpus_folder: Path) -> None:
    write(corpus_folder, "insects/old.md", ARTICLE.replace("2024", "2020").replace("sun", "moon"))
    write(corpus_folder, "insects/open.md", "---\nid: 2\nquestion: Why?\n---\n```\nnever closed\n")
    (corpus_folder / "link.md").symlink_to(corpus_folder / "insects" / "old.md")
    warnings: list[str] = []
    read_articles(corpus_folder, exclude=["bad.md"], on_warning=warnings.append)
    assert sorted(warnings) == [
        "hive/insects/old.md: id 7 has another text in hive/biology/bees.md, "
        "hive/insects/bees.md, which is kept: it is the newer",
        "hive/insects/open.md: a code fence is never closed",
        "hive/link.md: a link, not followed",
    ]


def test_no_index_articles_on_request(tmp_path: Path) -> None:
    write(tmp_path, "bees.md", ARTICLE.replace("id: 7", "no_index: true\nid: 7"))
    assert read_articles(tmp_path) == []
    assert len(read_articles(tmp_path, include_no_index=True)) == 1


def test_where_there_is_nothing_to_read(tmp_path: Path) -> None:
    for roots, named in ((tmp_path, f"in {tmp_path}."), ([tmp_path] * 2, ", "), ([], "no path")):
        with pytest.raises(NoArticlesError, match=re.escape(named)) as refusal:
            read_articles(roots)
        assert ".md .markdown .jsonl .json" in refusal.value.hint
    with pytest.raises(NoArticlesError, match="does not exist"):
        read_articles(tmp_path / "nothing")


def test_if_nothing_is_readable_all_of_it_is_told(tmp_path: Path) -> None:
    write(tmp_path, "bees.md", "---\n")
    errors: list[ArticleError] = []
    assert read_articles(tmp_path, on_error=errors.append) == []
    assert len(errors) == 1


# Anything at all


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


LINES = (
    '{"id": 1, "q": "Why?", "answer": "So.", "subject": ["a", null], "date": "2024-05-06"}\n[1]\n'
)
LIST = '[{"id": 1, "q": "Why?", "answer": "So.", "x": {"y": [1.5, NaN]}},\n{"q": 2, "answer": ""}]'
pieces = st.sampled_from(
    [b"\n", b"\r", b"\t", b"---\n", b"\n---\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xc2\x85",
     b": ", b"&a ", b"*a", b"!!x ", b"'", b'"', b"{", b"}", b"[", b"]", b",", b"# ", b"%", b"- ",
     b"? ", b"|\n", b"answer: 3\n", b"id:\n", b"no_index: ", b"\\", b"\\0", b"\\ud800", b"```",
     b"NaN", b"1e999", b"null", b"&nbsp;"]
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good file with a few places cut out or written over."""
    data = draw(st.sampled_from([ARTICLE, LINES, LIST, "# Why?\n\nSo.\n"])).encode()
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 20]))
        data = data[:start] + draw(st.one_of(pieces, st.binary(max_size=4))) + data[end:]
    return data


@given(
    st.one_of(damaged(), damaged(), st.binary(max_size=300), st.lists(pieces).map(b"".join)),
    st.sampled_from(["bees.md", "bees.jsonl", "bees.json"]),
)
def test_any_file_is_read_or_refused_with_a_line(folder: Path, data: bytes, name: str) -> None:
    found = read_file(source(folder, name, data), include_no_index=True)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for refusal in found.errors:
        assert refusal.path == name
        assert refusal.line is not None
        assert 1 <= refusal.line <= lines
    for article in found.articles:
        assert article.id.strip() == article.id != ""
        assert article.question.strip() == article.question != ""
        assert "\n" not in article.question
        assert article.answer.strip()
        json.dumps([article.answer, article.question, article.id, *article.subjects]).encode()
        (article.answer + article.question + article.id + "".join(article.subjects)).encode()


@pytest.mark.corpus
@pytest.mark.skipif(not yaml.__with_libyaml__, reason="minutes without libyaml")
def test_every_real_file_is_read_as_yaml_reads_it(corpus: Path) -> None:
    refused: list[ArticleError] = []
    for file in files.find_files([corpus], on_error=refused.append):
        found = read_file(file, include_no_index=True)
        refused += found.errors
        front_matter = file.path.read_text(encoding="utf-8").split("\n---", 1)[0]
        values = yaml.load(front_matter, Loader=yaml.CSafeLoader)
        (article,) = found.articles
        assert article == Article(
            id=str(values["id"]),
            question=values["question"],
            answer=decode(values["answer"]),
            subjects=(values["subject"],),
            date=values["date"],
            urls=(values["url"],),
            paths=(file.name,),
        )
    assert refused == []
