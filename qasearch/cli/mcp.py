"""``qasearch mcp``: the index as tools for agents."""

from importlib.util import find_spec

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


def mcp(
    model: ModelOption = None,
    index: IndexOption = DEFAULT_INDEX,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Answer agents by the Model Context Protocol, on stdio.

    The tools are search, show and related; none of them writes. Agents start this command
    themselves, often in a folder of their own: name the index by its whole path. It follows the
    index from build to build, and ends when stdin does. The log is on stderr.

    For example:

        qasearch mcp --index /home/me/articles/index

        claude mcp add qasearch -- qasearch mcp --index /home/me/articles/index
    """
    if find_spec("mcp") is None:
        raise ValueError("Answering agents needs more packages: pip install 'qasearch[mcp]'")

    from qasearch import load_embedder
    from qasearch.mcp import serve

    log_to_stderr(quiet=quiet)

    def opened() -> None:
        if not quiet:
            say(f"Answering from {index} on stdin and stdout, until stdin ends.")

    serve(index, load_embedder(model, offline=offline), on_open=opened)
    return ExitCode.DONE
