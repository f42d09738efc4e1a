"""The agent behind HTTP: a question in, the outcome and the trace out, whole or event by event.

python -m projects ask --serve
curl -N http://127.0.0.1:8002/ask -H 'content-type: application/json' -d '{"question": "What is 23*19+7?", "stream": true}'
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from projects.agent import Agent


class Question(BaseModel):
    """What a caller may send."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=2000, pattern=r"\S")
    stream: bool = False


def application(agent: Callable[[], Agent]) -> FastAPI:
    """`POST /ask` answers {"outcome", "answer", "trace"}, or, with "stream", server-sent events of the trace and the end.

    Every request gets an agent of its own: nothing of one conversation is seen in another.
    """
    app = FastAPI(title="Ground Truth: agent")

    @app.get("/health")
    def health() -> dict[str, Any]:
        return {"status": "ok", "tools": list(agent().registry.tools)}

    @app.post("/ask")
    def ask(asked: Question) -> Any:
        result = agent().run(asked.question)
        if not asked.stream:
            return {"outcome": result.outcome, "answer": result.answer, "trace": result.trace}

        def events() -> Iterator[str]:
            for event in [
                *result.trace,
                {"kind": "end", "outcome": result.outcome, "answer": result.answer},
            ]:
                yield f"data: {json.dumps(event)}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    return app
