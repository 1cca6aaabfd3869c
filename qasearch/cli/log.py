"""The log of the commands that go on running, on stderr."""

import logging
import sys


def log_to_stderr(*, quiet: bool) -> None:
    """Write what qasearch logs to stderr; with ``quiet`` only warnings and faults."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("qasearch").setLevel(logging.WARNING if quiet else logging.INFO)
