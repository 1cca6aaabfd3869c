"""The section about the law of incremental builds: they end where a build from nothing ends."""

from collections import Counter

import hypothesis
from hypothesis import given, settings

from tests.build.test_law import EDITS, TEXTS, check_law
from tests.reliability.campaign import Campaign, Section

SEQUENCES = 200
PARTS = 8
"""In how many parts the sequences are given to the workers."""

TITLE = "Incremental and fresh builds"
TEXT = """\
Files of a folder are written, renamed, removed and made unreadable at random (by Hypothesis), and
the folder is built now and then. At the end, an index built from nothing with the same cache must
be the same: each file byte for byte, and the manifest but for name, parent and time.
"""
HEADER = ("sequences of edits", "edits", "builds on the way", "not the same")


def run(campaign: Campaign) -> Section:
    """Try sequences of edits."""
    each = max(1, round(campaign.share * SEQUENCES / PARTS))
    arguments = [(seed * PARTS + part, each) for seed in campaign.seeds for part in range(PARTS)]
    found = campaign.map("parts of the sequences of edits", examine, arguments)
    counts = sum((count for count, _ in found), Counter[str]())
    failures = [failure for _, failure in found if failure]
    row = (counts["sequences"], counts["edits"], counts["builds"], len(failures))
    return Section(TITLE, TEXT, HEADER, [row], failures)


def examine(seed: int, sequences: int) -> tuple[Counter[str], str]:
    """Try some sequences; with the first that breaks the law, made as short as can be."""
    counts = Counter[str]()

    @hypothesis.seed(seed)
    @settings(max_examples=sequences, deadline=None, database=None)
    @given(first=TEXTS, edits=EDITS)
    def examine_each(first: str, edits: list[tuple[str, ...]]) -> None:
        counts["sequences"] += 1
        counts["builds"] += sum(step == ("build",) for step in edits)
        counts["edits"] += sum(step != ("build",) for step in edits)
        try:
            check_law(first, edits)
        except Exception as error:
            raise AssertionError(f"{first!r}, then {edits}: {error!r:.300}") from error

    try:
        examine_each()
    except AssertionError as error:
        return counts, str(error)
    return counts, ""
