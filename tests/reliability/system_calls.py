"""The section about system calls that fail, and about builds that are killed at them."""

import os
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

from tests.reliability.bench import FAULTS, Attempt, Bench, faults_at
from tests.reliability.builds import EDITIONS
from tests.reliability.campaign import Campaign, Section
from tests.reliability.traced import why_untraceable

FEWEST = 500
"""Faults that a whole campaign injects at least."""

TITLE = "Faults at system calls"
TEXT = """\
Each build runs under `strace`, with the real SQLite and FAISS. Once it runs undisturbed, which
shows every system call that may change the index folder: opening to create or to cut, writing,
syncing, renaming, making and removing, changing modes, and closing what was written. Then it runs
again for each of these calls and each fault: *KILL*, the process dies by SIGKILL in place of the
call; *EIO* and *ENOSPC*, the call fails once; *full disk*, from this call on all that needs space
fails. A *first* build makes the index; an *incremental* one takes up changed, new, removed and
renamed files, and has an old generation to remove; one *after a kill* finds an unfinished
generation; one with *no change* has nothing to do.

After each: the index answers wholly as before or wholly as after (every text, every vector, and
what is found for each); what was acknowledged answers; an error is an `IndexWriteError` that knows
its cause and names the path, and leaves nothing unfinished behind; the next build answers what it
was given, `verify` finds nothing wrong, and no leftovers stay.

*Told*: the build ended with that error; after the rename of `CURRENT` this may be so although the
new generation answers. *Warned*: the fault came where it could do no harm, and was logged. *No
word*: it went unnoticed, at calls whose outcome does not matter, such as closing a file that is
synced, or handing over the journal of the cache to its owner.
"""
PARTS = 12
"""In how many parts the faults of a build are given to the workers."""

HEADER = (
    *("build", "calls", *FAULTS, "old or none answers", "new answers"),
    *("told", "warned", "no word", "broken laws"),
)


def run(campaign: Campaign) -> Section:
    """Inject every fault at every call of every build."""
    if reason := why_untraceable():
        return Section(TITLE, TEXT, (), (), [reason])
    parts = max(1, round(PARTS * campaign.share))
    tasks = [
        (name, seed, part, parts, campaign.share, campaign.scratch)
        for seed in campaign.seeds
        for name in EDITIONS
        for part in range(parts)
    ]
    found = campaign.map("parts of the faults at system calls", attempt_part, tasks)
    calls = Counter[str]()
    for (name, _, part, *_), (count, _) in zip(tasks, found, strict=True):
        calls[name] += count if part == 0 else 0
    attempts = [attempt for _, part in found for attempt in part]
    rows = [
        _row(name, calls[name], [each for each in attempts if each.build == name])
        for name in EDITIONS
    ]
    rows.append(_row("all", calls.total(), attempts))
    failures = [str(attempt) for attempt in attempts if attempt.problems]
    if len(attempts) < campaign.share * FEWEST:
        failures.append(f"Only {len(attempts)} faults: a whole campaign has {FEWEST} at least.")
    return Section(TITLE, TEXT, HEADER, rows, failures)


def attempt_part(
    name: str, seed: int, part: int, parts: int, share: float, scratch: Path
) -> tuple[int, list[Attempt]]:
    """Try a build with some of the faults, one after the other; also, how many calls it has."""
    bench = _bench(name, seed, scratch)
    faults = [(call, fault) for call in bench.calls for fault in faults_at(call)]
    chosen = Random(f"{name} {seed}").sample(faults, round(share * len(faults)))
    return len(bench.calls), [bench.attempt(*each) for each in chosen[part::parts]]


@cache
def _bench(name: str, seed: int, scratch: Path) -> Bench:
    """One for each process, since an attempt spoils its folder."""
    return Bench(name, seed, scratch / f"{name} {seed} {os.getpid()}")


def _row(name: str, calls: int, attempts: Sequence[Attempt]) -> tuple[str | int, ...]:
    seen = Counter[str]()
    for each in attempts:
        seen.update((each.fault, each.end, each.answers))
    return (
        *(name, calls, *(seen[fault] for fault in FAULTS)),
        *(seen["nothing"] + seen["old"], seen["new"]),
        *(seen["told"], seen["warned"], seen["no word"]),
        sum(bool(each.problems) for each in attempts),
    )
