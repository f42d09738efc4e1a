"""The weekly vulnerability audit reports what is planted in a registry of our own on loopback."""

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

DEPENDS = (".github/workflows/weekly.yml", "package.json", "package-lock.json")


class Registry(ThreadingHTTPServer):
    """Answers npm's audit: `advisories` by package name, and the packages of each `request`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.advisories: dict[str, list[dict[str, object]]] = {}
        self.requests: list[dict[str, object]] = []


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        packages = json.loads(body)
        self.server.requests.append(packages)
        advisories = {}
        if self.path.endswith("/advisories/bulk"):
            advisories = {
                name: entries
                for name, entries in self.server.advisories.items()
                if name in packages
            }
        answer = json.dumps(advisories).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        self.send_error(404)  # npm asks for versions, and asks again after any other answer

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry():
    server = Registry()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def weekly_command(name: str) -> str:
    """The command of a step of the weekly workflow's vulnerability audit."""
    text = (ROOT / ".github" / "workflows" / "weekly.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["vulnerabilities"]["steps"]
    return next(str(step["run"]) for step in steps if step.get("name") == name)


def audit(registry: Registry, folder: Path) -> subprocess.CompletedProcess[str]:
    for name in ("package.json", "package-lock.json"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    env = {
        **os.environ,
        "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"],
        "npm_config_registry": f"http://127.0.0.1:{registry.server_port}",
        "npm_config_cache": str(folder / "cache"),
    }
    command = weekly_command("audit locked npm packages").split()
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def advisory(versions: str) -> list[dict[str, object]]:
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
def test_npm_reports_a_planted_vulnerability(registry, tmp_path, name):
    registry.advisories = {name: advisory("*")}
    done = audit(registry, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "planted by a test" in done.stdout
    assert name in done.stdout


def test_npm_is_silent_about_other_versions(registry, tmp_path):
    registry.advisories = {"katex": advisory("<0.0.1"), "left-pad": advisory("*")}
    done = audit(registry, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "found 0 vulnerabilities" in done.stdout


def test_npm_asks_about_every_package_of_the_lock_file(registry, tmp_path):
    audit(registry, tmp_path)
    paths = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    locked = {path.rsplit("node_modules/", 1)[1] for path in paths if path}
    assert set(registry.requests[0]) == locked
