"""The figure of transfer learning has the layers of the network, and nothing covers anything."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from projects import cnn
from projects.figures import cnn as plots
from torch import nn

LAYERS = 4  # boxes per network: the image, two layers of the body, the head


@pytest.fixture
def drawn():
    fig = plots.transfer()
    fig.canvas.draw()
    yield fig.axes[0]
    plt.close("all")


def labels(ax) -> list[str]:
    """Texts of the boxes, those of the first task before those of the second."""
    return [text.get_text() for text in ax.texts if text.get_text().endswith(")")]


def test_the_shapes_are_those_of_the_network(drawn):
    model = cnn.network("small", 8, 16, 5)
    shapes = [(1, 8, 8)]
    x = torch.zeros(1, *shapes[0])
    for layer in model.body.children():
        x = layer(x)
        if isinstance(layer, nn.MaxPool2d):
            shapes.append(tuple(x.shape[1:]))
    shapes.append(tuple(model.head(x).shape[1:]))
    expected = [str(shape) for shape in shapes]
    assert [label.splitlines()[-1] for label in labels(drawn)] == 2 * expected


def test_the_body_is_the_same_in_both_networks_and_the_head_is_not(drawn):
    names = np.array(labels(drawn)).reshape(2, LAYERS)
    edges = np.array([to_hex(box.get_edgecolor()) for box in drawn.patches]).reshape(2, LAYERS)
    same = [False, True, True, False]
    assert (names[0] == names[1]).tolist() == same
    assert edges[0, 1] == edges[0, 2] == edges[1, 1] == edges[1, 2]
    assert edges[0, -1] != edges[1, -1]


def test_each_label_is_inside_its_box(drawn):
    texts = [text for text in drawn.texts if text.get_text().endswith(")")]
    for box, text in zip(drawn.patches, texts, strict=True):
        outer = box.get_window_extent()
        inner = text.get_window_extent()
        assert outer.x0 < inner.x0
        assert inner.x1 < outer.x1
        assert outer.y0 < inner.y0
        assert inner.y1 < outer.y1


def test_what_stands_between_the_networks_meets_no_box(drawn):
    between = [t for t in drawn.texts if t.get_text() and not t.get_text().endswith(")")]
    assert len(between) == 2
    for text in between:
        extent = text.get_window_extent()
        assert not any(extent.overlaps(box.get_window_extent()) for box in drawn.patches)
    assert not between[0].get_window_extent().overlaps(between[1].get_window_extent())
