"""Many callers of a served model at once: `python -m tests.bench.load [SECONDS] [CALLERS]`.

A server of text runs in a process of its own on loopback. For a bounded time, callers ask for whole
answers and for streams, read slowly, leave in the middle of an answer, and send what is too large.
The report counts the answers by status, and gives the slowest answer and the slowest `/health`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import socket
import sys
import time
from collections import Counter
from typing import Any

import httpx

LIMIT_S = 30.0  # in which every request has to be answered or refused
MOST_CALLERS = 500
MOST_SECONDS = 120.0
KINDS = ("whole", "stream", "slow", "leaves", "large")


def _serve(port: int) -> None:
    import torch
    import uvicorn
    from projects import serving

    from tests.projects.test_workers import SlowText

    app = serving.application(SlowText(seconds=0.0005), torch.device("cpu"))  # type: ignore[arg-type]
    uvicorn.run(app, port=port, log_level="error")


async def _ask(client: httpx.AsyncClient, kind: str) -> str:
    """One request; the status of its answer, or how it ended."""
    body: dict[str, Any] = {"prompt": "p", "length": 20}
    if kind == "large":
        return str((await client.post("/generate", content=b"x" * 2_000_000)).status_code)
    if kind == "whole":
        return str((await client.post("/generate", json=body)).status_code)
    request = client.stream("POST", "/generate", json={**body, "stream": True})
    async with request as answer:
        async for line in answer.aiter_lines():
            if kind == "leaves":
                return "left"
            if kind == "slow" and line:
                await asyncio.sleep(0.05)
    return str(answer.status_code)


async def _caller(client: httpx.AsyncClient, number: int, end: float, report: Any) -> None:
    draw = random.Random(number)
    while time.monotonic() < end:
        kind = draw.choice(KINDS)
        start = time.monotonic()
        try:
            async with asyncio.timeout(LIMIT_S):
                outcome = await _ask(client, kind)
        except TimeoutError:
            outcome = "no answer in time"
        except httpx.TransportError as error:
            outcome = type(error).__name__
        report[kind, outcome] += 1
        report["slowest"] = max(report["slowest"], time.monotonic() - start)
        await asyncio.sleep(draw.uniform(0, 1.0))


async def _load(url: str, seconds: float, callers: int) -> Counter[Any]:
    report: Counter[Any] = Counter()
    end = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=callers)
    async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S, limits=limits) as client:
        work = [_caller(client, number, end, report) for number in range(callers)]
        await asyncio.gather(*work)
    return report


def _callers(url: str, seconds: float, callers: int, reports: Any) -> None:
    reports.put(asyncio.run(_load(url, seconds, callers)))


def _health(url: str, end: float) -> list[float]:
    """Seconds of every `/health` until `end`."""
    taken = []
    with httpx.Client(base_url=url, timeout=LIMIT_S) as client:
        while time.monotonic() < end:
            start = time.monotonic()
            client.get("/health").raise_for_status()
            taken.append(time.monotonic() - start)
            time.sleep(0.1)
    return taken


def _wait(url: str) -> None:
    """Wait until the server answers."""
    for _ in range(600):
        try:
            httpx.get(f"{url}/health")
            return
        except httpx.TransportError:
            time.sleep(0.1)


def main(seconds: float = 60.0, callers: int = 200) -> None:
    """Serve, load, report."""
    seconds = min(seconds, MOST_SECONDS)
    callers = min(callers, MOST_CALLERS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = multiprocessing.get_context("spawn")
    reports = processes.Queue()
    url = f"http://127.0.0.1:{port}"
    server = processes.Process(target=_serve, args=(port,), daemon=True)
    crowd = processes.Process(target=_callers, args=(url, seconds, callers, reports), daemon=True)
    server.start()
    try:
        _wait(url)
        crowd.start()
        taken = _health(url, time.monotonic() + seconds)
        report = reports.get(timeout=seconds + 2 * LIMIT_S)
    finally:
        server.terminate()
        server.join(10)
    print(f"{callers} callers, {seconds:.0f} s")
    for key, count in sorted((k, v) for k, v in report.items() if isinstance(k, tuple)):
        print(f"{key[0]:8s} {key[1]:24s} {count:6d}")
    print(
        f"slowest answer {report['slowest']:.2f} s, slowest of {len(taken)} /health "
        f"{max(taken):.2f} s"
    )


if __name__ == "__main__":
    given = sys.argv[1:]
    main(float(given[0]) if given else 60.0, int(given[1]) if len(given) > 1 else 200)
