"""Served models under many, slow and leaving callers, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
import torch
import uvicorn
from projects import agent_serving, serving, web
from projects.agent import Agent, Turn
from projects.tools import Registry
from projects.workers import Busy, Workers


class Tokenizer:
    def encode(self, text):
        return [0] * len(text)

    def __len__(self):
        return 1


class SlowText:
    """A task whose pieces take time and may be large."""

    def __init__(self, piece="x", seconds=0.001, fault_after=None):
        self.tokenizer = Tokenizer()
        self.model = torch.nn.Linear(1, 1)
        self.piece = piece
        self.seconds = seconds
        self.fault_after = fault_after
        self.computed = 0

    def pieces(self, model, options, device, tokens):
        for i in range(options.length):
            if i == self.fault_after:
                raise RuntimeError("the model broke")
            time.sleep(self.seconds)
            self.computed += 1
            yield self.piece


@contextmanager
def running(app):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


def text_server(task):
    return running(serving.application(task, torch.device("cpu")))


CLIENT = httpx.Client(timeout=30, limits=httpx.Limits(max_connections=100))


def ask(url, length=2, **more):
    return CLIENT.post(f"{url}/generate", json={"prompt": "p", "length": length, **more})


def test_a_stream_and_more_callers_than_threads_are_all_answered():
    with text_server(SlowText()) as url, ThreadPoolExecutor(61) as pool:
        stream = pool.submit(ask, url, 1000, stream=True)
        time.sleep(0.1)
        callers = [pool.submit(ask, url) for _ in range(60)]
        start = time.monotonic()
        assert CLIENT.get(f"{url}/health").status_code == 200
        assert time.monotonic() - start < 5
        assert [caller.result().status_code for caller in callers] == [200] * 60
        assert stream.result().text.count("piece") == 1000


def test_a_reader_that_reads_nothing_does_not_hold_the_model():
    with text_server(SlowText(piece="x" * 100_000, seconds=0)) as url:
        host, port = url.removeprefix("http://").split(":")
        body = json.dumps({"prompt": "p", "length": 500, "stream": True})
        idle = socket.socket()
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect((host, int(port)))
        idle.sendall(
            f"POST /generate HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        time.sleep(0.3)
        assert ask(url).status_code == 200
        idle.close()


def test_a_request_that_does_not_arrive_is_given_up(monkeypatch):
    monkeypatch.setattr(web, "BODY_S", 0.2)
    with text_server(SlowText()) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as slow:
            slow.sendall(b"POST /generate HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            assert slow.recv(12) == b"HTTP/1.1 408"
        assert ask(url).status_code == 200


def test_beyond_the_bound_a_caller_is_told_when_to_come_back(monkeypatch):
    monkeypatch.setattr(serving, "WAITING", 2)
    with text_server(SlowText(seconds=0.01)) as url, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(url, 50), range(8)))
        refused = [answer for answer in answers if answer.status_code == 503]
        assert {answer.status_code for answer in answers} == {200, 503}
        assert {answer.headers["retry-after"] for answer in refused} == {str(web.RETRY_AFTER_S)}
        assert ask(url).status_code == 200


def test_nothing_more_is_computed_for_a_caller_who_has_left():
    task = SlowText(seconds=0.01)
    with text_server(task) as url:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/generate", json={"prompt": "p", "length": 2000}, timeout=0.3)
        start = time.monotonic()
        assert ask(url).status_code == 200
        assert time.monotonic() - start < 5
    assert task.computed < 1000


def test_a_stream_that_breaks_says_so_in_its_last_event():
    with text_server(SlowText(fault_after=3)) as url:
        events = ask(url, 10, stream=True).text.strip().split("\n\n")
    assert json.loads(events[-1].removeprefix("data: ")) == {"error": "the model broke"}
    assert len(events) == 4


def test_an_answer_that_breaks_is_a_server_error_in_json():
    with text_server(SlowText(fault_after=3)) as url:
        answer = ask(url, 10)
    assert answer.status_code == 500
    assert answer.json() == {"detail": "RuntimeError: the model broke"}


def test_slow_questions_do_not_keep_the_agents_server_from_answering():
    class Slow:
        def next_turn(self, messages, registry):
            time.sleep(0.05)
            return Turn("done")

    app = agent_serving.application(lambda: Agent(Slow(), Registry()))
    with running(app) as url, ThreadPoolExecutor(60) as pool:
        post = lambda _: CLIENT.post(f"{url}/ask", json={"question": "What?"})  # noqa: E731
        answers = [pool.submit(post, i) for i in range(60)]
        assert CLIENT.get(f"{url}/health").status_code == 200
        assert [answer.result().json()["answer"] for answer in answers] == ["done"] * 60


@pytest.mark.parametrize(
    "body",
    [
        '{"prompt": "p", "temperature": NaN}',
        '{"prompt": "p", "temperature": Infinity}',
        '{"prompt": "p", "top_p": NaN}',
        '{"prompt": "p", "seed": 18446744073709551616}',
        '{"prompt": "p", "length": 1e400}',
        '{"prompt": "p", "\\ud800": 1}',
        '{"prompt": ["\\ud800"]}',
        '{"prompt": "\\ud800"}',
        '{"prompt": "p", "top_k": -1}',
        "[1, 2",
        "\x00",
    ],
)
def test_a_body_that_cannot_be_used_is_refused_in_json(body):
    with text_server(SlowText()) as url:
        answer = httpx.post(
            f"{url}/generate", content=body, headers={"content-type": "application/json"}
        )
    assert answer.status_code == 422
    assert "detail" in answer.json()


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_with_a_lone_surrogate_is_sent(stream):
    class Odd:
        def next_turn(self, messages, registry):
            return Turn("a\ud800")

    app = agent_serving.application(lambda: Agent(Odd(), Registry()))
    with running(app) as url:
        answer = CLIENT.post(f"{url}/ask", json={"question": "What?", "stream": stream})
    assert answer.status_code == 200
    assert "a\\ud800" in answer.text


def test_a_full_queue_refuses_and_a_finished_job_makes_room():
    gate = threading.Event()

    def wait():
        gate.wait(5)
        yield 1

    async def fill():
        workers = Workers(threads=1, waiting=1)
        first = workers.submit(wait)
        while not workers.jobs.empty():
            await asyncio.sleep(0.01)
        second = workers.submit(wait)
        with pytest.raises(Busy):
            workers.submit(wait)
        gate.set()
        results = [[item async for item in job] for job in (first, second)]
        third = [item async for item in workers.submit(wait)]
        return [*results, third]

    assert asyncio.run(fill()) == [[1], [1], [1]]


@pytest.mark.parametrize(("threads", "waiting"), [(0, 1), (1, 0), (-1, 5)])
def test_workers_need_a_thread_and_a_place_in_the_queue(threads, waiting):
    with pytest.raises(ValueError, match="at least 1"):
        Workers(threads, waiting)


def test_callers_who_left_do_not_keep_others_out(monkeypatch):
    monkeypatch.setattr(serving, "WAITING", 2)
    with text_server(SlowText(seconds=0.01)) as url, ThreadPoolExecutor(3) as pool:
        long = pool.submit(ask, url, 400)
        time.sleep(0.2)
        for _ in range(2):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{url}/generate", json={"prompt": "p", "length": 5}, timeout=0.2)
        time.sleep(1.2)
        assert not long.done()
        assert ask(url, 1).status_code == 200
        assert long.result().status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:8001", 200),
        ("[::1]:8001", 200),
        ("LOCALHOST", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:8001", 421),
    ],
)
def test_a_web_page_that_rebinds_its_name_is_not_answered(host, status):
    """A browser sends the page's own name; a server on loopback has another."""
    app = web.LocalNames(serving.application(SlowText(), torch.device("cpu")))
    with running(app) as url:
        answer = httpx.get(f"{url}/health", headers={"host": host})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("host", "guarded"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False)]
)
def test_servers_on_loopback_are_guarded(monkeypatch, host, guarded):
    app = serving.application(SlowText(), torch.device("cpu"))
    monkeypatch.setattr(web.uvicorn, "run", lambda *_, **__: None)
    monkeypatch.setattr(web.socket, "socket", FreeSocket)
    web.serve(app, host, 8001)
    assert any(one.cls is web.LocalNames for one in app.user_middleware) == guarded


class FreeSocket:
    """A socket whose port is free."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def setsockopt(self, *_):
        pass

    bind = setsockopt
