"""The weekly look for known weaknesses, against a registry of our own on loopback: what is planted is reported and ends the job."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

Advice = dict[str, list[dict[str, object]]]


@pytest.fixture
def registry():
    """A registry's answer to npm's question about known weaknesses: `advice` is what it knows, `asked` what it was asked."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            server.asked.append(
                json.loads(
                    gzip.decompress(body)
                    if self.headers.get("content-encoding") == "gzip"
                    else body
                )
            )
            known = (
                {name: found for name, found in server.advice.items() if name in server.asked[-1]}
                if self.path.endswith("/advisories/bulk")
                else {}
            )
            told = json.dumps(known).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def do_GET(self) -> None:
            self.send_error(
                404
            )  # npm asks which versions there are; anything but a plain no is asked for again and again

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.asked, server.advice = [], {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def weekly(name: str) -> str:
    """What a step of the weekly workflow's look for weaknesses runs, as it stands there."""
    jobs = yaml.safe_load((ROOT / ".github/workflows/weekly.yml").read_text())["jobs"]
    return next(
        str(step["run"]) for step in jobs["weaknesses"]["steps"] if step.get("name") == name
    )


def audit(registry, tmp_path) -> subprocess.CompletedProcess[str]:
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    env = {
        **os.environ,
        "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"],
        "npm_config_registry": f"http://127.0.0.1:{registry.server_port}",
        "npm_config_cache": str(tmp_path / "cache"),
    }
    return subprocess.run(
        weekly("what we lock").split(),
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )


def weakness(versions: str) -> list[dict[str, object]]:
    return [
        {
            "id": 1,
            "url": "https://github.com/advisories/GHSA-planted",
            "title": "planted by a test",
            "severity": "high",
            "vulnerable_versions": versions,
            "cwe": [],
            "cvss": {"score": 0, "vectorString": None},
        }
    ]


@pytest.mark.parametrize("name", ["katex", "puppeteer-core"])
def test_npm_reports_a_planted_weakness(registry, tmp_path, name):
    registry.advice = {name: weakness("*")}
    done = audit(registry, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "planted by a test" in done.stdout and name in done.stdout


def test_npm_is_silent_about_other_versions(registry, tmp_path):
    registry.advice = {"katex": weakness("<0.0.1"), "left-pad": weakness("*")}
    done = audit(registry, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "found 0 vulnerabilities" in done.stdout


def test_npm_is_asked_about_every_package_of_the_lock_file(registry, tmp_path):
    audit(registry, tmp_path)
    locked = {
        path.rsplit("node_modules/", 1)[1]
        for path in json.loads((ROOT / "package-lock.json").read_text())["packages"]
        if path
    }
    assert set(registry.asked[0]) == locked
