"""What the served endpoints share: JSON that can carry any string, one form of refusal, a server.

Read with `book/capstones/gpt.md` and `book/capstones/agent.md`.
"""

from __future__ import annotations

import errno
import json
import math
import os
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


def application(title: str) -> FastAPI:
    """An application whose answers and refusals are JSON that can always be written."""
    app = FastAPI(title=title, default_response_class=Json)

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
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
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
                f"name another one: --port {port + 1}",
                Exit.ENVIRONMENT,
            ) from None
    uvicorn.run(
        app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=SHUTDOWN_S
    )
