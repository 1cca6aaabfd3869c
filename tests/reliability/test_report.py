"""The report: all that was found is in it."""

from pathlib import Path
from typing import Any, cast

from tests.reliability.campaign import Campaign, Section
from tests.reliability.report import render

CAMPAIGN = Campaign(cast(Any, None), Path(), lambda _: None, seed=5, rounds=2, share=0.5)
GOOD = Section("Good things", "They hold.", ("what", "states"), [("one", 1_234)], [])
BAD = Section("Bad things", "They do not.", ("what", "states"), [("a | b", 5)], ["b broke"])


def test_the_report_holds_every_table():
    report = render([GOOD, BAD], CAMPAIGN, "abc1234")
    assert "## Good things\n\nThey hold.\n" in report
    assert "| what | states |\n| --- | --- |\n| one | 1,234 |\n" in report
    assert "| a \\| b | 5 |\n" in report
    assert report.index("Good things") < report.index("Bad things")


def test_the_report_says_how_it_came_about():
    report = render([GOOD], CAMPAIGN, "abc1234")
    assert "- Commit: abc1234\n" in report
    assert "- Articles: seed 5, seed 6\n" in report
    assert "- Share of all faults and states: 50%\n" in report


def test_what_did_not_hold_is_listed():
    assert "## What did not hold\n\nEverything held.\n" in render([GOOD], CAMPAIGN, "abc1234")
    assert "## What did not hold\n\n- b broke\n" in render([GOOD, BAD], CAMPAIGN, "abc1234")
