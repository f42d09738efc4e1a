"""The same tools by the Model Context Protocol, with its official SDK.

Served to any client, or taken from any server. Read with `book/capstones/agent.md`.

python -m projects tools        # a server on standard input and output, for a client to start
"""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
import mcp_types as types
from clikit.errors import Exit, UserError
from mcp import Client, StdioServerParameters, stdio_server
from mcp.server.lowlevel import Server

from projects.tools import Registry, Tool

TIMEOUT_S = 30.0  # a server may import for a while as it starts; one that is silent longer hangs
PAGES = 100  # of a list of tools


def server(registry: Registry) -> Server[Any]:
    """A server of a registry's tools that only read: nobody could confirm one that writes."""
    offered = {name: t for name, t in registry.tools.items() if t.effect == "read"}

    async def on_list_tools(_: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(name=t.name, description=t.description, input_schema=t.schema)
                for t in offered.values()
            ]
        )

    async def on_call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name in registry.tools and params.name not in offered:
            return types.CallToolResult(
                content=[types.TextContent(text=f"{params.name} is not offered here")],
                is_error=True,
            )
        observation = await anyio.to_thread.run_sync(
            registry.call, params.name, params.arguments or {}
        )
        return types.CallToolResult(
            content=[types.TextContent(text=observation.text)], is_error=observation.error
        )

    return Server("ground-truth", on_list_tools=on_list_tools, on_call_tool=on_call_tool)


def serve(registry: Registry) -> None:
    """Answer on standard input and output until the other side closes."""

    async def main() -> None:
        own = server(registry)
        async with stdio_server() as (read, write):
            await own.run(read, write, own.create_initialization_options())

    anyio.run(main)


def remote_tools(where: Any, timeout_s: float = TIMEOUT_S) -> Registry:
    """The tools of a server as a registry.

    Each call opens a connection of its own, as a function that is called from a loop without one
    must, and waits at most `timeout_s` seconds for its answer.

    Parameters
    ----------
    where : an address, a `Server` in this process, or `StdioServerParameters`
    timeout_s : seconds, at most, for the list and for each call

    Raises
    ------
    UserError
        When the server cannot be reached, does not speak the protocol, is silent for `timeout_s`
        seconds, or offers two tools of one name.
    """

    async def listed() -> list[types.Tool]:
        with anyio.fail_after(timeout_s):
            async with Client(where) as client:
                return await _all_tools(client)

    try:
        offered = anyio.run(listed)
    except TimeoutError:
        raise UserError(
            f"the tools' server has not answered within {timeout_s:g} s",
            "check that it speaks the protocol, or give it more time: "
            "remote_tools(..., timeout_s=120)",
            Exit.ENVIRONMENT,
        ) from None
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        raise UserError(
            f"the tools' server cannot be used: {_first(error)}",
            "check its address or command",
            Exit.ENVIRONMENT,
        ) from None
    try:
        return Registry(*(_tool(where, tool, timeout_s) for tool in offered))
    except ValueError as error:
        raise UserError(
            f"the tools' server cannot be used: {error}",
            "ask its author to give every tool a name of its own",
            Exit.ENVIRONMENT,
        ) from None


def _tool(where: Any, tool: types.Tool, timeout_s: float) -> Tool:
    """A tool of the server; one that says it changes something is confirmed like our own."""
    notes = tool.annotations
    writes = notes is not None and (notes.read_only_hint is False or bool(notes.destructive_hint))
    return Tool(
        tool.name,
        tool.description or "",
        _remote(where, tool.name, timeout_s),
        dict(tool.input_schema or {}),
        "write" if writes else "read",
        timeout_s,
    )


async def _all_tools(client: Any) -> list[types.Tool]:
    """The tools on every page of a server's list."""
    tools: list[types.Tool] = []
    cursor = None
    for _ in range(PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return tools


def _remote(where: Any, name: str, timeout_s: float) -> Any:
    def run(**arguments: Any) -> str:
        async def called() -> types.CallToolResult:
            with anyio.fail_after(timeout_s):
                async with Client(where) as client:
                    result: Any = await client.call_tool(name, arguments)
                    return result

        result = anyio.run(called)
        parts = [part.text for part in result.content or () if isinstance(part, types.TextContent)]
        text = "\n".join(parts)
        if not parts and result.structured_content is not None:
            text = json.dumps(result.structured_content)
        if result.is_error:
            raise ValueError(text)
        return text

    return run


def _first(error: BaseException) -> str:
    """The message inside groups of exceptions."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def own_server() -> StdioServerParameters:
    """How a client starts our own server as a process."""
    return StdioServerParameters(command=sys.executable, args=["-m", "projects", "tools"])
