"""System calls that fail in any thread of tantivy: the bench sees those of the builder alone.

strace counts the calls of each thread for itself, so a fault at the n-th call of a name may come to
several threads, once to each.
"""

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from errno import EIO, ENOSPC
from pathlib import Path

import pytest

from qasearch.index import Files
from qasearch.index.wordblocks import NewBlock, write_lexical
from tests.reliability.campaign import workers
from tests.reliability.traced import Ending, run_traced, why_untraceable

UNTRACEABLE = why_untraceable()

TEXTS = [f"moon and tide, {number} times" for number in range(50)]
FAULTS = {"EIO": "error=EIO", "ENOSPC": "error=ENOSPC", "KILL": "signal=KILL"}
_CALL = re.compile(r"(\d+) +(\w+)\(")
_REMOVING = re.compile(r"unlink|rmdir|O_DIRECTORY")


def write_words(index: Path) -> str:
    """Write the words of some texts, and nothing else; return the sha256 of the file."""
    blocks = [NewBlock(TEXTS[:20], 20), NewBlock(TEXTS[20:], 30)]
    return write_lexical(Files(), index / "lexical.tar", blocks).sha256


def write_quietly(index: Path) -> str:
    """The same, with a file as the terminal."""
    os.dup2(os.open(index.parent / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    return write_words(index)


def attempt(scratch: Path, *options: str) -> tuple[Ending, str, list[str]]:
    """How it ends under strace, what it says to the terminal, and the lines of the log."""
    index, log = scratch / "index", scratch / "log"
    shutil.rmtree(index, ignore_errors=True)
    index.mkdir()
    ending = run_traced(lambda: write_quietly(index), log, "-f", "--string-limit=0", *options)
    return ending, (scratch / "said").read_text(), log.read_text().splitlines()


def problems(scratch: Path, whole: str, call: str, fault: str, number: int) -> Iterator[str]:
    """What is not as it must be after a fault."""
    ending, said, log = attempt(scratch, f"--inject={call}:{FAULTS[fault]}:when={number}")
    index = scratch / "index"
    if said:
        yield f"said: {said[:200]}"
    if ending.killed or fault == "KILL":
        if not ending.killed or fault != "KILL":
            yield f"{ending}"
        return
    hits = [line for line in log if "(INJECTED)" in line]
    if not hits:
        yield "no fault"
    elif not ending.error and ending.generation != whole:
        yield "other words"
    elif ending.error and str(scratch / "said") not in hits[0]:
        expected = ("IndexWriteError", {"EIO": EIO, "ENOSPC": ENOSPC}[fault])
        if (ending.error, ending.errno) != expected or str(index) not in ending.message:
            yield f"{ending}"
    if (index / "lexical.tmp").exists() and not any(_REMOVING.search(line) for line in hits):
        yield "the folder of tantivy is left"


def try_all(scratch: Path) -> tuple[int, int, list[str]]:
    """Attempts, those that ended otherwise than without any fault, and problems; in a worker."""
    (scratch / "before").mkdir(parents=True)
    whole = write_words(scratch / "before")  # loads tantivy
    ending, said, log = attempt(scratch)
    if said or ending.generation != whole:
        raise RuntimeError(f"It fails even when nothing else does: {ending} {said}")
    by_thread = Counter(match.groups() for line in log if (match := _CALL.match(line)))
    most: Counter[str] = Counter()
    for (_, name), count in by_thread.items():
        most[name] = max(most[name], count)
    # strace fails a close by not closing, as no system does; a lock would be held for ever.
    del most["close"]
    found: list[str] = []
    attempts = 0
    for name, count in most.items():
        for number in range(1, count + 1):
            fault = [*FAULTS][(number + attempts) % 3]
            found += [
                f"{fault} at {name} {number}: {problem}"
                for problem in problems(scratch, whole, name, fault, number)
            ]
            attempts += 1
    return attempts, len(by_thread), found


@pytest.mark.skipif(UNTRACEABLE is not None, reason=str(UNTRACEABLE))
def test_a_fault_in_any_thread_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with workers(1) as executor:
        attempts, threads, found = executor.submit(try_all, tmp_path / "words").result()
    assert found == []
    assert threads > 5
    assert attempts > 60
