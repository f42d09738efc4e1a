"""The interactive figures of the project pages are valid, small, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.modern.ngrams import floor
from projects.figures import agent as agent_plots
from projects.figures import cnn as cnn_plots
from projects.figures import diffusion as diffusion_plots
from projects.figures import gpt as gpt_plots
from projects.figures import lora as lora_plots
from projects.figures import runner as runner_plots

FIGURES = {
    "agent": lambda: agent_plots.compounding(),
    "runner": lambda: runner_plots.memory(),
    "diffusion": lambda: diffusion_plots.explorer(),
    "lora": lambda: lora_plots.explorer(),
    "cnn": lambda: cnn_plots.explorer({"a": np.eye(12), "b": np.ones((8, 8))}),
    "memory": lambda: gpt_plots.memory(floor([0, 0, 1], 8)),
    "sampler": lambda: gpt_plots.sampler(list("abcde"), np.array([2.0, 1.0, 0.0, -1.0, -2.0])),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_compiles_and_is_deterministic(name):
    import vl_convert

    first, second = FIGURES[name]().spec, FIGURES[name]().spec
    assert first == second
    svg = vl_convert.vegalite_to_svg(first, vl_version="6.1")
    assert svg.startswith("<svg") and "NaN" not in svg and "undefined" not in svg


def test_the_kernel_explorer_shows_the_convolution():
    """The packed numbers are the rectified correlation, in hundredths of the kernel's total size."""
    import torch

    X = np.random.default_rng(0).random((6, 6))
    spec = cnn_plots.explorer({"x": X}).spec
    rows = spec["hconcat"][1]["data"]["values"]
    for row in rows:
        w = torch.tensor(cnn_plots.KERNELS[row["k"]], dtype=torch.float64)
        out = (
            torch.conv2d(torch.tensor(X)[None, None], w[None, None], padding=1)[0, 0].clamp_min(0)
            / w.abs().sum()
        )
        assert np.allclose(
            np.array(row["s"].split(), dtype=float) / 100, out.numpy().ravel(), atol=0.0051
        )
