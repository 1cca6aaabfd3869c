"""The sections about power cuts: the states they leave, and broken protocols that are noticed."""

from collections.abc import Sequence
from pathlib import Path

from tests.reliability.builds import EDITIONS
from tests.reliability.campaign import Campaign, Section
from tests.reliability.commits import logged_commit, traced_commit
from tests.reliability.crashes import Survey, survey
from tests.reliability.mutants import MUTANTS
from tests.reliability.traced import why_untraceable

FEWEST = 2_000
"""States of first and incremental builds that a whole campaign looks at, at least."""

TITLE = "States after a power cut"
TEXT = """\
What a build does to the disk is taken down step by step: once by the store's own file operations
(*operations*: the commit alone), once by `strace` (*system calls*: the whole build, with the writes
of SQLite, the cache, the notes and the lock). Then the power is cut after each step, and what was
not synced by then is lost or not, in part and in any order: names of a folder one by one; writes
into a file all, none, the first half of each, zeros in their place, the first few, all but one. A
rename is atomic; nothing else is taken for granted, not even that a synced file keeps its name.
Where this allows too many combinations, the simple ones are taken and others at random.

Each different state is laid out on a disk and opened as by a reader. It must answer wholly as
before or wholly as after; once the commit was acknowledged, as after. On a part of them the next
build is tried, with the same demands as above.
"""
HEADER = ("build", "taken down by", "steps", "states", "next builds", "broken laws")

MUTANTS_TITLE = "Broken protocols"
MUTANTS_TEXT = """\
The same search, over commits that are broken in one place each. All must be caught: if one is not,
the figures above mean nothing.
"""
MUTANTS_HEADER = ("what is broken", "caught", "states until then", "for example")

OPERATIONS = "operations"
SYSTEM_CALLS = "system calls"


def run(campaign: Campaign) -> Section:
    """Look at the states that each build can leave."""
    ways = [(OPERATIONS, name) for name in ("first", "incremental")]
    if not why_untraceable():
        ways += [(SYSTEM_CALLS, name) for name in EDITIONS]
    arguments = [
        (way, name, seed, campaign.tries, campaign.share, campaign.scratch)
        for way, name in ways
        for seed in campaign.seeds
    ]
    found = campaign.map("builds cut off by power cuts", examine, arguments)
    rows: list[tuple[str, str, int, int, int, int]] = []
    for way, name in ways:
        those = [each for each, key in zip(found, arguments, strict=True) if key[:2] == (way, name)]
        rows.append((name, way, *_sums(those)))
    rows.append(("all", "", *_sums(found)))
    failures = [
        f"{name} build by {way}, articles {seed}: {bad}"
        for (_, each), (way, name, seed, *_) in zip(found, arguments, strict=True)
        for bad in each.bad
    ]
    states = sum(row[3] for row in rows if row[0] in ("first", "incremental"))
    if states < campaign.share * FEWEST:
        failures.append(f"Only {states} states: a whole campaign has {FEWEST} at least.")
    return Section(TITLE, TEXT, HEADER, rows, failures)


def run_mutants(campaign: Campaign) -> Section:
    """See whether each broken protocol is caught."""
    arguments = [(number, campaign.seed, campaign.scratch) for number in range(len(MUTANTS))]
    rows: list[tuple[str | int, ...]] = []
    failures: list[str] = []
    for mutant, found in zip(
        MUTANTS, campaign.map("broken protocols", catch, arguments), strict=True
    ):
        what = " ".join((mutant.__doc__ or mutant.__name__).split())
        if found.bad:
            rows.append((what, "yes", found.states, str(found.bad[0])))
        else:
            rows.append((what, "no", found.states, ""))
            failures.append(f"Not caught: {what}")
    return Section(MUTANTS_TITLE, MUTANTS_TEXT, MUTANTS_HEADER, rows, failures)


def examine(
    way: str, name: str, seed: int, tries: int, share: float, scratch: Path
) -> tuple[int, Survey]:
    """Take down a build, and look at the states that it can leave; with the number of its steps."""
    take_down = {OPERATIONS: logged_commit, SYSTEM_CALLS: traced_commit}[way]
    folder = scratch / f"{way} {name} {seed}"
    commit = take_down(name, seed, folder)
    return len(commit.history.steps), survey(
        commit, folder / "state", tries=tries, share=share, seed=seed
    )


def catch(number: int, seed: int, scratch: Path) -> Survey:
    """Look for a bad state of one of the mutants, until there is one."""
    mutant = MUTANTS[number]
    folder = scratch / mutant.__name__
    commit = logged_commit("incremental", seed, folder, mutant)
    return survey(commit, folder / "state", tries=8, seed=seed, build_every=None, most_bad=1)


def _sums(found: Sequence[tuple[int, Survey]]) -> tuple[int, int, int, int]:
    return (
        sum(steps for steps, _ in found),
        sum(each.states for _, each in found),
        sum(each.next_builds for _, each in found),
        sum(len(each.bad) for _, each in found),
    )
