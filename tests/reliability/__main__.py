"""``python -m tests.reliability``: the whole campaign; its report is ``docs/reliability.md``."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.reliability import (
    builders,
    damage,
    interrupts,
    law,
    power_cuts,
    report,
    swaps,
    system_calls,
)
from tests.reliability.campaign import Campaign, Section, workers

SECTIONS: tuple[Callable[[Campaign], Section], ...] = (
    system_calls.run,
    power_cuts.run,
    power_cuts.run_mutants,
    interrupts.run,
    builders.run,
    swaps.run,
    damage.run,
    law.run,
)
"""In the order of the report."""


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign; 1 if anything did not hold."""
    options = _parser().parse_args(arguments)
    commit = report.current_commit()  # at the beginning: a campaign takes long
    with (
        tempfile.TemporaryDirectory(prefix="reliability-", dir=options.scratch) as scratch,
        workers(options.jobs) as executor,
    ):
        campaign = Campaign(
            executor,
            Path(scratch),
            _tell,
            seed=options.seed,
            rounds=options.rounds,
            tries=options.tries,
            share=options.share,
        )
        sections = [run(campaign) for run in SECTIONS]
    options.report.write_text(report.render(sections, campaign, commit), encoding="utf-8")
    failures = [failure for section in sections for failure in section.failures]
    for failure in failures:
        _tell(failure)
    _tell(f"{len(failures)} failures; see {options.report}")
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.reliability", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--rounds", type=int, default=1, help="each with other articles")
    parser.add_argument("--tries", type=int, default=300, help="combinations of losses at a step")
    parser.add_argument("--share", type=float, default=1.0, help="of all that can be tried")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--scratch", type=Path, help="folder to work in, on the disk to be tried")
    parser.add_argument("--report", type=Path, default=report.PATH, help="file to write")
    return parser


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
