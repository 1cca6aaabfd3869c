"""``qasearch build``: articles in, index out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from qasearch.cli.console import say, visible, warn, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.options import (
    DEFAULT_INDEX,
    ExcludeOption,
    IncludeOption,
    IndexOption,
    ModelOption,
    NoIndexOption,
    OfflineOption,
    QuietOption,
    VerboseOption,
)
from qasearch.cli.progress import progress_on_terminal
from qasearch.errors import ArticleError, BuildRefusedError
from qasearch.records import BuildReport, Refusal


def build(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files and folders of articles.  [default: seeds]"),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Embed every text anew, not only new ones.")
    ] = False,
    model: ModelOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    include_no_index: NoIndexOption = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Keep the old index if any file is refused.")
    ] = False,
    wait: Annotated[
        float,
        typer.Option("--wait", metavar="SECONDS", help="Wait that long for another builder."),
    ] = 0.0,
    index: IndexOption = DEFAULT_INDEX,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Read articles and write the index.

    The old index answers until the new one is whole.

    Exits with 1 if files were refused (the others are indexed).

    For example:

        qasearch build

        qasearch build articles/ faq.jsonl --exclude "drafts/*" -i faq-index/
    """
    from qasearch import Index

    try:
        report = Index.build(
            paths or [Path("seeds")],
            index,
            model=model,
            include=include or (),
            exclude=exclude or (),
            include_no_index=include_no_index,
            strict=strict,
            rebuild=rebuild,
            offline=offline,
            wait=wait,
            progress=progress_on_terminal(quiet=quiet),
        )
    except BuildRefusedError as error:
        _list(error.refused)
        raise
    _list(report.refused)
    warn(report.warnings, quiet=quiet, verbose=verbose)
    write(visible(_figures(report)))
    return ExitCode.REPORT if report.refused else ExitCode.DONE


def _list(refused: Sequence[Refusal]) -> None:
    """Name each file, or line of one, that was left out, and say why."""
    for refusal in refused:
        say(str(ArticleError(refusal.path, refusal.line, refusal.reason, kind=refusal.kind)))


def _figures(report: BuildReport) -> str:
    """The report on one line."""
    articles = ", ".join(
        f"{count:,} {what}"
        for what, count in (
            ("added", report.added),
            ("changed", report.changed),
            ("removed", report.removed),
            ("unchanged", report.unchanged),
            ("skipped", report.skipped),
            ("refused", len(report.refused)),
        )
    )
    return (
        f"{report.articles:,} articles ({articles}), {report.passages:,} passages "
        f"({report.embedded:,} texts embedded, {report.reused:,} reused) "
        f"in {report.seconds:.1f} s: {report.generation}"
    )
