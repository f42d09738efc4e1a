"""The picture of the schemes has the pieces of the ledger, each process's own, and no other."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from groundtruth.figures.modern import parallelism as plots
from groundtruth.figures.modern import training_in_practice
from groundtruth.modern import (
    memory_ledger,
    memory_trace,
    model_parallel,
    overlap,
    pipeline_schedule,
)
from groundtruth.modern.memory_ledger import Shape
from groundtruth.modern.scaling_laws import Law
from groundtruth.modern.training_plan import Plan
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb
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


@pytest.mark.parametrize("devices", [2, 4])
def test_the_pieces_of_a_block_are_the_columns_and_rows_that_tensor_parallelism_cuts(devices):
    """In units of 6.8 points pieces of W are 4 by 8 / p, those of V 8 / p by 4; the rest 4 by 4."""
    ax = plots.split(devices).axes[0]
    *patches, total = ax.patches
    boxes = np.stack([parts(patch)[0] for patch in patches]).reshape(devices, 5, 2, 4) / 6.8
    pieces, outlines = boxes[:, :, 0], boxes[:, :, 1]
    n = 8 / devices
    assert pieces[..., 2:] == pytest.approx(
        np.array([[[4, 4], [n, 4], [n, 4], [4, n], [4, 4]]] * devices)
    )
    assert outlines[..., 2:] == pytest.approx(
        np.array([[[4, 4], [8, 4], [8, 4], [4, 8], [4, 4]]] * devices)
    )
    offsets = pieces[..., :2] - outlines[..., :2]
    for rank in range(devices):
        along = n * rank
        zero = 0.0
        expected = [[0, 0], [along, zero], [along, zero], [zero, along], [0, 0]]
        assert offsets[rank] == pytest.approx(np.array(expected))
    assert model_parallel.CUT == (1, 0, 0)  # columns of W, entries of b, rows of V
    assert parts(total)[0, 2:] / 6.8 == pytest.approx([4, 4])


def test_a_block_has_weights_and_activations_in_their_colors_and_a_lighter_summand():
    *patches, total = plots.split().axes[0].patches
    faces = [to_hex(patch.get_facecolor()) for patch in patches[::2]]
    x, W, hidden, V, summand = faces[:5]
    assert faces[5:] == faces[:5]
    filled, _ = filled_and_outlines(2)
    colors = {kind: to_hex(patch.get_facecolor()) for kind, patch in filled.items()}
    assert {W, V} == {colors["weights"]}
    assert {x, hidden, to_hex(total.get_facecolor())} == {colors["activations"]}
    assert sum(to_rgb(summand)) > sum(to_rgb(x)) + 0.9


def test_each_process_sends_its_summand_to_the_sum_and_all_is_inside():
    fig = plots.split(3)
    ax = fig.axes[0]
    width, height = fig.get_size_inches() * 72
    *patches, total = ax.patches
    boxes = np.stack([parts(patch)[0] for patch in [*patches, total]])
    assert boxes[:, :2].min() >= 0
    assert (boxes[:, :2] + boxes[:, 2:] <= [width, height]).all()
    arrows = [t for t in ax.texts if getattr(t, "arrow_patch", None)]
    summands = boxes[8:-1:10]
    ends = [[left + wide, top + high / 2] for left, top, wide, high in summands]
    assert [list(t.xyann) for t in arrows] == [pytest.approx(end) for end in ends]
    left, top, _, high = boxes[-1]
    for arrow in arrows:
        assert arrow.xy == pytest.approx((left, top + high / 2))
    names = [t.get_text() for t in ax.texts if t.get_text() not in ("", "·", "→")]
    rest = ["process 1", "process 2", "sum"]
    assert names == ["process 0", "x", "W", "ReLU(xW)", "V", "summand", *rest]


def traces():
    """Two traces of training a matrix, one of them longer."""
    w = torch.nn.Parameter(torch.ones(64, 64))
    return {
        "short": memory_trace.trace(lambda x: (w @ x).relu(), torch.ones(64), [w]),
        "long": memory_trace.trace(lambda x: (w @ x).exp().log().relu(), torch.ones(64), [w]),
    }


def buckets():
    return {f"{size}": overlap.backward_pass(9, size, 0.6, 1.0) for size in (9, 1, 3)}


def schedules():
    return {
        "GPipe": pipeline_schedule.simulate(3, 6),
        "1F1B": pipeline_schedule.simulate(3, 6, "1f1b"),
        "interleaved 1F1B": pipeline_schedule.simulate(3, 6, "1f1b", chunks=2),
    }


MODELS = {"6.4 B": Shape(32, 4096, 32), "64 B": Shape(80, 8192, 64)}
PLANS = {
    ("6.4 B", 8): (Plan(1, 1, 8), 0.51),
    ("6.4 B", 2048): (Plan(4, 1, 512), 0.448),
    ("64 B", 8): None,
    ("64 B", 2048): (Plan(8, 16, 16, 3, True), 0.3),
}


def drawings():
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1500, 46_000, 7), [16e3, 64e3, 426e3]))
    law = Law(0.9, 30.0, 0.4, 60.0, 0.4)
    return {
        "schemes": plots.schemes,
        "split": plots.split,
        "law": lambda: training_in_practice.law(N, D, law(N, D), law),
        "step": lambda: plots.step_memory(traces()),
        "overlap": lambda: plots.overlap(buckets()),
        "schedules": lambda: plots.schedules(schedules()),
        "plans": lambda: plots.plan_map(MODELS, (8, 2048), PLANS),
    }


@pytest.mark.parametrize("name", list(drawings()))
def test_the_drawing_fits_a_phone_and_a_column(name):
    svg = io.StringIO()
    drawings()[name]().savefig(svg, format="svg")
    fitted = pictures.fitted(svg.getvalue())
    assert labels.least(fitted) <= 325  # labels of 12 pixels do not meet
    assert pictures.shown(fitted).width >= 600


def test_the_areas_of_a_step_are_the_bytes_and_no_peak_is_lost():
    drawn = traces()
    for ax, trace in zip(plots.step_memory(drawn).axes, drawn.values(), strict=True):
        tops = [area.get_paths()[0].get_extents().y1 for area in ax.collections]
        assert max(tops) == pytest.approx(trace.peak / 1e6)
        assert [area.get_label() for area in ax.collections] == list(memory_ledger.KINDS)
        bottom = ax.collections[0].get_paths()[0].get_extents()
        assert (bottom.y0, bottom.y1) == pytest.approx((0, 64 * 64 * 4 / 1e6))
        written = [t.get_text() for t in ax.texts]
        assert written == ["F", "B", "U"] * 2
        ends = [line.get_xdata()[0] for line in ax.lines]
        assert ends == [count for _, count in trace.marks[:-1]]


def test_the_legend_of_a_step_is_in_the_order_of_the_stack():
    (legend,) = plots.step_memory(traces()).legends
    assert [t.get_text() for t in legend.get_texts()] == list(memory_ledger.KINDS)[::-1]


def test_bars_of_the_overlap_are_the_intervals():
    for ax, intervals in zip(plots.overlap(buckets()).axes, buckets().values(), strict=True):
        computed, sent = (parts(patch) for patch in ax.patches)
        for boxes, what in ((computed, "compute"), (sent, "send")):
            own = [t for t in intervals if t.what == what]
            assert boxes[:, 0] == pytest.approx([t.start for t in own])
            assert boxes[:, 2] == pytest.approx([t.end - t.start for t in own])
        assert (computed[:, 1] < 0.5).all()
        assert (sent[:, 1] > 0.5).all()
        assert ax.lines[0].get_xdata()[0] == pytest.approx(max(t.end for t in intervals))


def test_bars_of_the_overlap_have_the_numbers_of_their_layers():
    after, single, bucket = plots.overlap(buckets()).axes
    layers = [str(i) for i in range(9, 0, -1)]
    for ax, sent in ((after, ["9–1"]), (single, layers), (bucket, ["9–7", "6–4", "3–1"])):
        assert [t.get_text() for t in ax.texts] == [*layers, *sent]
        for text, box in zip(ax.texts, np.concatenate([*map(parts, ax.patches)]), strict=True):
            assert text.get_position() == pytest.approx(box[:2] + box[2:] / 2)


def test_a_schedule_has_every_task_once_by_pass_chunk_and_first_micro_batch():
    for ax, tasks in zip(plots.schedules(schedules()).axes, schedules().values(), strict=True):
        chunks = 1 + max(t.chunk for t in tasks)
        drawn = {}
        for patch in ax.patches:
            for x, y, width, height in parts(patch):
                assert height == pytest.approx(0.84)
                key = (round(y + 0.42), round(x * chunks), round((x + width) * chunks))
                drawn[key] = to_hex(patch.get_facecolor())
        assert set(drawn) == {(t.stage, t.start, t.end) for t in tasks}
        faces = {(t.kind, t.chunk, t.micro == 0): drawn[t.stage, t.start, t.end] for t in tasks}
        assert len(faces) == len(set(faces.values())) == 4 * chunks
        for t in tasks:
            assert drawn[t.stage, t.start, t.end] == faces[t.kind, t.chunk, t.micro == 0]


def test_the_boxes_of_a_schedule_have_the_numbers_of_their_micro_batches():
    for ax, tasks in zip(plots.schedules(schedules()).axes, schedules().values(), strict=True):
        chunks = 1 + max(t.chunk for t in tasks)
        numbered = [t for t in tasks if t.kind == "B" or chunks == 1]
        written = {(*t.get_position(), t.get_text()) for t in ax.texts}
        assert len(ax.texts) == len(numbered)
        assert written == {
            ((t.start + t.end) / (2 * chunks), t.stage, f"{t.micro + 1}") for t in numbered
        }


def contrast(ink, face):
    """Ratio of relative luminances (Web Content Accessibility Guidelines)."""

    def luminance(color):
        parts = np.array(to_rgb(color))
        linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722] + 0.05

    return max(luminance(ink), luminance(face)) / min(luminance(ink), luminance(face))


def test_text_on_boxes_is_readable_on_light_and_dark_pages():
    map_ = plots.plan_map(
        {"a": Shape(1, 1, 1)}, range(9), {("a", j): (Plan(1, 1, 1), 0.1 * j) for j in range(9)}
    ).axes[0]
    pairs = [
        (t.get_color(), patch.get_facecolor())
        for t, patch in zip(map_.texts, map_.patches, strict=True)
    ]
    assert len(pairs) == 9
    for kind, ink in (("F", plots.INK), ("B", "#ffffff")):
        for first in (False, True):
            pairs += [(ink, face) for face in plots.PASSES[kind, first]]
    for ax in plots.overlap(buckets()).axes:
        inks = {t.get_position()[1]: t.get_color() for t in ax.texts}
        pairs += [(inks[row], patch.get_facecolor()) for row, patch in enumerate(ax.patches)]
    for ink, face in pairs:
        assert contrast(ink, face) >= 4.5
        assert contrast(*(pictures.mirror(to_hex(color)) for color in (ink, face))) >= 4.5


def test_the_map_says_the_plan_its_stage_and_its_utilization():
    ax = plots.plan_map(MODELS, (8, 2048), PLANS).axes[0]
    texts = {t.get_position(): t.get_text() for t in ax.texts}
    assert texts[0, 0] == "T1 P1\nZ1\n51%"
    assert texts[1, 0] == "T4 P1\nZ1\n45%"
    assert texts[0, 1] == "does\nnot fit"
    assert texts[1, 1] == "T8 P16\nZ3 r\n30%"
    shades = [np.mean(patch.get_facecolor()[:3]) for patch in ax.patches]
    assert shades[0] < shades[1] < shades[3]  # the better used, the darker
    assert ax.patches[2].get_facecolor()[3] == 0


def test_each_size_of_network_has_its_own_color_or_line():
    lines = drawings()["law"]().axes[0].lines[::2]
    assert len({(to_hex(line.get_color()), line.get_linestyle()) for line in lines}) == 7
