"""A progress bar on stderr. Loaded only when there is a terminal to show it on: rich is slow."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from qasearch.protocols import Batch


class _PaceColumn(ProgressColumn):
    """How many a second, and the time left at that pace.

    Over the whole task: rich's own columns look back half a minute, in which there may be no two
    batches to compare.
    """

    def render(self, task: Task) -> Text:
        if not task.completed or not task.elapsed:
            return Text("")
        pace = task.completed / task.elapsed
        left = timedelta(seconds=round(((task.total or 0) - task.completed) / pace))
        figure = f"{pace:,.0f}" if pace >= 10 else f"{pace:.1f}"
        return Text(f"{figure}/s  {left} left", style="progress.remaining")


def bar(batches: Iterable[Batch], *, total: int, what: str) -> Iterator[Batch]:
    """Show a bar with rate and time left while the batches are worked on; then it disappears."""
    columns = (
        SpinnerColumn(),  # the first batch may take a while, and nothing else moves until then
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}", markup=False),
        _PaceColumn(),
    )
    # Redirected, as it is by default, results would come out on stderr.
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(what, total=total)
        for batch in batches:
            yield batch
            progress.advance(task, len(batch))
