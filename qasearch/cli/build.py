"""``qasearch build``: articles in, index out."""

import re
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypedDict

import typer

from qasearch.cli.console import say, visible, warn, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.options import (
    DEFAULT_INDEX,
    AllowShrinkOption,
    ExcludeOption,
    IncludeOption,
    IndexFolderOption,
    ModelOption,
    NoIndexOption,
    OfflineOption,
    QuietOption,
    StrictOption,
    VerboseOption,
    WaitOption,
)
from qasearch.cli.progress import progress_on_terminal
from qasearch.errors import ArticleError, BuildRefusedError
from qasearch.records import BuildReport, Refusal, ShardReport


def build(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files and folders of articles.  [default: seeds]"),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Read every file anew; the cache still gives vectors.")
    ] = False,
    model: ModelOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    include_no_index: NoIndexOption = False,
    strict: StrictOption = False,
    allow_shrink: AllowShrinkOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be done, and write nothing.")
    ] = False,
    token_bits: Annotated[
        int | None,
        typer.Option(
            "--token-bits",
            metavar="2|4",
            help="For each number of a token's vector: 4 finds a little better, at twice the room.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            help="Only embed the texts of shard I of N, into --cache; see `qasearch merge`.",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Folder for what the shard embeds."),
    ] = None,
    after: Annotated[
        Path | None,
        typer.Option(
            "--after", metavar="DIR", help="Cache of shard 1, which all other shards go on from."
        ),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="ray|ray://HOST:PORT",
            help="Read and embed on the workers of a Ray cluster, or of this machine.",
        ),
    ] = None,
    wait: WaitOption = 0.0,
    index: IndexFolderOption = DEFAULT_INDEX,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Read what changed and write the index anew.

    The old index answers until the new one is whole.

    Exits with 1 if files were refused (the others are indexed).

    For example:

        qasearch build

        qasearch build articles/ faq.jsonl --exclude "drafts/*" -i faq-index/

        qasearch build articles/ --shard 2/16 --cache shards/2 --after shards/1
    """
    from qasearch import Index

    flags = {"rebuild": rebuild, "allow_shrink": allow_shrink, "dry_run": dry_run}
    do = partial(Index.build, **flags, on=on)
    if shard or cache or after:
        _refuse_without_meaning(shard, **flags, on=bool(on))
        do = partial(Index.embed_shard, **_shard_options(shard, cache, after))
    try:
        # Of lost workers, Ray tells on stdout, whatever it is asked.
        with redirect_stdout(sys.stderr) if on else nullcontext():
            report = do(
                paths or [Path("seeds")],
                index=index,
                model=model,
                include=include or (),
                exclude=exclude or (),
                include_no_index=include_no_index,
                strict=strict,
                token_bits=_token_bits(token_bits),
                offline=offline,
                wait=wait,
                progress=progress_on_terminal(quiet=quiet),
            )
    except BuildRefusedError as error:
        list_refused(error.refused)
        raise
    write_report(report, dry_run=dry_run, quiet=quiet, verbose=verbose)
    return ExitCode.REPORT if report.refused else ExitCode.DONE


class _ShardOptions(TypedDict):
    cache: Path
    shard: tuple[int, int]
    after: Path | None


def _shard_options(shard: str | None, cache: Path | None, after: Path | None) -> _ShardOptions:
    """What ``Index.embed_shard`` takes.

    Raises:
        ValueError: one of them is missing, or no shard.
    """
    if shard is None or cache is None:
        raise ValueError("A shard needs both: --shard I/N, and --cache DIR to embed it into.")
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", shard)
    if not match:
        raise ValueError(f"--shard is I/N, as in 2/16, not {shard!r}.")
    return {"cache": cache, "shard": (int(match[1]), int(match[2])), "after": after}


def _refuse_without_meaning(shard: str | None, **flags: bool) -> None:
    for name, given in flags.items():
        if given:
            raise ValueError(f"--{name.replace('_', '-')} means nothing with --shard {shard}.")


def _token_bits(given: int | None) -> Literal[2, 4] | None:
    if given in (None, 2, 4):
        return given
    raise ValueError(f"--token-bits is 2 or 4, not {given}.")


def write_report(
    report: BuildReport | ShardReport,
    *,
    dry_run: bool = False,
    quiet: bool = False,
    verbose: bool = False,
) -> None:
    """Name what was refused, list warnings, and end with one line of figures."""
    list_refused(report.refused)
    warn(report.warnings, quiet=quiet, verbose=verbose)
    if isinstance(report, BuildReport):
        write(visible(_figures(report, dry_run=dry_run)))
    else:
        write(visible(_shard_figures(report)))


def list_refused(refused: Sequence[Refusal]) -> None:
    """Name each file, or line of one, that was left out, and say why."""
    for refusal in refused:
        say(str(ArticleError(refusal.path, refusal.line, refusal.reason, kind=refusal.kind)))


def _figures(report: BuildReport, *, dry_run: bool) -> str:
    """The report on one line."""
    articles = ", ".join(
        f"{count:,} {what}"
        for what, count in (
            ("added", report.added),
            ("changed", report.changed),
            ("removed", report.removed),
            ("renamed", report.renamed),
            ("unchanged", report.unchanged),
            ("stale", report.stale),
            ("skipped", report.skipped),
            ("refused", len(report.refused)),
        )
    )
    return (
        f"{report.articles:,} articles ({articles}), {report.passages:,} passages "
        f"({report.embedded:,} texts embedded, {report.reused:,} reused) "
        f"in {report.seconds:.1f} s: {'dry run' if dry_run else report.generation}"
    )


def _shard_figures(report: ShardReport) -> str:
    return (
        f"Shard {report.shard}: {report.texts:,} texts ({report.embedded:,} embedded, "
        f"{report.texts - report.embedded:,} known) in {report.seconds:.1f} s: {report.cache}"
    )
