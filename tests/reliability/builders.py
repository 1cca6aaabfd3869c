"""The section about builds that compete for one index."""

import os
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from qasearch import Index
from qasearch.cli.errors import ExitCode
from tests.reliability import editions
from tests.reliability.campaign import Campaign, Section
from tests.reliability.commands import Commands, Ended
from tests.reliability.contents import generations

BUILDERS = 8
"""At a time."""

ROUNDS = 50
PARTS = 5
"""In how many parts the rounds are given to the workers."""

MOST_SECONDS = 60

TITLE = "Builders at the same time"
TEXT = f"""\
{BUILDERS} processes begin `qasearch build` on one index in the same moment, after every article has
changed. *At once*: without `--wait`; *waiting*: with it; *killed*: with it, and whoever holds the
lock first is killed by SIGKILL some moments later.

Exactly one of them commits in each round. Without `--wait` the others exit with 4 and name the
process that builds, or come so late that nothing is left to do; with it, all exit with 0. What a
killed process held is free at once. Each time all that is answered is of the new edition, `verify`
finds nothing wrong, and no leftovers stay.
"""
HEADER = ("builders", "rounds", "committed", "nothing left to do", "exit 4", "killed", "wrong")

AT_ONCE, WAITING, KILLED = WAYS = ("at once", "waiting", "killed")


@dataclass(slots=True)
class Round:
    """What came of a round: how many of the builders ended how, and what was wrong."""

    way: str
    ends: Counter[str] = field(default_factory=Counter[str])
    problems: list[str] = field(default_factory=list[str])


def run(campaign: Campaign) -> Section:
    """Let builders compete."""
    count = max(len(WAYS), round(campaign.share * ROUNDS))
    arguments = [
        (seed, range(count)[part::PARTS], campaign.scratch)
        for seed in campaign.seeds
        for part in range(min(PARTS, count))
    ]
    parts = campaign.map("parts of the builders' rounds", compete, arguments)
    found = [each for part in parts for each in part]
    rows = [_row(way, [each for each in found if each.way == way]) for way in WAYS]
    problems = [f"{each.way}: {problem}" for each in found for problem in each.problems]
    for end in ("exit 4", "killed"):
        if not any(each.ends[end] for each in found):
            problems.append(f"No builder ever ended by {end}: they did not compete.")
    return Section(TITLE, TEXT, HEADER, [*rows, _row("all", found)], problems)


def compete(seed: int, rounds: Sequence[int], scratch: Path) -> list[Round]:
    """Some rounds, one after the other, on one index."""
    folder = scratch / f"builders {seed} {rounds[0]}"
    found = [_compete(number, folder, Random(f"{seed} {number}")) for number in rounds]
    shutil.rmtree(folder)
    return found


def _compete(number: int, folder: Path, random: Random) -> Round:
    found = Round(WAYS[number % len(WAYS)])
    index, edition = folder / "index", number + 1
    editions.write(folder / "articles", edition)
    before = generations(index)
    wait = () if found.way == AT_ONCE else ("--wait", str(MOST_SECONDS))
    build = ("build", folder / "articles", "-i", index, *wait)
    commands = Commands([build] * BUILDERS, folder)
    commands.begin()
    killed = _kill_the_holder(index, commands, random) if found.way == KILLED else None
    ended = commands.wait()
    for each in ended:
        end, problems = judge(each, found.way, killed, commands.processes)
        found.ends[end] += 1
        found.problems += problems
    # Those that found nothing left to do name the generation that answers too.
    committed = {each.said.split()[-1] for each in ended if each.code == 0} - before
    if len(committed) != 1:
        found.problems.append(f"{len(committed)} generations were committed")
    found.ends["committed"] = len(committed)
    found.ends["nothing left to do"] = found.ends["exit 0"] - len(committed)
    found.problems += editions.problems_of(index, {edition})
    return found


def judge(
    ended: Ended, way: str, killed: int | None, builders: Sequence[int]
) -> tuple[str, list[str]]:
    """How a builder's end is called, and what is wrong with it."""
    if ended.process == killed and ended.code == -signal.SIGKILL:
        return "killed", []
    if ended.code == ExitCode.DONE:
        return "exit 0", []
    if ended.code == ExitCode.LOCKED and way == AT_ONCE:
        holder = re.search(r"is being built by process (\d+) on \S+ since 20\d\d-", ended.said)
        named = holder and int(holder[1]) in {*builders} - {ended.process}
        return "exit 4", [] if named else [f"does not name who builds: {ended.said}"]
    return "wrong", [f"exit code {ended.code}: {ended.said}"]


def _kill_the_holder(index: Path, commands: Commands, random: Random) -> int | None:
    """Kill whoever is seen to hold the lock, some time later; None if nobody was seen."""
    until = time.monotonic() + MOST_SECONDS
    while time.monotonic() < until:
        holder = re.match(r"process (\d+) on", Index.lock_holder(index) or "")
        if holder and int(holder[1]) in commands.processes:
            time.sleep(random.uniform(0, 0.05))
            os.kill(int(holder[1]), signal.SIGKILL)  # there still, since nobody has waited for it
            return int(holder[1])
    return None


def _row(way: str, rounds: Sequence[Round]) -> tuple[str | int, ...]:
    ends = sum((each.ends for each in rounds), Counter[str]())
    names = ("committed", "nothing left to do", "exit 4", "killed")
    wrong = sum(bool(each.problems) for each in rounds)
    return (way, len(rounds), *(ends[name] for name in names), wrong)
