"""Each command on a small index, from arguments to what it writes."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from qasearch import __version__
from qasearch.index import Generation
from tests.cli.conftest import Command
from tests.embed.tiny_model import write_cross_encoder

FIGURES = re.compile(
    r"3 articles \((?P<added>\d) added, 0 changed, 0 removed, 0 renamed, "
    r"(?P<unchanged>\d) unchanged, 0 stale, 0 skipped, (?P<refused>\d) refused\), 5 passages "
    r"\((?P<embedded>\d+) texts embedded, (?P<reused>\d+) reused\) in \d+\.\d s: "
    r"gen-\d{10}-[0-9a-f]{8}\n"
)


def test_build_says_what_it_did(qasearch: Command, articles: Path) -> None:
    first = qasearch("build", articles)
    assert (first.code, first.err) == (0, "")
    figures = FIGURES.fullmatch(first.out)
    assert figures is not None
    assert (figures["added"], figures["unchanged"], figures["reused"]) == ("3", "0", "0")
    assert Path("index/CURRENT").is_file()

    again = FIGURES.fullmatch(qasearch("build", articles).out)
    assert again is not None
    assert (again["added"], again["unchanged"], again["embedded"]) == ("0", "3", "0")
    assert again["reused"] == figures["embedded"]

    anew = FIGURES.fullmatch(qasearch("build", articles, "--rebuild").out)
    assert anew is not None
    assert (anew["unchanged"], anew["embedded"]) == ("3", "0")


def test_build_reads_seeds_unless_told_otherwise(qasearch: Command) -> None:
    missing = qasearch("build")
    assert missing.code == 2
    assert "seeds" in missing.err

    Path("seeds").mkdir()
    Path("seeds/tea.md").write_text("# How is tea made?\n\nBoil water.\n")
    assert qasearch("build").code == 0


@pytest.mark.parametrize(("options", "bits"), [([], 2), (["--token-bits=4"], 4)])
def test_build_keeps_as_many_bits_of_tokens_as_told(
    qasearch: Command, articles: Path, options: list[str], bits: int
) -> None:
    built = qasearch("build", articles, *options)
    assert built.code == 0
    for again in ([], [f"--token-bits={bits}"]):
        assert "3 unchanged" in qasearch("build", articles, *again).out
        with Generation.open(Path("index")) as generation:
            assert generation.tokens is not None
            assert generation.tokens.codec.bits == bits
    other = FIGURES.fullmatch(qasearch("build", articles, f"--token-bits={6 - bits}").out)
    assert other is not None
    assert (other["unchanged"], other["reused"]) == ("3", "0")


@pytest.mark.parametrize("bits", ["3", "0", "-2", "8", "two", ""])
def test_other_bits_of_tokens_are_wrong_usage(qasearch: Command, articles: Path, bits: str) -> None:
    refused = qasearch("build", articles, "--token-bits", bits)
    assert (refused.code, refused.out) == (2, "")
    assert "--token-bits" in refused.err
    assert not Path("index").exists()


def test_build_takes_globs(qasearch: Command, articles: Path) -> None:
    built = qasearch("build", articles, "--exclude", "tea.md", "--include", "*.md")
    assert built.out.startswith("2 articles (2 added")


def test_build_reports_what_it_refused_and_indexes_the_rest(
    qasearch: Command, articles: Path
) -> None:
    Path("bad\x1b.md").write_text("---\nid: 1\n")
    built = qasearch("build", articles, "bad\x1b.md")
    assert built.code == 1
    assert FIGURES.fullmatch(built.out)["refused"] == "1"  # type: ignore[index]
    (line,) = built.err.splitlines()
    assert re.fullmatch(r".*bad\\x1b\.md:1: .* \[[a-z-]+\]", line)

    strict = qasearch("build", articles, "bad\x1b.md", "--strict", "-i", "other")
    assert strict.code == 1
    assert strict.out == ""
    assert strict.err.splitlines()[0] == line
    assert not Path("other/CURRENT").exists()


def test_search_for_people(on_index: Command) -> None:
    found = on_index("search", "who pays for missions", "-k", "1", "--points", "2")
    assert (found.code, found.err) == (0, "")
    assert re.fullmatch(
        r"1  Who pays for missions\? +\d\.\d\d\n"
        r"   401 · Politics · 2024-12-13 · https://example\.org/missions\n"
        r"\n"
        r"   1\. Dues +\d\.\d\d\n"
        r"      Every state pays a share of the budget\.\n"
        r"\n"
        r"   2\. Troops +\d\.\d\d\n"
        r"      States send soldiers, and money pays for them\.\n",
        found.out,
    )


def test_search_for_programs(on_index: Command) -> None:
    for form in (["--json"], ["--format", "json"], ["--format", "jsonl"]):
        found = on_index("search", "steep the leaves", *form)
        assert found.code == 0
        result = found.json()
        assert isinstance(result, dict)
        assert result["schema"] == "qasearch.search/1"
        assert result["verdict"] == "related"
        assert result["articles"][0]["id"] == "tea"
        assert result["articles"][0]["points"][0]["ordinal"] == "2"


def test_search_in_other_forms(on_index: Command) -> None:
    table = on_index("search", "steep the leaves", "--format", "csv")
    first = next(csv.DictReader(io.StringIO(table.out)))
    assert (first["id"], first["point_id"], first["point_title"]) == ("tea", "tea#2", "Leaves")

    document = on_index("search", "steep the leaves", "--format", "md")
    assert document.out.startswith("# steep the leaves\n\n## 1. How is black tea made?\n")

    run = on_index("search", "steep the leaves", "--format", "trec", "--flat", "-k", "1")
    assert re.fullmatch(r"1 Q0 tea#2 1 0\.\d{8} qasearch\n", run.out)


def test_search_ranks_passages_if_asked(on_index: Command) -> None:
    found = on_index("search", "steep the leaves", "--flat", "-k", "1")
    assert re.match(r"1  tea#2 +\d\.\d\d\n   2\. Leaves\n", found.out)


def test_search_filters_and_counts(on_index: Command) -> None:
    everything = on_index("search", "money", "--facets", "subject", "--points", "0")
    assert everything.out.endswith("\nsubject: Kitchen (1), Politics (1)\n")

    def ids(*arguments: str) -> list[str]:
        result = on_index("search", "money", "--json", *arguments).json()
        assert isinstance(result, dict)
        return sorted(article["id"] for article in result["articles"])

    assert ids("--where", "subject=kitchen") == ["tea"]
    assert ids("--where", "subject=kitchen", "--where", "subject=Politics") == ["401", "tea"]
    assert ids("--where", "date>=2024-12-01") == ["401"]
    assert ids("--where", "date>2024-11-01", "--where", "date<2024-12-01") == ["tea"]


def test_search_without_an_answer(on_index: Command) -> None:
    nothing = on_index("search", "money", "--where", "subject=Music")
    assert (nothing.code, nothing.out) == (1, "No answer: nothing in 3 articles fits.\n")

    as_json = on_index("search", "money", "--where", "subject=Music", "--json")
    assert as_json.code == 1
    result = as_json.json()
    assert isinstance(result, dict)
    assert (result["verdict"], result["articles"]) == ("no_answer", [])
    assert result["warnings"] == ["No article meets the filter."]
    assert "warning: No article meets the filter." in nothing.err

    unsaid = on_index("search", "qwxz", "--mode", "lexical", "--where", "subject=Kitchen")
    assert (unsaid.code, unsaid.err) == (1, "")


@pytest.mark.parametrize("form", ["csv", "md", "trec"])
@pytest.mark.parametrize("options", [["--explain"], ["--facets", "subject"]])
def test_what_a_form_has_no_place_for_is_refused(
    form: str, options: list[str], on_index: Command
) -> None:
    refused = on_index("search", "money", *options, "--format", form)
    assert (refused.code, refused.out) == (2, "")
    assert f"{options[0]} is not told by --format {form}" in refused.err


def test_search_explains(on_index: Command) -> None:
    explained = on_index("search", "who pays for missions", "-k", "1", "--explain")
    assert re.search(r"^   question \d\.\d\d x \d\.\d\d #1 · passage ", explained.out, re.M)
    told = on_index("search", "who pays for missions", "-k", "1", "--explain", "--json").json()
    (article,) = told["articles"]  # type: ignore[index]
    assert article["explain"]["passage"].keys() == {"score", "weight", "rank"}
    assert article["points"][0]["explain"].keys() <= article["explain"].keys()


def test_search_by_a_least_confidence(on_index: Command) -> None:
    too_few = on_index("search", "who pays", "--min-confidence", "0.5")
    assert too_few.code == 2
    assert "tells no confidence" in too_few.err
    assert "from 0 to 1" in on_index("search", "who pays", "--min-confidence", "1.5").err


def test_why(on_index: Command) -> None:
    found = on_index("why", "401", "who pays for missions")
    assert (found.code, found.err) == (0, "")
    assert "Found at rank 1." in found.out
    lost = on_index("why", "tea", "who pays for missions", "-k", "1", "--json")
    assert lost.code == 0
    told = lost.json()
    assert (told["schema"], told["outcome"]) == ("qasearch.why/1", "below_k")  # type: ignore[index]
    filtered = on_index("why", "tea", "who pays", "--where", "subject=Politics")
    assert filtered.code == 0
    assert "Left out by the filter" in filtered.out


def test_why_of_what_is_not_there(on_index: Command) -> None:
    missing = on_index("why", "coffee", "who pays")
    assert (missing.code, missing.out) == (1, "")
    assert "no article 'coffee'" in missing.err
    for command in (["why", "tea#2", "who pays"], ["related", "tea#2"]):
        assert "name their article, tea." in on_index(*command).err
    assert on_index("why", "tea", " ").code == 2


def asked_on_stdin(monkeypatch: pytest.MonkeyPatch, text: str | bytes) -> None:
    raw = text.encode() if isinstance(text, str) else text
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))


def test_search_answers_each_line_of_stdin(
    on_index: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_on_stdin(monkeypatch, "who pays\n\nboil water\n")
    found = on_index("search", "-", "-k", "1", "--points", "0")
    assert found.code == 0
    headings = [line[:12].strip() for line in found.out.splitlines() if line[:1].strip()]
    assert headings == ["? who pays", "1  Who pays", "? boil water", "1  How is bl"]

    asked_on_stdin(monkeypatch, "who pays\nboil water\n")
    lines = on_index("search", "-", "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["query"] for line in lines] == ["who pays", "boil water"]

    asked_on_stdin(monkeypatch, "who pays\nboil water\n")
    results = on_index("search", "-", "--json").json()
    assert isinstance(results, list)
    assert [result["query"] for result in results] == ["who pays", "boil water"]

    asked_on_stdin(monkeypatch, "")
    assert on_index("search", "-", "--json").json() == []
    asked_on_stdin(monkeypatch, "")
    assert on_index("search", "-", "--format", "csv").out.startswith("query,rank,id,question,")


BAD_LINES = b"who pays\ncaf\xe9\n" + b"x" * (2 * 1024 * 1024 + 9) + b"\nboil water\n"
REFUSED = [
    "stdin:2: not UTF-8 at byte 4 of the line",
    "stdin:3: the line is longer than 2 MiB",
]


def test_a_line_that_cannot_be_read_is_named_and_the_others_are_answered(
    on_index: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_on_stdin(monkeypatch, BAD_LINES)
    run = on_index("search", "-", "-k", "1", "--format", "trec")
    assert run.code == 2
    assert run.err.splitlines() == [f"error: {each}" for each in REFUSED]
    ranked = [line.split() for line in run.out.splitlines()]
    assert [(qid, id) for qid, _, id, *_ in ranked] == [("1", "401"), ("4", "tea")]

    asked_on_stdin(monkeypatch, BAD_LINES)
    lines = on_index("search", "-", "-k", "1", "--format", "jsonl")
    assert (lines.code, lines.err) == (2, "")
    first, *refused, last = map(json.loads, lines.out.splitlines())
    assert [line["error"]["message"] for line in refused] == REFUSED
    assert (first["query"], last["query"]) == ("who pays", "boil water")

    asked_on_stdin(monkeypatch, BAD_LINES)
    whole = on_index("search", "-", "--json")
    assert whole.code == 2
    assert whole.json() == {"error": {"code": "usage", "message": REFUSED[0], "hint": ""}}


def test_an_option_that_is_wrong_is_told_once(
    on_index: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_on_stdin(monkeypatch, "who pays\nboil water\n")
    refused = on_index("search", "-", "-k", "0")
    assert (refused.code, refused.out, len(refused.err.splitlines())) == (2, "", 1)


def test_a_query_that_was_cut_is_warned_of(on_index: Command) -> None:
    long = "who pays " * 1_000
    assert "warning: " in on_index("search", long, "--json").err
    assert on_index("search", long, "--json", "-q").err == ""


def test_show_an_article(on_index: Command) -> None:
    shown = on_index("show", "tea")
    assert shown.code == 0
    assert shown.out.splitlines() == [
        "How is black tea made?",
        "tea · Kitchen · 2024-11-30 · articles/tea.md",
        "",
        "1. **Water**: Boil fresh water in a kettle.",
        "2. **Leaves**: Steep the leaves for four minutes.",
    ]
    assert on_index("show", "tea", "--format", "md").out.startswith(
        "# How is black tea made?\n\n1. **Water**"
    )
    article = on_index("show", "tea", "--json").json()
    assert isinstance(article, dict)
    assert article["question"] == "How is black tea made?"
    assert [passage["id"] for passage in article["passages"]] == ["tea#1", "tea#2"]


def test_show_a_passage(on_index: Command) -> None:
    assert on_index("show", "401#2").out.splitlines() == [
        "Who pays for missions?",
        "401 · Politics · 2024-12-13 · https://example.org/missions",
        "",
        "2. **Troops**: States send soldiers, and money pays for them.",
    ]
    passage = on_index("show", "401#2", "--json").json()
    assert isinstance(passage, dict)
    assert (passage["id"], passage["ordinal"], passage["title"]) == ("401#2", "2", "Troops")
    assert passage["source"].startswith("2. **Troops**")


@pytest.mark.parametrize("id", ["tree", "tea#9", "tea#", "#1", "tree#1", ""])
def test_show_what_is_not_there(id: str, on_index: Command) -> None:
    shown = on_index("show", id)
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.startswith(f"error: The index has no article or passage {id!r}.\n")


def test_parse(qasearch: Command, articles: Path) -> None:
    parsed = qasearch("parse", articles)
    assert (parsed.code, parsed.err) == (0, "")
    lines = {line["path"]: line for line in map(json.loads, parsed.out.splitlines())}
    assert sorted(lines) == ["articles/politics/pay.md", "articles/tea.md", "articles/tents.md"]
    line = lines["articles/politics/pay.md"]
    assert list(line) == ["path", "id", "intro", "summary", "points", "passages"]
    assert line["id"] == "401"
    assert line["intro"] == "The money comes from states."
    assert line["summary"] == "In summary, states pay."
    assert line["points"][0] == {
        "ordinal": "1",
        "title": "Dues",
        "text": "Every state pays a share of the budget.",
        "section": None,
    }
    assert set(line["passages"][0]) == {
        *("id", "seq", "kind", "ordinal", "section", "title", "text"),
        *("start", "end", "run", "lead_in"),
    }
    assert lines["articles/tents.md"]["points"] == []
    assert lines["articles/tents.md"]["passages"][0]["text"] == "In tents, mostly."


def test_parse_as_one_array_and_as_a_table(qasearch: Command, articles: Path) -> None:
    lines = qasearch("parse", articles).out.splitlines()
    assert qasearch("parse", articles, "--json").json() == [json.loads(line) for line in lines]

    table = qasearch("parse", articles / "tea.md", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(table.out, newline="")))
    assert [(row["id"], row["ordinal"], row["title"], row["text"]) for row in rows] == [
        ("tea#1", "1", "Water", "Boil fresh water in a kettle."),
        ("tea#2", "2", "Leaves", "Steep the leaves for four minutes."),
    ]
    assert rows[0]["question"] == "How is black tea made?"


def test_parse_reports_what_it_refused(qasearch: Command, articles: Path) -> None:
    Path("bad.md").write_bytes(b"# Who?\n\ncaf\xe9\n")
    parsed = qasearch("parse", "bad.md", articles / "tea.md")
    assert parsed.code == 1
    assert [json.loads(line)["id"] for line in parsed.out.splitlines()] == ["tea"]
    assert re.fullmatch(r"bad\.md:3: not UTF-8.* \[not-utf8\]\n", parsed.err)


def test_run(on_index: Command) -> None:
    Path("queries.jsonl").write_text(
        '{"qid": "a", "query": "who pays"}\n{"qid": "b", "query": "boil water"}\n'
    )
    trec = on_index("run", "queries.jsonl", "-k", "2")
    assert trec.code == 0
    rows = [line.split() for line in trec.out.splitlines()]
    assert [(row[0], row[2], row[3]) for row in rows if row[3] == "1"] == [
        ("a", "401", "1"),
        ("b", "tea", "1"),
    ]
    assert [row[3] for row in rows] == ["1", "2", "1", "2"]

    passages = on_index("run", "queries.jsonl", "-k", "1", "--level", "passage")
    assert [line.split()[2] for line in passages.out.splitlines()] == ["401#1", "tea#1"]

    objects = on_index("run", "queries.jsonl", "--format", "jsonl", "--points", "1")
    lines = [json.loads(line) for line in objects.out.splitlines()]
    assert [line["qid"] for line in lines] == ["a", "b"]
    assert [line["articles"][0]["points"][0]["id"] for line in lines] == ["401#1", "tea#1"]


def test_run_names_a_bad_line(on_index: Command) -> None:
    Path("queries.tsv").write_text("a\twho pays\nb\n")
    bad = on_index("run", "queries.tsv")
    assert (bad.code, bad.out) == (2, "")
    assert "queries.tsv:2: " in bad.err


def test_status(on_index: Command, built: Path) -> None:
    text = on_index("status")
    assert text.code == 0
    assert re.search(r"^articles +3$", text.out, flags=re.M)
    assert re.search(r"^model +counts-words \(128 dimensions\)$", text.out, flags=re.M)

    fields = on_index("status", "--json").json()
    assert isinstance(fields, dict)
    assert (fields["articles"], fields["passages"], fields["dim"]) == (3, 5, 128)
    assert fields["path"] == str(built)


def test_a_flag_wins_over_the_environment(on_index: Command) -> None:
    assert on_index("status").code == 0
    missing = on_index("status", "-i", "elsewhere")
    assert missing.code == 3
    assert "elsewhere" in missing.err


def test_version(qasearch: Command) -> None:
    assert qasearch("--version").out == f"qasearch {__version__}\n"


def test_no_command(qasearch: Command) -> None:
    nothing = qasearch()
    assert (nothing.code, nothing.out) == (2, "")
    assert "qasearch --help" in nothing.err


def test_completion_is_offered(qasearch: Command) -> None:
    assert "--install-completion" in qasearch("--help").out


def test_search_with_a_reranker(qasearch: Command, articles: Path) -> None:
    """It gives each text its own score; the best of them comes first, whatever that is."""
    qasearch("build", articles)
    model = write_cross_encoder(Path("tiny-cross"))
    result = qasearch("search", "tea", "--reranker", model, "--json")
    found = json.loads(result.out)["articles"]
    plain = json.loads(qasearch("search", "tea", "--json").out)["articles"]
    assert sorted(hit["id"] for hit in found) == sorted(hit["id"] for hit in plain)
    assert [hit["score"] for hit in found] == [hit["score"] for hit in plain]


def test_search_with_a_reranker_that_is_not_there(qasearch: Command, articles: Path) -> None:
    qasearch("build", articles)
    result = qasearch("search", "tea", "--reranker", "./no/such")
    assert result.code != 0
    assert "there is no such folder" in result.err
    assert "Search without a reranker." in result.err
