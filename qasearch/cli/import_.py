"""``qasearch import``: an export made an index again."""

from pathlib import Path
from typing import Annotated

import typer

from qasearch.cli.console import visible, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.options import (
    DEFAULT_INDEX,
    AllowShrinkOption,
    IndexFolderOption,
    QuietOption,
    VerboseOption,
    WaitOption,
)
from qasearch.cli.progress import progress_on_terminal


def import_(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `qasearch export` wrote.")],
    allow_shrink: AllowShrinkOption = False,
    wait: WaitOption = 0.0,
    index: IndexFolderOption = DEFAULT_INDEX,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Make an export the next generation of an index, without a model.

    It is checked against the hashes of the index that was exported. Needs the extra `parquet`.

    For example:

        qasearch import faq-export/ -i faq-index/
    """
    from qasearch import Index

    report = Index.import_(
        folder,
        index,
        allow_shrink=allow_shrink,
        wait=wait,
        progress=progress_on_terminal(quiet=quiet),
    )
    write(
        visible(
            f"{report.articles:,} articles and {report.passages:,} passages of "
            f"{report.exported}: {report.generation}"
        )
    )
    return ExitCode.DONE
