r"""A trained gpt behind HTTP: one endpoint that answers in one piece or streams.

python -m projects serve runs/gpt-laptop
curl -N http://127.0.0.1:8001/generate -H 'content-type: application/json' \
     -d '{"prompt": "Shall I", "stream": true}'

Limits are checked before anything is computed. Read with `book/capstones/gpt.md`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from clikit.errors import Exit, UserError
from fastapi import FastAPI, HTTPException
from fastapi import Request as Connection
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, create_model

from projects import special_tokens, web
from projects.gpt import Sample, TextTask
from projects.runner.settings import LARGEST_GENERATOR_SEED
from projects.web import serve
from projects.workers import Workers

__all__ = ["Request", "application", "serve", "text_task"]

LONGEST = 2000  # tokens of an answer, characters of a prompt
WAITING = 64  # callers that may wait for the model
LIMITS: dict[str, dict[str, Any]] = {
    "prompt": {"max_length": LONGEST},
    "length": {"ge": 1, "le": LONGEST},
    "temperature": {"ge": 0, "le": 10, "allow_inf_nan": False},
    "top_k": {"ge": 0, "le": 10**9},
    "top_p": {"gt": 0, "le": 1, "allow_inf_nan": False},
    "seed": {"ge": -LARGEST_GENERATOR_SEED, "le": LARGEST_GENERATOR_SEED},
}
EMPTY = {  # the refusal of an empty prompt, where nothing can begin a text
    "type": "string_too_short",
    "loc": ("body", "prompt"),
    "msg": "String should have at least 1 character",
    "input": "",
}


class _Form(BaseModel):
    """Fields that are not options of sampling.

    An unknown field is refused by name, and a value of another type is not converted.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    stream: bool = False

    def options(self) -> Sample:
        """The options of sampling that a request names."""
        return Sample(**self.model_dump(exclude={"stream"}))


def _fields() -> dict[str, Any]:
    """The options of `Sample` with their defaults; a caller has to name a prompt."""
    kinds = {"prompt": str, "length": int, "temperature": float}
    kinds |= {"top_k": int, "top_p": float, "seed": int}
    defaults = {field.name: field.default for field in fields(Sample)} | {"prompt": ...}
    return {
        name: (kinds[name], Field(default=defaults[name], **limits))
        for name, limits in LIMITS.items()
    }


Request: Any = create_model("Request", __base__=_Form, **_fields())


def application(
    task: TextTask[Any], device: torch.device, about: dict[str, Any] | None = None
) -> FastAPI:
    """The web application around a trained model.

    `GET /health` describes what is served. `POST /generate` answers {"text", "tokens", "seconds"},
    or, with "stream": true, server-sent events of {"piece"} and a last one of {"done", "tokens",
    "seconds"}. One text is computed at a time; further callers wait, and beyond `WAITING` of them
    the answer is 503. A prompt with a character that the model does not have is answered with 422,
    as is an empty one, unless the model has a special token with which documents begin. Where that
    token is drawn the text ends: it has fewer tokens than were asked for, and they are counted.
    """
    app = web.application("Ground Truth: gpt")
    model = task.model.to(device).eval()
    workers = Workers(threads=1, waiting=WAITING)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "parameters": sum(p.numel() for p in model.parameters()),
            "vocabulary": len(task.tokenizer),
            **(about or {}),
        }

    @app.post("/generate")
    async def generate(request: Request, connection: Connection) -> Any:
        started = time.perf_counter()
        if not request.prompt and special_tokens.end(task.tokenizer) is None:
            raise RequestValidationError([EMPTY])
        try:
            task.tokenizer.encode(request.prompt)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None

        tokens: list[int] = []

        def pieces() -> Iterator[Any]:
            for piece in task.pieces(model, request.options(), device, tokens):
                yield {"piece": piece} if request.stream else piece

        def cost() -> dict[str, Any]:
            seconds = round(time.perf_counter() - started, 4)
            return {"tokens": len(tokens), "seconds": seconds}

        job = web.submit(workers, pieces)
        if request.stream:
            return web.stream(job, lambda: {"done": True, **cost()})
        text = "".join(await web.collect(job, connection))
        return {"text": request.prompt + text, **cost()}

    return app


def text_task(folder: Path, task: Any) -> TextTask[Any]:
    """The task, when it is one that generates text; UserError otherwise."""
    if not isinstance(task, TextTask):
        raise UserError(
            f"{folder} is a run of a project that makes no text", "serve a run of gpt", Exit.USAGE
        )
    return task
