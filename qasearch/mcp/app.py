"""The server: lists the tools, calls them in threads, and tells of errors what may be told."""

import json
import logging
import re
from functools import partial

import anyio
from anyio import to_thread
from mcp import MCPError, types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from qasearch import Index, QASearchError, __version__
from qasearch.mcp.replies import NOTICE
from qasearch.mcp.tools import TOOLS, NotFoundError, Tool
from qasearch.protocols import processors

logger = logging.getLogger(__name__)

INSTRUCTIONS = (
    "Searches a collection of articles, each a question with its answer, and finds the numbered "
    "points that answer. Search first, then show what looks right. " + NOTICE
)

_HIDDEN = re.compile(
    "["
    "\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff"
    "]"
)
"""What no reader sees: controls, marks of direction, and characters that have no width. Text hidden
so from people is still read by a model."""


def create_server(index: Index) -> Server:
    """Make the server of one index, which is refreshed before each call."""
    threads = anyio.CapacityLimiter(processors())

    async def list_tools(
        context: ServerRequestContext, asked: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(name) for name in TOOLS])

    async def call_tool(
        context: ServerRequestContext, asked: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool = TOOLS.get(asked.name)
        if tool is None:
            message = f"There is no tool {asked.name!r}; there are {', '.join(TOOLS)}."
            raise MCPError(types.INVALID_PARAMS, message)
        call = partial(_answer, index, tool, asked)
        return await to_thread.run_sync(call, limiter=threads)

    return Server(
        "qasearch",
        version=__version__,
        title="qasearch",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def json_text(value: object) -> str:
    """Write JSON in which nothing is hidden: what cannot be seen is escaped, and means the same."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    # What is hidden can only stand inside a string, where its escape means the same.
    return _HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], text)


def _described(name: str) -> types.Tool:
    tool = TOOLS[name]
    return types.Tool(
        name=name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments.model_json_schema(),
        output_schema=tool.reply.model_json_schema(),
        annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )


def _answer(index: Index, tool: Tool, asked: types.CallToolRequestParams) -> types.CallToolResult:
    """Call a tool; an error is an answer too, which the agent can read and act upon."""
    try:
        _refresh(index)
        reply = tool.call(index, asked.arguments or {})
    except NotFoundError as error:
        return _failed(f"{error} Ids stand in the results of search.")
    except QASearchError as error:
        # Their messages name paths of this machine.
        logger.error("%s: %s %s", asked.name, error, error.hint)
        return _failed(f"The index or its model has a fault ({error.code}). {_LOG}")
    except Exception as error:
        if type(error) is ValueError:
            return _failed(str(error))
        logger.exception("%s failed", asked.name)
        return _failed(f"That is a fault of qasearch. {_LOG}")
    content: list[types.ContentBlock] = [types.TextContent(text=json_text(reply))]
    return types.CallToolResult(content=content, structured_content=reply)


_LOG = "The log on the server's stderr has more."


def _refresh(index: Index) -> None:
    """Turn to what was built last; if that cannot be opened, the one from before answers on."""
    try:
        if index.refresh():
            logger.info("A new generation answers.")
    except QASearchError as error:
        logger.error("The new generation is not used: %s", error)


def _failed(message: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=message)], is_error=True)
