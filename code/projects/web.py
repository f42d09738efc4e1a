"""What the served endpoints share: JSON that can carry any string, one form of refusal, a server.

Read with `book/capstones/gpt.md` and `book/capstones/agent.md`.
"""

from __future__ import annotations

import asyncio
import errno
import json
import math
import os
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from clikit.errors import Exit, UserError

from projects.workers import Busy, Cancelled, Job, Workers

try:
    import uvicorn
    from fastapi import FastAPI, HTTPException, Request
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse, StreamingResponse
    from starlette.exceptions import HTTPException as StarletteHTTPException
except ImportError as missing:  # pragma: no cover - pinned in requirements.txt
    raise UserError(
        f"serving needs a package that is not installed: {missing.name}",
        "pip install fastapi uvicorn",
        Exit.ENVIRONMENT,
    ) from None

RETRY_AFTER_S = 5  # what a caller is asked to wait when the queue is full
LARGEST_BODY = 1_000_000  # bytes of a request; every field has a smaller bound of its own
BODY_S = 30  # seconds in which a request has to arrive
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHUTDOWN_S = 3  # seconds that open answers may still take after Ctrl-C or SIGTERM


def spell(content: Any) -> str:
    """JSON in ASCII without NaN: lone surrogates are escaped, numbers that are not finite are null.

    Examples
    --------
    >>> spell({"text": "\\ud800", "loss": float("nan")})
    '{"text": "\\\\ud800", "loss": null}'
    """
    try:
        return json.dumps(content, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(content), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


class Json(JSONResponse):
    """A response that `spell` writes."""

    def render(self, content: Any) -> bytes:
        """The bytes of a body."""
        return spell(content).encode("ascii")


class BoundedBody:
    """Read a request before it is handled: 413 when it is too large, 408 when it takes too long.

    Parameters
    ----------
    app : the ASGI application
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            body = await asyncio.wait_for(_body(receive), BODY_S)
        except TimeoutError:
            await Json({"detail": f"no request within {BODY_S} s"}, 408)(scope, receive, send)
            return
        if body is None:
            detail = f"the request is larger than {LARGEST_BODY} bytes"
            await Json({"detail": detail}, 413)(scope, receive, send)
            return
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Any:
            return messages.pop() if messages else await receive()

        await self.app(scope, replay, send)


async def _body(receive: Any) -> bytes | None:
    """The body of a request; None when it is too large."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        more = message.get("more_body", False)
    return bytes(body)


def application(title: str) -> FastAPI:
    """An application whose answers and refusals are JSON that can always be written.

    Requests are bounded in size and in the time they take to arrive.
    """
    app = FastAPI(title=title, default_response_class=Json)
    app.add_middleware(BoundedBody)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Json:
        problems = [{key: one[key] for key in ("loc", "msg", "type")} for one in error.errors()]
        return Json({"detail": problems}, 422)

    @app.exception_handler(StarletteHTTPException)
    async def refused(_: Request, error: StarletteHTTPException) -> Json:
        return Json({"detail": error.detail}, error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Json:
        return Json({"detail": f"{type(error).__name__}: {error}"[:500]}, 500)

    return app


class LocalNames:
    """Refuse a request that names another host than this one.

    A page in a browser on this computer can reach a server on loopback by giving its own name this
    computer's address (DNS rebinding); the request then carries the page's name.

    Parameters
    ----------
    app : the ASGI application
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if not all(_is_loopback(re.sub(r":\d*$", "", host)) for host in hosts):
                detail = f"this server answers requests to {', '.join(LOOPBACK)} only"
                await Json({"detail": detail}, 421)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _is_loopback(host: str) -> bool:
    return host.strip("[]").lower() in LOOPBACK


def submit(workers: Workers, compute: Callable[[], Iterator[Any]]) -> Job:
    """A job in the queue; 503 with Retry-After when the queue is full."""
    try:
        return workers.submit(compute)
    except Busy:
        raise HTTPException(
            503,
            "too many requests are waiting; try again later",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        ) from None


async def collect(job: Job, request: Request) -> list[Any]:
    """All items of a job; what the caller asked for wrongly is answered with 422."""
    try:
        return await job.collect(request.is_disconnected)
    except Cancelled:
        raise HTTPException(499, "the caller has gone") from None
    except (ValueError, UserError) as error:
        raise HTTPException(422, str(error)) from None


def stream(job: Job, last: Callable[[], dict[str, Any]] | None = None) -> StreamingResponse:
    """The items of a job as server-sent events, then the event `last`, or one with the error."""

    async def events() -> AsyncIterator[str]:
        try:
            async for item in job:
                yield f"data: {spell(item)}\n\n"
            if last is not None:
                yield f"data: {spell(last())}\n\n"
        except Exception as error:
            yield f"data: {spell({'error': str(error)[:500]})}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


def serve(app: FastAPI, host: str, port: int) -> None:
    """Answer until Ctrl-C or SIGTERM.

    Raises
    ------
    UserError
        When the port is taken or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name != "nt":  # on Windows the option would allow a port in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            reason = (
                "is taken by another program" if in_use else f"cannot be used: {error.strerror}"
            )
            raise UserError(
                f"port {port} of {host} {reason}",
                f"name another one: --port {port + 1 if port < 65535 else port - 1}",
                Exit.ENVIRONMENT,
            ) from None
    if _is_loopback(host):
        app.add_middleware(LocalNames)
    uvicorn.run(
        app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=SHUTDOWN_S
    )
