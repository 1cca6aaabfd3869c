"""``qasearch verify``: whether every file of an index is still as it was built."""

from qasearch.cli.console import visible, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.options import DEFAULT_INDEX, IndexOption, QuietOption, VerboseOption


def verify(
    index: IndexOption = DEFAULT_INDEX,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Hash every file of the index, and list each fault with what mends it.

    Exits with 3 if the index is missing or has a fault.

    For example:

        qasearch verify -i index/
    """
    from qasearch import Index

    faults = Index.verify(index)
    for fault in faults:
        write(visible(f"{fault} {fault.hint}"))
    if faults:
        return ExitCode.INDEX
    write(visible(f"{index} is whole: every file is as it was built."))
    return ExitCode.DONE
