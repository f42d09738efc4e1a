"""The served model, over real sockets on loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from clikit.errors import UserError
from projects.serving import text_task

from tests.projects.test_commands import ENV, SMALL, command, projects, start


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("served") / "run"
    done = projects("run", "gpt", *SMALL, "--set", "steps=20", "--out", place)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def server(folder):
    port = free_port()
    process = start("serve", folder, "--port", port)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
    for _ in range(600):
        try:
            client.get("/health")
            break
        except httpx.TransportError:
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
    yield client
    process.terminate()
    process.wait(20)


def test_health_tells_what_is_served(server):
    told = server.get("/health").json()
    assert told["status"] == "ok"
    assert told["vocabulary"] == 13
    assert told["step"] > 0
    assert "val_loss" in told["metrics"]


def test_an_answer_is_the_sample_of_the_command_line(server, folder):
    answer = server.post(
        "/generate", json={"prompt": "to be", "length": 30, "seed": 3, "temperature": 1.0}
    ).json()
    said = projects(
        "sample",
        folder,
        "--set",
        "prompt=to be",
        "--set",
        "length=30",
        "--set",
        "seed=3",
        "--set",
        "temperature=1",
    )
    assert answer["text"] == said.stdout.removesuffix("\n")
    assert answer["tokens"] == 30


def test_a_stream_brings_the_same_text_in_pieces(server):
    ask = {"prompt": "to be", "length": 30, "seed": 3}
    whole = server.post("/generate", json=ask).json()["text"]
    with server.stream("POST", "/generate", json={**ask, "stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in response.iter_lines() if line]
    assert len(events) == 31
    assert events[-1]["done"]
    assert "to be" + "".join(e["piece"] for e in events[:-1]) == whole


def test_callers_at_once_get_what_they_would_get_alone(server):
    asks = [{"prompt": "to be", "length": 25, "seed": seed} for seed in range(6)]
    alone = [server.post("/generate", json=ask).json()["text"] for ask in asks]
    with ThreadPoolExecutor(6) as pool:
        assert (
            list(pool.map(lambda ask: server.post("/generate", json=ask).json()["text"], asks))
            == alone
        )


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "t" * 2001}, "prompt"),
        ({"prompt": "to", "length": 0}, "length"),
        ({"prompt": "to", "length": 10**9}, "length"),
        ({"prompt": "to", "temperature": -1}, "temperature"),
        ({"prompt": "to", "top_p": 0}, "top_p"),
        ({"prompt": "to", "colour": "red"}, "colour"),
        ({"prompt": "to", "length": True}, "length"),
        ({"prompt": "to", "length": "5"}, "length"),
        ({"prompt": "to", "length": 5.0}, "length"),
        ({"prompt": ["to"]}, "prompt"),
        ({"prompt": "to", "stream": 1}, "stream"),
        ({"prompt": "to", "temperature": None}, "temperature"),
        ({"prompt": "to", "seed": 2**64}, "seed"),
    ],
)
def test_a_request_out_of_limits_is_refused_with_its_field(server, ask, field):
    answer = server.post("/generate", json=ask)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][-1] == field


def test_a_request_that_is_too_large_is_refused_before_it_is_read_to_its_end(server):
    answer = server.post("/generate", content=b"x" * 2_000_000)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "the request is larger than 1000000 bytes"
    assert server.post("/generate", json={"prompt": "to", "temperature": 1}).status_code == 200


def test_an_unknown_character_is_named(server):
    answer = server.post("/generate", json={"prompt": "to Z"})
    assert answer.status_code == 422
    assert "'Z' at position 3" in answer.json()["detail"]
    assert server.get("/health").status_code == 200


def test_a_port_that_is_taken_is_told(server, folder):
    port = server.base_url.port
    done = subprocess.run(
        command("serve", folder, "--port", port),
        capture_output=True,
        text=True,
        timeout=60,
        env=ENV,
    )
    assert done.returncode == 4
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr
    assert f"--port {port + 1}" in done.stderr


def test_a_project_without_text_is_not_served(tmp_path):
    with pytest.raises(UserError, match="makes no text"):
        text_task(tmp_path, object())
