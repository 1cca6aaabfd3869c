"""What was measured goes into the document, between two marks and nowhere else."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import record
from benchmarks.record import Table, run, save, saved, spread
from benchmarks.warm import beside

BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "measurements.md"
    monkeypatch.setattr(record, "DOCUMENT", path)
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    return path


def test_results_stand_between_the_marks(document: Path) -> None:
    document.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\n\nAfter\n", encoding="utf-8")
    save("warm", [Table("Times", ["what", "ms"], [["a search", "3"]], ["By hand."])], {"ms": 3})
    text = document.read_text(encoding="utf-8")
    assert text.startswith(f"# Before\n\n{BEGIN}\n\n### Times\n\n| what | ms |\n|---|---|\n")
    assert "| a search | 3 |\n\nBy hand.\n" in text
    assert text.endswith(f"{END}\n\nAfter\n")
    assert "old" not in text


def test_all_results_are_shown_in_their_order(document: Path) -> None:
    document.write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    for name in ("build", "cold", "cold"):
        save(name, [Table(f"Of {name}", ["a"], [["b"]])], None)
    text = document.read_text(encoding="utf-8")
    assert text.count("###") == 2
    assert text.index("### Of cold") < text.index("### Of build")


def test_a_judged_set_has_a_part_of_its_own(document: Path) -> None:
    marks = [f"<!-- quality-{name}: {{}} -->" for name in ("one", "two")]
    parts = [f"{mark.format('begin')}\nold\n{mark.format('end')}\n" for mark in marks]
    document.write_text(f"{BEGIN}\n{END}\n\nBy hand.\n{parts[0]}\nMore.\n{parts[1]}")
    assert saved("quality-two") == {}
    save("quality-two", [Table("Articles", ["a"], [["b"]])], {"ours": 1})
    text = document.read_text(encoding="utf-8")
    assert saved("quality-two")["figures"] == {"ours": 1}
    assert "old" not in text
    assert text.count("####") == 1
    assert text.index("More.") < text.index(marks[1].format("begin")) < text.index("#### Articles")
    assert text.startswith(f"{BEGIN}\n\n{END}\n\nBy hand.\n")
    # Nothing of it where it has no part.
    document.write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    save("quality-two", [Table("Articles", ["a"], [["b"]])], None)
    assert "Articles" not in document.read_text(encoding="utf-8")


def test_sizes_that_are_not_measured_again_are_kept() -> None:
    before = [{"passages": size, "machine": "old"} for size in (20_007, 1_000_005)]
    assert beside(before, {"passages": 20_011}) == [{"passages": 20_011}, before[1]]
    assert beside(before, {"passages": 150_003}) == [before[0], {"passages": 150_003}, before[1]]


def test_a_process_is_measured_and_its_failure_is_told() -> None:
    spent = run([sys.executable, "-c", "sum(range(10**6))"])
    assert min(spent.cpu, spent.wall) > 0
    assert spent.resident > 1
    with pytest.raises(subprocess.CalledProcessError):
        run([sys.executable, "-c", "raise SystemExit(3)"])


def test_spread() -> None:
    assert spread([3.0, 1.0, 2.5]) == "2.50 (1.00-3.00)"
    assert spread([3000.0], 0) == "3,000 (3,000-3,000)"
