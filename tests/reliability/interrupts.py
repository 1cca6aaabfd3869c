"""The section about builds that are interrupted."""

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

from qasearch import Index
from qasearch.cli.errors import ExitCode
from tests.reliability import editions
from tests.reliability.campaign import Campaign, Section
from tests.reliability.commands import Commands
from tests.reliability.commands import run as run_command
from tests.reliability.contents import generations

INTERRUPTS = 50
PARTS = 5
"""In how many parts they are given to the workers."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)

TITLE = "Interrupted builds"
TEXT = """\
SIGINT or SIGTERM reaches `qasearch build` at a random moment. It must exit with 130 (or with 0, if
it was done), the index must answer wholly of the old edition or wholly of the new one, the lock be
free, no part of a generation stay, and the cache hold all that it held before; then the next build
answers of the new edition.
"""
HEADER = ("signal", "interrupts", "exit 130", "done before", "new answers", "wrong")


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What came of an interrupted build.

    Attributes:
        sign: name of the signal.
        code: exit code.
        is_new: the index answers of the new edition.
        problems: what was wrong.
    """

    sign: str
    code: int
    is_new: bool
    problems: tuple[str, ...]


def run(campaign: Campaign) -> Section:
    """Interrupt builds."""
    count = max(len(SIGNALS), round(campaign.share * INTERRUPTS))
    arguments = [
        (seed, range(count)[part::PARTS], campaign.scratch)
        for seed in campaign.seeds
        for part in range(min(PARTS, count))
    ]
    parts = campaign.map("parts of the interrupted builds", interrupt, arguments)
    found = [each for part in parts for each in part]
    rows = [_row(sign.name, [each for each in found if each.sign == sign.name]) for sign in SIGNALS]
    problems = [f"{each.sign}: {problem}" for each in found for problem in each.problems]
    if not any(each.code == ExitCode.INTERRUPTED for each in found):
        problems.append("No signal ever came in time.")
    return Section(TITLE, TEXT, HEADER, [*rows, _row("all", found)], problems)


def interrupt(seed: int, numbers: Sequence[int], scratch: Path) -> list[Interrupted]:
    """Some interrupted builds, one after the other, on one index."""
    folder = scratch / f"interrupts {seed} {numbers[0]}"
    editions.write(folder / "articles", 0)
    started = time.monotonic()
    run_command(*_build(folder), scratch=folder)
    seconds = time.monotonic() - started
    found = [_interrupt(number, folder, Random(f"{seed} {number}"), seconds) for number in numbers]
    shutil.rmtree(folder)
    return found


def _interrupt(number: int, folder: Path, random: Random, seconds: float) -> Interrupted:
    sign, index, edition = SIGNALS[number % len(SIGNALS)], folder / "index", number + 1
    old, before, cached = editions.served(index), generations(index), _cached(index)
    editions.write(folder / "articles", edition)
    commands = Commands([_build(folder)], folder)
    commands.begin()
    time.sleep(random.uniform(0, seconds))
    os.kill(commands.processes[0], sign)
    (ended,) = commands.wait()
    # Interrupted after its commit, it leaves the oldest generation to be removed by the next build.
    problems = editions.problems_of(index, {*old, edition}, spare=1)
    if ended.code not in (ExitCode.INTERRUPTED, ExitCode.DONE):
        problems.append(f"exit code {ended.code}: {ended.said}")
    is_new = editions.served(index) == {edition}
    if _cached(index) < cached:
        problems.append("the cache has lost what it held")
    if holder := Index.lock_holder(index):
        problems.append(f"the lock is held by {holder}")
    if left := generations(index) - before - {(index / "CURRENT").read_text().split()[0]}:
        problems.append(f"left behind: {', '.join(left)}")
    again = run_command(*_build(folder), scratch=folder)
    if again.code != ExitCode.DONE:
        problems.append(f"the next build: exit code {again.code}: {again.said}")
    problems += editions.problems_of(index, {edition})
    return Interrupted(sign.name, ended.code, is_new, tuple(problems))


def _build(folder: Path) -> tuple[str | Path, ...]:
    return ("build", folder / "articles", "-i", folder / "index")


def _cached(index: Path) -> int:
    """How many rows the cache holds."""
    with closing(sqlite3.connect(index / "cache" / "embeddings.sqlite")) as cache:
        tables = cache.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        counts = [cache.execute(f"SELECT count(*) FROM {name}").fetchone() for (name,) in tables]
        return sum(count for (count,) in counts)


def _row(sign: str, found: Sequence[Interrupted]) -> tuple[str | int, ...]:
    codes = [each.code for each in found]
    return (
        *(sign, len(found), codes.count(ExitCode.INTERRUPTED), codes.count(ExitCode.DONE)),
        *(sum(each.is_new for each in found), sum(bool(each.problems) for each in found)),
    )
