"""``qasearch rollback``: back to the generation before."""

from qasearch.cli.console import visible, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    QuietOption,
    VerboseOption,
    WaitOption,
)


def rollback(
    wait: WaitOption = 0.0,
    index: IndexOption = DEFAULT_INDEX,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Let the generation before answer again.

    The newest whole one before the one that answers now. Exits with 3 if there is none. The next
    build goes on from it, with what the sources hold then.

    For example:

        qasearch rollback -i index/
    """
    from qasearch import Index

    generation = Index.rollback(index, wait=wait)
    write(visible(f"{generation} answers now in {index}."))
    return ExitCode.DONE
