"""The command line: a face of the public API, and nothing more."""

from qasearch.cli.app import main

__all__ = ["main"]
