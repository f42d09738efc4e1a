r"""The agent behind HTTP: a question in, the outcome and the trace out, at once or event by event.

python -m projects ask --serve
curl -N http://127.0.0.1:8002/ask -H 'content-type: application/json' \
     -d '{"question": "What is 23*19+7?", "stream": true}'

Read with `book/capstones/agent.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi import Request as Connection
from pydantic import BaseModel, ConfigDict, Field

from projects import web
from projects.agent import Agent, Result
from projects.workers import Workers

THREADS = 4  # questions answered at the same time
WAITING = 64  # callers that may wait beyond them


class Question(BaseModel):
    """What a caller may send."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=2000, pattern=r"\S")
    stream: bool = False


def application(agent: Callable[[], Agent]) -> FastAPI:
    """`POST /ask` answers {"outcome", "answer", "trace"}, or streams the events of the trace.

    Every request gets an agent of its own: nothing of one conversation is visible in another.
    """
    app = web.application("Ground Truth: agent")
    workers = Workers(THREADS, WAITING)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "tools": list(agent().registry.tools)}

    @app.post("/ask")
    async def ask(question: Question, connection: Connection) -> Any:
        def result() -> Iterator[Result]:
            yield agent().run(question.question)

        def events() -> Iterator[dict[str, Any]]:
            for answer in result():
                yield from answer.events()

        if question.stream:
            return web.stream(web.submit(workers, events), None)
        (answer,) = await web.collect(web.submit(workers, result), connection)
        return {"outcome": answer.outcome, "answer": answer.answer, "trace": answer.trace}

    return app
