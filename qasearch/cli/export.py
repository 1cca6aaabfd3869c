"""``qasearch export``: the index as Parquet."""

from pathlib import Path
from typing import Annotated

import typer

from qasearch.cli.console import visible, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.options import DEFAULT_INDEX, IndexOption, QuietOption, VerboseOption
from qasearch.cli.progress import progress_on_terminal


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder to write to.")],
    index: IndexOption = DEFAULT_INDEX,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Write articles, passages and their vectors as Parquet files.

    For pandas, DuckDB or Spark, and for `qasearch import` on another machine. Needs the extra
    `parquet`.

    For example:

        qasearch export faq-export/ -i faq-index/
    """
    from qasearch import Index

    with Index.open(index, searchable=False) as opened:
        report = opened.export(folder, progress=progress_on_terminal(quiet=quiet))
    megabytes = sum(report.bytes.values()) / 1e6
    write(
        visible(
            f"{report.articles:,} articles and {report.passages:,} passages of "
            f"{report.generation} in {len(report.bytes)} files, {megabytes:,.1f} MB: {folder}"
        )
    )
    return ExitCode.DONE
