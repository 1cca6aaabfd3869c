"""The index over HTTP: the same answers as JSON for programs and as a page for people."""

from qasearch.server.app import create_app
from qasearch.server.run import serve
from qasearch.server.settings import Settings

__all__ = ["Settings", "create_app", "serve"]
