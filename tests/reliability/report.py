"""The report of a campaign, in Markdown."""

import datetime
import os
import platform
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from tests.reliability.campaign import Campaign, Section

ROOT = Path(__file__).parents[2]
PATH = ROOT / "docs" / "reliability.md"

_INTRODUCTION = """\
# Reliability

What becomes of an index when a build is killed or interrupted, when the disk fails or fills, when
the power goes, when several build it or search it at the same time, and when its files are damaged.
`make reliability` tries all of this and writes this file; the tests try a small part of it.

An index is a folder of immutable generations, and a file, `CURRENT`, that names one of them. A
build writes a new generation aside, syncs every file of it, reads everything back, and then
replaces `CURRENT` by one rename ([decision 5](decisions/0005-disk-format.md)). So at any moment the
old index answers or the new one does, never a mixture of both.
"""

_NOT_COVERED = """\
## What is not covered

- A disk that lies: one that calls synced what is not, or that changes what was written long before.
  The latter is found by hashes when an index is opened or verified, the former by nothing.
- Two faults in one build, other than a disk that stays full. What a second error keeps a build from
  clearing away is left to the next build.
- Network file systems, whose locks and renames promise less; Windows and macOS, since the builds
  are traced on Linux.
- The faults of the articles' own files, and of the model's.
"""


def render(sections: Sequence[Section], campaign: Campaign, commit: str) -> str:
    """The whole report; ``commit`` is what was tried."""
    failures = [failure for section in sections for failure in section.failures]
    return "\n".join(
        [
            _INTRODUCTION,
            _circumstances(campaign, commit),
            *map(_section, sections),
            _outcome(failures),
            _NOT_COVERED,
        ]
    )


def _circumstances(campaign: Campaign, commit: str) -> str:
    facts = {
        "Date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "Commit": commit,
        "Articles": ", ".join(f"seed {seed}" for seed in campaign.seeds),
        "Share of all faults and states": f"{campaign.share:.0%}",
        "Losses after a step": f"the simple ones, others up to {campaign.tries} combinations",
        "Machine": f"{platform.system()} {platform.release()}, {platform.machine()}, "
        f"{os.cpu_count()} cores",
        "Software": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"FAISS {version('faiss-cpu')}, {_first_line('strace', '--version')}",
    }
    return "".join(f"- {name}: {fact}\n" for name, fact in facts.items())


def _section(section: Section) -> str:
    return "\n".join([f"## {section.title}\n", section.text, *_table(section), ""])


def _table(section: Section) -> Iterator[str]:
    if section.rows:
        yield _row(section.header)
        yield _row(["---"] * len(section.header))
        yield from map(_row, section.rows)


def _row(cells: Sequence[str | int]) -> str:
    texts = [
        f"{cell:,}" if isinstance(cell, int) else cell.replace("|", r"\|").replace("``", "`")
        for cell in cells
    ]
    return f"| {' | '.join(texts)} |"


def _outcome(failures: Sequence[str]) -> str:
    lines = [f"- {failure}" for failure in failures] or ["Everything held."]
    return "\n".join(["## What did not hold\n", *lines, ""])


def current_commit() -> str:
    """The commit of this working tree, and whether it was changed since."""
    changed = _first_line("git", "status", "--porcelain", "--untracked-files=no")
    return _first_line("git", "rev-parse", "--short", "HEAD") + (
        ", with changes" if changed else ""
    )


def _first_line(*command: str) -> str:
    """What a command says first; nothing if it fails."""
    try:
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.partition("\n")[0].strip()
