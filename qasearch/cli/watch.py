"""``qasearch watch``: build again whenever files change."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Protocol

import typer

from qasearch.cli.build import list_refused, write_report
from qasearch.cli.console import flush, say
from qasearch.cli.errors import ExitCode, report
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
)
from qasearch.cli.progress import progress_on_terminal
from qasearch.errors import BuildRefusedError, IndexLockedError, QASearchError
from qasearch.records import BuildReport

WAIT_SECONDS = 10.0
"""How long a build that found the index locked waits, before it looks at the files anew."""


def watch(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Files and folders of articles.")
    ],
    model: ModelOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    include_no_index: NoIndexOption = False,
    strict: StrictOption = False,
    allow_shrink: AllowShrinkOption = False,
    index: IndexFolderOption = DEFAULT_INDEX,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Build the index, and again whenever files change.

    Until interrupted. One line of figures for each build. One that is refused leaves the index as
    it was; the next change is another chance. While another process is building, this one waits.

    For example:

        qasearch watch articles/ faq.jsonl -i faq-index/
    """
    from qasearch import Index, load_embedder, watch_files

    build = partial(
        Index.build,
        paths,
        index,
        embedder=load_embedder(model, offline=offline),
        include=include or (),
        exclude=exclude or (),
        include_no_index=include_no_index,
        strict=strict,
        allow_shrink=allow_shrink,
        progress=progress_on_terminal(quiet=quiet),
    )
    builder = _Builder(build, partial(write_report, quiet=quiet, verbose=verbose))
    if not quiet:
        say(f"Watching {', '.join(map(str, paths))}; Ctrl-C ends it.")
    for changed in watch_files(paths, include=include or (), exclude=exclude or (), without=index):
        if changed or builder.is_waiting:
            builder.build()
            flush()
    return ExitCode.DONE


class _Build(Protocol):
    def __call__(self, *, wait: float) -> BuildReport: ...


class _Builder:
    """Builds, and outlives builds that fail for a reason that may pass.

    Attributes:
        is_waiting: another process was building, so this one is to try again.
    """

    def __init__(self, build: _Build, write_figures: Callable[[BuildReport], None]) -> None:
        self.is_waiting = False
        self._build = build
        self._write_figures = write_figures
        self._began_well = False

    def build(self) -> None:
        """Build once, and tell what came of it.

        Raises:
            QASearchError: the first build fails, and not by what the files hold.
        """
        try:
            built = self._build(wait=WAIT_SECONDS if self.is_waiting else 0.0)
        except IndexLockedError as error:
            if not self.is_waiting:  # told once
                report(error, ())
            self.is_waiting = True
            return
        except BuildRefusedError as error:
            list_refused(error.refused)
            report(error, ())
        except QASearchError as error:
            if not self._began_well:
                raise
            report(error, ())
        else:
            self._write_figures(built)
        self._began_well = True
        self.is_waiting = False
