"""``qasearch serve``: the index over HTTP, with a page for people."""

import logging
from importlib.util import find_spec
from typing import Annotated

import typer

from qasearch.cli.console import say
from qasearch.cli.errors import ExitCode
from qasearch.cli.log import log_to_stderr
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    ModelOption,
    OfflineOption,
    QuietOption,
    VerboseOption,
)


def serve(
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="HOST", help="Address to listen on; any but loopback needs a token."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", help="Port to listen on; 0 takes any free one.")
    ] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TOKEN",
            envvar="QASEARCH_TOKEN",
            help="What callers must know. Others can see a command line: rather set the variable.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="A further name that browsers call this server by; may be repeated.",
        ),
    ] = None,
    model: ModelOption = None,
    index: IndexOption = DEFAULT_INDEX,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Answer over HTTP, with a search page.

    The page is at /, JSON at /api/, described at /docs. Follows the index: a build is answered from
    as soon as it is done. Stops at Ctrl-C or SIGTERM, once the requests that it has begun are
    answered. The log, on stderr, has every request with -v.

    For example:

        qasearch serve

        QASEARCH_TOKEN=... qasearch serve --host 0.0.0.0 --port 8080
    """
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise ValueError("Serving needs more packages: pip install 'qasearch[serve]'")

    from qasearch import load_embedder
    from qasearch.server import Settings, serve

    settings = Settings(host=host, port=port, token=token, allowed_hosts=tuple(allow_host or ()))
    _log(quiet=quiet, verbose=verbose)

    def listening(url: str) -> None:
        if not quiet:
            say(f"Serving {index} at {url}  (Ctrl-C stops)")

    serve(index, load_embedder(model, offline=offline), settings, on_listening=listening)
    return ExitCode.DONE


def _log(*, quiet: bool, verbose: bool) -> None:
    """Write the log to stderr: with ``verbose`` every request, with ``quiet`` only faults."""
    log_to_stderr(quiet=quiet)
    requests = logging.getLogger("qasearch.server.access")
    requests.setLevel(logging.INFO if verbose and not quiet else logging.WARNING)
