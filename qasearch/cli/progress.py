"""Which progress a command shows."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qasearch.protocols import Progress


def progress_on_terminal(*, quiet: bool) -> "Progress":
    """A bar on stderr if that is a terminal and nobody asked for quiet; else nothing."""
    if quiet or not sys.stderr.isatty():
        from qasearch.protocols import no_progress

        return no_progress
    from qasearch.cli.bar import bar

    return bar
