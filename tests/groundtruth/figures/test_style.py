"""Figures have one size, one style and a picture format that the caller of the kernel chooses."""

import pytest
from groundtruth.figures import style as figures
from matplotlib import pyplot as plt
from matplotlib import rcParams


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_figures_have_the_width_of_the_book():
    fig, _ = figures.figure(2.5)
    assert fig.get_size_inches().tolist() == [figures.WIDTH_IN, 2.5]


def test_several_columns_give_several_axes():
    _, axes = figures.figure(2.0, columns=3)
    assert axes.shape == (3,)


@pytest.mark.parametrize(("height", "columns"), [(0, 1), (-1.0, 1), (2.0, 0)])
def test_impossible_sizes_are_refused(height, columns):
    with pytest.raises(ValueError, match="positive height"):
        figures.figure(height, columns)


def test_svg_is_reproducible_text():
    figures.use_style()
    assert rcParams["svg.hashsalt"] == "ground-truth"


def _luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("color", figures.CYCLE)
def test_every_color_has_contrast_on_white(color):
    """WCAG asks for 3:1 for graphics; the formula is theirs."""
    assert 1.05 / (_luminance(color) + 0.05) >= 4.0


def test_label_names_both_axes():
    _, ax = figures.figure()
    figures.label(ax, "time (s)", "load (N)", "title")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("time (s)", "load (N)", "title")
