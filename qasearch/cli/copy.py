"""``qasearch copy``: an index to a store."""

import dataclasses
from typing import Annotated

import typer

from qasearch.cli.console import visible, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.formats import json_text
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexFolderOption,
    ModelOption,
    OfflineOption,
    QuietOption,
    VerboseOption,
)
from qasearch.cli.progress import progress_on_terminal


def copy(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="STORE",
            help="milvus://host:port/collection, milvus:FILE.db, or postgresql://host/database.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Write the figures as JSON.")] = False,
    index: IndexFolderOption = DEFAULT_INDEX,
    model: ModelOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Copy the index to a store, check the copy, and let it answer.

    Only what differs is sent. A copy that was interrupted goes on where it was.

    For example:

        qasearch copy --to milvus://localhost:19530/faq

        qasearch copy --to "postgresql://user@localhost/faq"
    """
    from qasearch import Index

    progress = progress_on_terminal(quiet=quiet)
    report = Index.copy(index, to, model=model, offline=offline, progress=progress)
    if as_json:
        write(json_text(dataclasses.asdict(report), indent=2))
        return ExitCode.DONE
    write(
        visible(
            f"{report.generation} answers now in {report.store}: {report.sent:,} articles sent, "
            f"{report.unchanged:,} unchanged, {report.removed:,} removed, "
            f"{report.passages:,} passages, {report.seconds:.1f} s."
        )
    )
    write(
        f"Checked: counts, digest {report.digest:.12}, "
        f"vectors and answers of {report.canaries} articles."
    )
    return ExitCode.DONE
