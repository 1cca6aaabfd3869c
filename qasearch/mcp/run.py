"""Talking over stdin and stdout until the agent hangs up."""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
from anyio import to_thread
from mcp.server.stdio import stdio_server

from qasearch import Embedder, Index, QASearchError
from qasearch.mcp.app import create_server

logger = logging.getLogger(__name__)


def serve(index: str | Path, embedder: Embedder, *, on_open: Callable[[], None]) -> None:
    """Answer from an index until stdin ends, or SIGINT or SIGTERM comes.

    While it serves, stdout belongs to the protocol: whatever else is written there, by whichever
    library, goes to stderr.

    Args:
        index: its folder.
        embedder: the one that built it.
        on_open: called once it is open, before anything is read or written.

    Raises:
        QASearchError: there is no index, or it cannot be used.
    """
    with Index.open(index, embedder=embedder) as opened:
        on_open()
        with suppress(KeyboardInterrupt):
            anyio.run(_talk, opened)


async def _talk(index: Index) -> None:
    server = create_server(index)
    async with stdio_server() as (incoming, outgoing), anyio.create_task_group() as tasks:
        tasks.start_soon(to_thread.run_sync, _warm_up, index)
        await server.run(incoming, outgoing, server.create_initialization_options())
        # What was printed and not yet written still goes to stderr: outside, stdout is stdout again.
        sys.stdout.flush()


def _warm_up(index: Index) -> None:
    """Load the model, which the first search would have to wait for."""
    try:
        index.search("warm up", k=1, points=0)
    except QASearchError as error:
        logger.error("The model cannot be loaded: %s %s", error, error.hint)
