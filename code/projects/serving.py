"""A trained gpt behind HTTP: one endpoint that answers whole or streams, its limits checked before anything is computed.

python -m projects serve runs/gpt-laptop
curl -N http://127.0.0.1:8001/generate -H 'content-type: application/json' -d '{"prompt": "Shall I", "stream": true}'
"""

from __future__ import annotations

import errno
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from projects.gpt import Language, Sample
from projects.runner.errors import Exit, RunnerError

try:
    import uvicorn
    from fastapi import FastAPI, HTTPException
    from fastapi.responses import StreamingResponse
    from pydantic import BaseModel, ConfigDict, Field
except ImportError as missing:  # pragma: no cover - pinned in requirements.txt
    raise RunnerError(
        f"serving needs a package that is not installed: {missing.name}",
        "pip install fastapi uvicorn",
        Exit.ENVIRONMENT,
    ) from None

LONGEST = 2000  # tokens of an answer, characters of a prompt


class Request(BaseModel):
    """What a caller may ask for; anything else is refused with the name of the field."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(min_length=1, max_length=LONGEST)
    length: int = Field(default=200, ge=1, le=LONGEST)
    temperature: float = Field(default=0.8, ge=0, le=10)
    top_k: int = Field(default=0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int = 0
    stream: bool = False

    def options(self) -> Sample:
        return Sample(self.prompt, self.length, self.temperature, self.top_k, self.top_p, self.seed)


def application(
    task: Language, device: torch.device, about: dict[str, Any] | None = None
) -> FastAPI:
    """The web application around a trained model.

    `GET /health` tells what is served. `POST /generate` answers {"text", "tokens", "seconds"}, or, with
    "stream": true, server-sent events of {"piece"} and a last one of {"done", "tokens", "seconds"}. One text is made
    at a time; further callers wait. A prompt with a character the model does not know is answered with 422.
    """
    app = FastAPI(title="Ground Truth: gpt")
    model = task.model.to(device).eval()
    busy = threading.Lock()

    @app.get("/health")
    def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "parameters": sum(p.numel() for p in model.parameters()),
            "vocabulary": len(task.tokenizer),
            **(about or {}),
        }

    @app.post("/generate")
    def generate(request: Request) -> Any:
        try:
            task.tokenizer.encode(request.prompt)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        if request.stream:
            return StreamingResponse(_events(request), media_type="text/event-stream")
        started = time.perf_counter()
        with busy:
            text = "".join(task.pieces(model, request.options(), device))
        return {
            "text": request.prompt + text,
            "tokens": request.length,
            "seconds": round(time.perf_counter() - started, 4),
        }

    def _events(request: Request) -> Iterator[str]:
        started = time.perf_counter()
        with busy:
            for piece in task.pieces(model, request.options(), device):
                yield f"data: {json.dumps({'piece': piece})}\n\n"
        yield f"data: {json.dumps({'done': True, 'tokens': request.length, 'seconds': round(time.perf_counter() - started, 4)})}\n\n"

    return app


def serve(app: FastAPI, host: str, port: int) -> None:
    """Answer until Ctrl-C.

    Raises
    ------
    RunnerError
        When the port is taken or may not be used.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = (
                "is taken by another program"
                if error.errno == errno.EADDRINUSE
                else f"cannot be used: {error.strerror}"
            )
            raise RunnerError(
                f"port {port} of {host} {why}",
                f"name another one: --port {port + 1}",
                Exit.ENVIRONMENT,
            ) from None
    uvicorn.run(app, host=host, port=port, log_level="warning")


def text_task(folder: Path, task: Any) -> Language:
    """The task, when it is one that makes text; RunnerError otherwise."""
    if not isinstance(task, Language):
        raise RunnerError(
            f"{folder} is a run of a project that makes no text", "serve a run of gpt", Exit.USAGE
        )
    return task
