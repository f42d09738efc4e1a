"""The picture of the schemes has the pieces of the ledger, each process's own, and no other."""

from __future__ import annotations

import io

import numpy as np
import pytest
from groundtruth.figures.modern import training_in_practice as plots
from groundtruth.modern import memory_ledger
from groundtruth.modern.scaling_laws import Law
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from press.site import labels, pictures

SIDE = 17.5


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def parts(patch):
    """Corners and extents (n, 4) of the rectangles of a compound path."""
    corners = patch.get_path().vertices.reshape(-1, 5, 2)
    return np.concatenate([corners.min(1), np.ptp(corners, axis=1)], axis=1)


def filled_and_outlines(devices):
    *filled, outlines = plots.schemes(devices).axes[0].patches
    return dict(zip(memory_ledger.KINDS, filled, strict=True)), parts(outlines)


@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("kind", memory_ledger.KINDS)
def test_the_filled_area_is_the_share_of_the_ledger(kind, devices):
    filled, _ = filled_and_outlines(devices)
    area = parts(filled[kind])[:, 2:].prod(1).reshape(devices, -1) / SIDE**2
    for rank in range(devices):
        shares = [memory_ledger.held(s, kind, rank, devices).mean() for s in memory_ledger.SCHEMES]
        assert area[rank] == pytest.approx(shares)


def test_each_part_lies_where_the_grid_is_true():
    """Stage 3 fills column `rank` of the weights; the pipeline fills row `rank`."""
    filled, outlines = filled_and_outlines(4)
    weights = parts(filled["weights"]).reshape(4, 6, 4)
    squares = outlines.reshape(4, 4, 6, 4)[:, 0]  # of the weights, by process and scheme
    offsets = (weights[..., :2] - squares[..., :2]) * 4 / SIDE
    names = list(memory_ledger.SCHEMES)
    ranks = np.arange(4.0)
    assert offsets[:, names.index("ZeRO, stage 3")] == pytest.approx(
        np.stack([ranks, 0 * ranks], 1)
    )
    assert offsets[:, names.index("pipeline")] == pytest.approx(np.stack([0 * ranks, ranks], 1))


def test_no_square_meets_another_and_all_are_inside():
    fig = plots.schemes()
    _, outlines = filled_and_outlines(4)
    low, high = outlines[:, :2], outlines[:, :2] + outlines[:, 2:]
    width, height = fig.get_size_inches() * 72
    assert low.min() >= 0
    assert high[:, 0].max() <= width
    assert high[:, 1].max() <= height
    apart = ((high[:, None] <= low) | (low[:, None] >= high)).any(2)
    assert apart.sum() == len(outlines) * (len(outlines) - 1)


def test_each_scheme_is_named_with_its_bytes_and_its_collective():
    texts = [t.get_text() for t in plots.schemes().axes[0].texts]
    for scheme in memory_ledger.SCHEMES:
        assert scheme in texts
        assert plots.SENDS[scheme] in texts
    written = [t for t in texts if t.endswith("bytes per parameter")]
    assert written == [f"{b} bytes per parameter" for b in ("16.0", "7.0", "5.5", *["4.0"] * 3)]


def drawings():
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1500, 46_000, 7), [16e3, 64e3, 426e3]))
    law = Law(0.9, 30.0, 0.4, 60.0, 0.4)
    return {"schemes": plots.schemes(), "law": plots.law(N, D, law(N, D), law)}


@pytest.mark.parametrize("name", ["schemes", "law"])
def test_the_drawing_fits_a_phone_and_a_column(name):
    svg = io.StringIO()
    drawings()[name].savefig(svg, format="svg")
    fitted = pictures.fitted(svg.getvalue())
    assert labels.least(fitted) <= 320  # labels of 12 pixels do not meet
    assert pictures.shown(fitted).width >= 600


def test_each_size_of_network_has_its_own_color_or_line():
    lines = drawings()["law"].axes[0].lines[::2]
    assert len({(to_hex(line.get_color()), line.get_linestyle()) for line in lines}) == 7
