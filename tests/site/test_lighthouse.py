"""Lighthouse on its default mobile profile: at least 95 in every category, on the heaviest pages and the first."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from press.project import node_folder

from tests.site.conftest import FLAGS, chromium

pytestmark = [pytest.mark.browser, pytest.mark.lighthouse]
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")


def run(root, url: str, out) -> dict:
    env = {**os.environ, "CHROME_PATH": chromium(), "PATH": (node_folder() or "") + os.pathsep + os.environ["PATH"]}
    flags = " ".join(["--headless=new", *FLAGS])
    command = ["node", "node_modules/lighthouse/cli/index.js", url, "--quiet", "--output=json", f"--output-path={out}", f"--chrome-flags={flags}"]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(out.read_text())


def heaviest(site) -> list[str]:
    pages = [p for p in site.rglob("*.html") if p.name not in ("404.html", "search.html", "index.html")]
    return ["index.html", *[p.relative_to(site).as_posix() for p in sorted(pages, key=lambda p: -p.stat().st_size)[:2]]]


def test_scores_are_at_least_95(root, site, host, tmp_path, measured):
    missing = "no Chromium" if chromium() is None else "no Lighthouse (npm ci installs it)" if not (root / "node_modules" / "lighthouse").is_dir() else ""
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"CI has {missing}; .ci/run installs it")
        pytest.skip(f"{missing}: the Lighthouse scores are not measured on this machine")
    for name in heaviest(site):
        best: dict[str, float] = {}
        for attempt in range(3):  # machines are shared: the best of three is the page's own score
            report = run(root, f"{host.url}/{name}", tmp_path / f"{attempt}.json")
            scores = {key: round(100 * report["categories"][key]["score"]) for key in CATEGORIES}
            best = {key: max(best.get(key, 0), value) for key, value in scores.items()}
            if min(best.values()) >= 95:
                break
        lost = [a["id"] for a in report["audits"].values() if a["score"] is not None and a["score"] < 0.9 and a["scoreDisplayMode"] in ("binary", "numeric")]
        measured(f"Lighthouse {name}: " + ", ".join(f"{key} {value}" for key, value in best.items()))
        assert min(best.values()) >= 95, (name, best, lost)
