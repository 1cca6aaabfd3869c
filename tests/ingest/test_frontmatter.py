"""Front matter is read as it is written, and nothing in it can crash or hold up the reader."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from qasearch.errors import ArticleError
from qasearch.ingest import frontmatter, simpleyaml
from qasearch.ingest.fields import Scalar, Value

LOADERS = [
    pytest.param(yaml.SafeLoader, id="python"),
    pytest.param(
        getattr(yaml, "CSafeLoader", None),
        id="libyaml",
        marks=pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML without libyaml"),
    ),
]
FIRST_LINE = 2
"""Front matter starts below the line that opens it."""


def parse(text: str) -> dict[str, Value]:
    return frontmatter.parse(text, path="bees.md", first_line=FIRST_LINE)


def parse_with(loader: Any, text: str) -> dict[str, Value]:
    return frontmatter.parse_with(loader, text, path="bees.md", first_line=FIRST_LINE)


def texts(value: Value) -> Any:
    """The value without lines and types."""
    if isinstance(value, Scalar):
        return value.text
    if isinstance(value, list):
        return [texts(part) for part in value]
    return {key: texts(part) for key, part in value.items()}


def nodes(count: int) -> str:
    """A mapping of ``count`` nodes, an even number: itself, one key and list, and numbers."""
    return "numbers: [" + ", ".join(["1"] * (count - 3)) + "]\n"


def levels(count: int) -> str:
    """A mapping that is the first of ``count`` collections inside each other."""
    return "deep: " + "[" * (count - 1) + "]" * (count - 1) + "\n"


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: one\nb: two\n", {"a": "one", "b": "two"}),
        ("a: >-\n    one\n    line\n", {"a": "one line"}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("a: >-\n    end  \n", {"a": "end  "}),
        ("a: 'it''s'\nb: \"tab\\tand \\u00e9\"\n", {"a": "it's", "b": "tab\tand é"}),
        ("a:\n  - x\n  - y\nb: [x, y]\n", {"a": ["x", "y"], "b": ["x", "y"]}),
        ("a:\n  b:\n    c: x\n", {"a": {"b": {"c": "x"}}}),
        ("a:\nb: ~\n", {"a": "", "b": "~"}),
        ("a: x # a remark\n# another\n", {"a": "x"}),
        ("a: x\n\n\n", {"a": "x"}),
        ("a: x: y\n".replace(": y", ":y"), {"a": "x:y"}),
        ("1: x\n'1.0': y\n", {"1": "x", "1.0": "y"}),
    ],
)
def test_values_are_as_written(loader: Any, text: str, expected: dict[str, Any]) -> None:
    assert texts(parse(text)) == expected
    assert texts(parse_with(loader, text)) == expected


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("no", "bool"),
        ("True", "bool"),
        ("1.10", "float"),
        ("0123", "int"),
        ("12:30:45", "int"),
        ("9" * 5_000, "int"),
        ("2024-13-45", "timestamp"),
        ("2024-12-13", "timestamp"),
        ("~", "null"),
        ("null", "null"),
        ("=", "value"),
        ("no bees", "str"),
        ("1.10 metres", "str"),
    ],
)
def test_a_plain_scalar_keeps_its_text(loader: Any, written: str, kind: str) -> None:
    expected = {"a": Scalar(written, FIRST_LINE, kind)}
    assert parse(f"a: {written}\n") == expected
    assert parse_with(loader, f"a: {written}\n") == expected
    for quoted in (f"'{written}'", f'"{written}"', f">-\n  {written}", f"|-\n  {written}"):
        assert parse_with(loader, f"a: {quoted}\n") == {"a": Scalar(written, FIRST_LINE, "str")}


def test_every_value_knows_its_line_in_the_file() -> None:
    text = "a: x\nb: >-\n    y\n\nc:\n  - z\n  - {d: w}\n"
    assert parse(text) == {
        "a": Scalar("x", 2),
        "b": Scalar("y", 3),
        "c": [Scalar("z", 7), {"d": Scalar("w", 8)}],
    }


REFUSED = [
    # name, front matter, line in the file, kind, a word of the reason
    ("brackets", "a: " + "[" * 100_000, 2, "yaml", "deeper"),
    ("braces", "a: " + "{" * 100_000, 2, "yaml", ""),
    ("dashes", "- " * 100_000 + "\n", 2, "yaml", "deeper"),
    ("question marks", "? " * 100_000 + "\n", 2, "yaml", ""),
    ("one level too deep", levels(frontmatter.MAX_DEPTH + 1), 2, "yaml", "deeper"),
    ("one node too many", nodes(frontmatter.MAX_NODES + 1), 2, "yaml", "nodes"),
    ("many keys", "".join(f"k{i}: v\n" for i in range(3_000)), 2_501, "yaml", "nodes"),
    ("alias bomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", 2, "yaml", "anchor"),
    ("merge bomb", "a: &a {x: 1}\nb:\n  <<: [*a, *a]\n", 2, "yaml", "anchor"),
    ("anchored scalar", "a: x\nb: &b y\n", 3, "yaml", "anchor"),
    ("alias of nothing", "a: x\nb: *a\n", 3, "yaml", "alias"),
    ("alias as key", "a: x\n*a : y\n", 3, "yaml", "key"),
    ("python object", "a: !!python/object/apply:os.system ['true']\n", 2, "yaml", "tag"),
    ("tagged scalar", "a: x\nb: !!binary eA==\n", 3, "yaml", "tag"),
    ("tagged mapping", "a: !!map {}\n", 2, "yaml", "tag"),
    ("tag of nothing", "a: ! x\n", 2, "yaml", "tag"),
    ("tagged document", "!!map\na: x\n", 2, "yaml", "tag"),
    ("directive", "%YAML 1.1\n", 2, "yaml", "directive"),
    ("later directive", "a: x\n...\n%YAML 1.1\n--- b\n", 4, "yaml", "directive"),
    ("many directives", "".join(f"%TAG !{i}! x\n" for i in range(50_000)), 2, "yaml", ""),
    ("second document", "a: x\n...\nb: y\n", 4, "yaml", "document"),
    ("second document, marked", "a: x\n--- {b: y}\n", 3, "yaml", "document"),
    ("the same key", "a: x\nb: y\na: z\n", 4, "key-twice", "'a'"),
    ("the same key, quoted", "a: x\n'a': z\n", 3, "key-twice", "'a'"),
    ("the same key inside", "a:\n  b: x\n  b: y\n", 4, "key-twice", "'b'"),
    ("the same key inside a list", "a: [{b: x, b: y}]\n", 2, "key-twice", "'b'"),
    ("a key that is a list", "? [a, b]\n: x\n", 2, "yaml", "key"),
    ("NUL", "a: x\nb: \0\n", 3, "yaml", "control"),
    ("escape sign", "a: x\n\nb: \x1b[2J\n", 4, "yaml", "control"),
    ("C1 control", "a: \x9b\n", 2, "yaml", "control"),
    ("no character", "a: \uffff\n", 2, "yaml", "control"),
    ("open quote", 'a: x\nb: "never closed\n', 4, "yaml", "not YAML"),
    ("open bracket", "a: [x\n", 3, "yaml", "not YAML"),
    ("colon in a text", "a: x\nb: how: now\n", 3, "yaml", "not YAML"),
    ("tab as indent", "a:\n\tb: x\n", 3, "yaml", "not YAML"),
    ("reserved sign", "a: @x\n", 2, "yaml", "not YAML"),
    ("no such character", 'a: "\\UFFFFFFFF"\n', 2, "yaml", "not YAML"),
    ("unknown escape", 'a: "\\q"\n', 2, "yaml", "not YAML"),
    ("key without value", "a: x\nb\n", 4, "yaml", "not YAML"),
    ("a list", "- a\n- b\n", 2, "not-a-mapping", "mapping"),
    ("a text", "just words\n", 2, "not-a-mapping", "mapping"),
    ("nothing", "", 2, "not-a-mapping", "mapping"),
    ("only remarks", "# a\n# b\n", 2, "not-a-mapping", "mapping"),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "line", "kind", "word"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED]
)
def test_is_refused_with_its_line(loader: Any, text: str, line: int, kind: str, word: str) -> None:
    with pytest.raises(ArticleError) as refusal:
        parse_with(loader, text)
    assert (refusal.value.path, refusal.value.line) == ("bees.md", line)
    assert refusal.value.kind == kind
    assert word in refusal.value.reason
    with pytest.raises(ArticleError) as again:
        parse(text)
    assert (again.value.line, again.value.kind) == (line, kind)


@pytest.mark.parametrize("loader", LOADERS)
def test_the_limits_themselves_are_allowed(loader: Any) -> None:
    assert len(parse_with(loader, nodes(frontmatter.MAX_NODES))["numbers"]) == 4_997
    assert texts(parse_with(loader, "deep: [[[]]]\n")) == {"deep": [[[]]]}
    parse_with(loader, levels(frontmatter.MAX_DEPTH))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("loader", LOADERS)
def test_a_long_text_is_no_matter(loader: Any) -> None:
    answer = "bees dance " * 20_000
    assert parse_with(loader, f"answer: >-\n    {answer}\n") == {"answer": Scalar(answer, 2)}


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("sign", ["\x85", "\u2028", "\u2029"], ids=["NEL", "LS", "PS"])
@pytest.mark.parametrize("style", ["{}", "'{}'", '"{}"', ">-\n    {}", "|-\n    {}"])
def test_only_a_line_feed_ends_a_line(loader: Any, sign: str, style: str) -> None:
    value = f"one{sign}two \ue000 three"
    text = f"a: {style.format(value)}\nb: x\n"
    assert texts(parse_with(loader, text)) == {"a": value, "b": "x"}
    assert parse(text) == parse_with(loader, text)
    with pytest.raises(ArticleError) as refusal:
        parse_with(loader, f"{text}b: y\n")
    assert refusal.value.line == FIRST_LINE + text.count("\n")


# Lines that make the plainest form, and lines that almost do.
_PLAIN = ["x", "7", "-1.0", "2024-12-13", "no", "null", "a b, c", "/a", "A | B & C", "x [y]?"]
_TRICKY = [
    word.replace("_", " ")
    for word in """
    [x x] 'x -_x - &x x_#y x#y #y x:_y x:y x: ~ %x --- ... ?_x !x @x `x "x" x_ _x x\ty x\u00a0
    \u00a0x \ufeffx x\ufeff é > >- | *x {x} << = 0x1F 1_000 1:2 :_x ,x x, _
    """.replace("\n", " ").split(" ")
]
_words = st.sampled_from(_PLAIN * 40 + _TRICKY)
_FORMS = [
    *["{key}: {word}\n", "{key}: >-\n    {word}\n", "{key}:\n  in: {word}\n  on: >-\n    x\n"] * 4,
    " {key}: {word}\n",
    "  {key}: {word}\n",
    "{key}:\n  in: >-\n  {word}\n",
    "{key}:\n  in: >-\n   {word}\n",
    "{key}:\n{word}\n",
    "{key}:\n  in: {word}\n   on: x\n",
    "{key}:\n  in:\n    on: {word}\n",
    "{key}: >-\n  {word}\n    x\n",
    "{key}: >-\n{word}\n",
    "{key}: >-\n\t{word}\n",
    "{key}: >\n  {word}\n",
    "{key}: {word}\n  {word}\n",
    "{key}:\n- {word}\n",
    "a: {word}\n",
    "'{key}': {word}\n",
    "{key} {key}: {word}\n",
    "{word}\n",
    "\n",
    " \n",
]
yaml_like = st.lists(st.tuples(st.sampled_from(_FORMS), _words), max_size=5).map(
    lambda lines: "".join(
        form.format(key="abcde"[i], word=word) for i, (form, word) in enumerate(lines)
    )
)


@settings(max_examples=500)
@given(yaml_like)
def test_the_quick_way_reads_what_the_parser_reads(text: str) -> None:
    check_the_quick_way(text)


def check_the_quick_way(text: str) -> None:
    quick = simpleyaml.simple_mapping(text, FIRST_LINE)
    if quick is not None:
        assert quick == parse_with(yaml.SafeLoader, text)
        if yaml.__with_libyaml__:
            assert quick == parse_with(yaml.CSafeLoader, text)


@pytest.mark.parametrize("form", sorted(set(_FORMS)))
def test_the_quick_way_is_not_misled(form: str) -> None:
    for word in _PLAIN + _TRICKY:
        for last in ("", "z: x\n"):
            check_the_quick_way(form.format(key="a", word=word) + last)


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(_PLAIN), min_size=1))
def test_the_quick_way_takes_the_plainest_form(values: dict[str, str]) -> None:
    plain = "".join(f"{key}: {value}\n" for key, value in values.items())
    folded = "".join(f"{key}: >-\n    {value}\n" for key, value in values.items())
    inner = "".join(f"  {key}: {value}\n" for key, value in values.items())
    for text, expected in (
        (plain, values),
        (folded, values),
        (f"inner:\n{inner}g: x\n", {"inner": values, "g": "x"}),
    ):
        quick = simpleyaml.simple_mapping(text, FIRST_LINE)
        assert quick is not None
        assert texts(quick) == expected


@given(st.one_of(yaml_like, st.text(max_size=200)))
def test_anything_is_read_or_refused_with_a_line(text: str) -> None:
    lines = text.count("\n") + 1
    for loader in (yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])):
        try:
            parse_with(loader, text)
        except ArticleError as refusal:
            assert refusal.line is not None
            assert FIRST_LINE <= refusal.line <= FIRST_LINE + lines
