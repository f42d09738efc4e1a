"""The chapters as notebooks in a real Jupyter server: files change only where edited."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
import uuid
from contextlib import suppress
from pathlib import Path

import jupytext
import pytest
import websocket
from jupytext.config import load_jupytext_config
from press import config as project
from press.execute import compare, expectations
from press.source import toc

from tests.conftest import ROOT

DEPENDS = ("book/**", "code/**", "tests/expected/**", "_toc.yml", "jupytext.toml", ".jupyter/**")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("jupyter")]
TOKEN = "for-this-test-only"
PAGES = [
    slug for slug in toc.slugs(project.load(ROOT)) if project.load(ROOT).expectation(slug).is_file()
]


def first_difference(before: bytes, after: bytes) -> tuple[int, bytes | None, bytes | None] | None:
    """The first line that differs; pytest's own report of two long pages takes minutes."""
    if before == after:
        return None
    lines = [text.split(b"\n") for text in (before, after)]
    for number, (old, new) in enumerate(itertools.zip_longest(*lines), 1):
        if old != new:
            return number, old, new
    raise AssertionError("equal lines of unequal texts")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Jupyter server over a copy of the book, on a free loopback port."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "book", folder / "book")
    shutil.copy(ROOT / "jupytext.toml", folder)
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "code"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    command = [
        sys.executable,
        "-m",
        "jupyter_server",
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        "--port=0",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={folder}",
    ]
    process = subprocess.Popen(
        command, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        url = None
        while url is None and time.monotonic() < deadline:
            for info in (folder / "runtime").glob("jpserver-*.json"):
                with suppress(json.JSONDecodeError):  # the server is still writing it
                    url = json.loads(info.read_text())["url"]
            time.sleep(0.1)
        assert url, "the server did not start"
        yield url, folder
    finally:
        process.terminate()
        process.wait(timeout=20)


def api(server, path: str, method: str = "GET", body=None):
    url, _ = server
    request = urllib.request.Request(
        url + "api/" + path,
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
    )
    for attempt in range(50):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.URLError as error:
            if isinstance(error, urllib.error.HTTPError) or attempt == 49:
                raise
            time.sleep(0.2)


class Kernel:
    """Execute cells over the server's websocket, as a browser does."""

    def __init__(self, server, path: str) -> None:
        self.server = server
        session = api(
            server,
            "sessions",
            "POST",
            {"path": path, "type": "notebook", "name": path, "kernel": {"name": "python3"}},
        )
        self.id = session["kernel"]["id"]
        self.socket = websocket.create_connection(
            f"ws{server[0][4:]}api/kernels/{self.id}/channels?token={TOKEN}", timeout=120
        )

    def run(self, code: str) -> list[dict]:
        ident = uuid.uuid4().hex
        header = {
            "msg_id": ident,
            "username": "t",
            "session": ident,
            "msg_type": "execute_request",
            "version": "5.3",
        }
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        self.socket.send(
            json.dumps(
                {
                    "header": header,
                    "parent_header": {},
                    "metadata": {},
                    "content": content,
                    "channel": "shell",
                    "buffers": [],
                }
            )
        )
        outputs = []
        while True:
            message = json.loads(self.socket.recv())
            if message["parent_header"].get("msg_id") != ident:
                continue
            kind = message["header"]["msg_type"]
            body = message["content"]
            if kind == "status" and body["execution_state"] == "idle":
                return outputs
            if kind in ("stream", "display_data", "execute_result", "error"):
                outputs.append(
                    {"output_type": kind, **{k: v for k, v in body.items() if k != "transient"}}
                )

    def close(self) -> None:
        self.socket.close()
        api(self.server, f"kernels/{self.id}", "DELETE")


@pytest.mark.parametrize("slug", ["data/tensors", "data/kernels"])  # quick ones
def test_a_chapter_opens_as_a_notebook_and_prints_what_is_expected(server, slug):
    path = f"book/{slug}.md"
    content = api(server, f"contents/{path}?type=notebook&content=1")["content"]
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    want = expectations.load(ROOT / "tests" / "expected" / f"{slug}.ipynb")["cells"]
    assert [cell["source"] for cell in code] == [cell["source"] for cell in want]
    assert any(cell["cell_type"] == "markdown" for cell in content["cells"])
    kernel = Kernel(server, path)
    try:
        for number, (cell, expected) in enumerate(zip(code, want, strict=True), 1):
            outputs = kernel.run(cell["source"])
            assert compare.same(outputs, expected["outputs"]), (
                f"cell {number}: {compare.diff(expected['outputs'], outputs)}"
            )
    finally:
        kernel.close()


@pytest.mark.parametrize("slug", PAGES)
def test_saving_an_untouched_chapter_changes_no_byte(server, slug):
    file = server[1] / "book" / f"{slug}.md"
    before = file.read_bytes()
    model = api(server, f"contents/book/{slug}.md?type=notebook&content=1")
    for cell in model["content"]["cells"]:
        if cell["cell_type"] == "code":  # a reader has run it: outputs and counts are there
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
            cell["execution_count"] = 3
    api(
        server,
        f"contents/book/{slug}.md",
        "PUT",
        {"type": "notebook", "format": "json", "content": model["content"]},
    )
    assert first_difference(before, file.read_bytes()) is None


def test_saving_an_edited_chapter_changes_only_what_was_edited(server):
    file = server[1] / "book" / "data" / "model.md"
    before = file.read_text().splitlines()
    model = api(server, "contents/book/data/model.md?type=notebook&content=1")
    cell = next(
        c
        for c in model["content"]["cells"]
        if c["cell_type"] == "markdown" and "A colleague reports" in c["source"]
    )
    cell["source"] = cell["source"].replace("A colleague reports", "A colleague writes")
    model["content"]["cells"][-1]["source"] += "\n\nA last line."
    api(
        server,
        "contents/book/data/model.md",
        "PUT",
        {"type": "notebook", "format": "json", "content": model["content"]},
    )
    after = file.read_text().splitlines()
    [changed] = [new for old, new in zip(before, after, strict=False) if old != new]
    assert "A colleague writes" in changed
    assert after[len(before) :] == ["", "A last line."]


@pytest.mark.parametrize("slug", PAGES)
def test_every_page_is_in_the_form_that_jupytext_writes(slug):
    path = Path(ROOT / "book" / f"{slug}.md")
    settings = load_jupytext_config(str(path))
    written = jupytext.writes(jupytext.read(path), fmt="md:myst", config=settings)
    assert first_difference(path.read_bytes(), written.encode()) is None


def test_lab_opens_chapters_as_notebooks_by_default():
    settings = (
        ROOT
        / ".jupyter"
        / "lab"
        / "@jupyterlab"
        / "docmanager-extension"
        / "plugin.jupyterlab-settings"
    )
    assert json.loads(settings.read_text())["defaultViewers"]["markdown"] == "Jupytext Notebook"
