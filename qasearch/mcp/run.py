"""Talking over stdin and stdout until the agent hangs up."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import anyio
from anyio import to_thread
from mcp.server.stdio import stdio_server

from qasearch import Embedder, Index, QASearchError
from qasearch.mcp.app import create_server

logger = logging.getLogger(__name__)


def serve(index: str | Path, embedder: Embedder, *, on_open: Callable[[], None]) -> None:
    """Answer from an index until stdin ends; SIGINT and SIGTERM end the process.

    To be called in the main thread, which alone may say what signals do. Meanwhile stdout belongs
    to the protocol: whatever else is written there, by whichever library, goes to stderr.

    Args:
        index: its folder.
        embedder: the one that built it.
        on_open: called once it is open, before anything is read or written.

    Raises:
        QASearchError: there is no index, or it cannot be used.
    """
    with Index.open(index, embedder=embedder) as opened:
        on_open()
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, partial(_end, opened))
        anyio.run(_talk, opened)


def _end(index: Index, sign: int, frame: FrameType | None) -> None:
    """End the process at once: a thread waits for stdin, and Python would wait for that thread."""
    index.close()
    os._exit(0)


async def _talk(index: Index) -> None:
    server = create_server(index)
    async with stdio_server() as (incoming, outgoing), anyio.create_task_group() as tasks:
        tasks.start_soon(to_thread.run_sync, _warm_up, index)
        await server.run(incoming, outgoing, server.create_initialization_options())
        # What was printed and not yet written goes to stderr too: outside, stdout is itself again.
        sys.stdout.flush()


def _warm_up(index: Index) -> None:
    """Load the model, which the first search would have to wait for."""
    try:
        index.search("warm up", k=1, points=0)
    except QASearchError as error:
        logger.error("The model cannot be loaded: %s %s", error, error.hint)
