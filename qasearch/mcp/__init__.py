"""The index as tools for agents: the Model Context Protocol over stdin and stdout."""

from qasearch.mcp.app import create_server
from qasearch.mcp.run import serve

__all__ = ["create_server", "serve"]
