"""The same tools by the Model Context Protocol, with its official SDK: served to any client, or taken from any server.

python -m projects tools        # a server on standard input and output, for a client to start
"""

from __future__ import annotations

import sys
from typing import Any

import anyio
import mcp_types as types
from mcp import Client, StdioServerParameters, stdio_server
from mcp.server.lowlevel import Server

from projects.runner.errors import Exit, RunnerError
from projects.tools import Registry, Tool

PATIENCE_S = (
    30.0  # a server that starts may import for a while; one that is silent for longer has hung
)


def server(registry: Registry) -> Server[Any]:
    """A server of a registry's tools that only read; what writes is not offered, since nobody is asked there."""
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
        seen = await anyio.to_thread.run_sync(registry.call, params.name, params.arguments or {})
        return types.CallToolResult(
            content=[types.TextContent(text=seen.text)], is_error=seen.error
        )

    return Server("ground-truth", on_list_tools=on_list_tools, on_call_tool=on_call_tool)


def serve(registry: Registry) -> None:
    """Answer on standard input and output until the other side closes."""

    async def main() -> None:
        made = server(registry)
        async with stdio_server() as (read, write):
            await made.run(read, write, made.create_initialization_options())

    anyio.run(main)


def borrowed(where: Any, patience_s: float = PATIENCE_S) -> Registry:
    """The tools of a server as a registry: an address, a `Server` in this process, or `StdioServerParameters`.

    Each call opens a connection of its own, as a function that is called from a loop without one must,
    and waits at most `patience_s` seconds for its answer.

    Raises
    ------
    RunnerError
        When the server cannot be reached, does not speak the protocol, or is silent for `patience_s` seconds.
    """

    async def listed() -> list[types.Tool]:
        with anyio.fail_after(patience_s):
            async with Client(where) as client:
                return list((await client.list_tools()).tools)

    try:
        found = anyio.run(listed)
    except TimeoutError:
        raise RunnerError(
            f"the tools' server has not answered within {patience_s:g} s",
            "check that it speaks the protocol; or give it more time: borrowed(..., patience_s=120)",
            Exit.ENVIRONMENT,
        ) from None
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        raise RunnerError(
            f"the tools' server cannot be used: {_first(error)}",
            "check its address or command",
            Exit.ENVIRONMENT,
        ) from None
    return Registry(
        *(
            Tool(
                t.name,
                t.description or "",
                _remote(where, t.name, patience_s),
                dict(t.input_schema),
                timeout_s=patience_s,
            )
            for t in found
        )
    )


def _remote(where: Any, name: str, patience_s: float) -> Any:
    def run(**arguments: Any) -> str:
        async def called() -> types.CallToolResult:
            with anyio.fail_after(patience_s):
                async with Client(where) as client:
                    result: Any = await client.call_tool(name, arguments)
                    return result

        result = anyio.run(called)
        text = "\n".join(
            part.text for part in result.content if isinstance(part, types.TextContent)
        )
        if result.is_error:
            raise ValueError(text)
        return text

    return run


def _first(error: BaseException) -> str:
    """The message inside groups of exceptions."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def ourselves() -> StdioServerParameters:
    """How a client starts our own server as a process."""
    return StdioServerParameters(command=sys.executable, args=["-m", "projects", "tools"])
