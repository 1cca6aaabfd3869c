"""``qasearch merge``: what shards embedded, brought together."""

from pathlib import Path
from typing import Annotated

import typer

from qasearch.cli.console import visible, warn, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexFolderOption,
    QuietOption,
    VerboseOption,
    WaitOption,
)
from qasearch.cli.progress import progress_on_terminal


def merge(
    caches: Annotated[
        list[Path],
        typer.Argument(metavar="CACHE", help="Folders that `build --shard` embedded into."),
    ],
    wait: WaitOption = 0.0,
    index: IndexFolderOption = DEFAULT_INDEX,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Put what shards embedded into the cache of an index.

    The caches may also be those of other indexes. What is known already is left as it is.

    For example:

        qasearch merge shards/* && qasearch build articles/
    """
    from qasearch import Index

    report = Index.merge(caches, index, wait=wait, progress=progress_on_terminal(quiet=quiet))
    if report.damaged:
        lost = f"{report.damaged:,} texts are damaged and left out; a build embeds them again."
        warn([lost], quiet=quiet, verbose=verbose)
    write(
        visible(
            f"{report.caches:,} caches: {report.added:,} texts added, {report.known:,} known "
            f"in {report.seconds:.1f} s: {index}"
        )
    )
    return ExitCode.DONE
