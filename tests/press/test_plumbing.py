"""Which lines of a cell fold as plumbing."""

from __future__ import annotations

import pytest
from press.site.extension.plumbing import Plumbing, plumbing


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import numpy as np", Plumbing(1, "Imports", True)),
        ("import numpy as np\n\nnp.random.seed(0)", Plumbing(3, "Imports", True)),
        ("import torch\ntorch.manual_seed(0)\nx = 1", Plumbing(2, "Imports", False)),
        ("import a; import b\nx = a.f(b)", Plumbing(1, "Imports", False)),
        (
            "from groundtruth.figures.data import model as plots\n_ = plots.bowl(1)",
            Plumbing(2, "Imports and plotting", True),
        ),
        (
            "import matplotlib.pyplot as plt\nfig = plt.figure()",
            Plumbing(2, "Imports and plotting", True),
        ),
        ("rng = np.random.default_rng(0)", Plumbing(1, "Seeds", True)),
        ("plots.explorer(x)", Plumbing(1, "Plotting", True)),
        ("from a import (\n    b,\n    c,\n)\nprint(b)", Plumbing(4, "Imports", False)),
    ],
)
def test_plumbing_folds(source, expected):
    assert plumbing(source, {"plots"}) == expected


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "print(np.pi)",
        "x = plots.measured(3)",  # a result that later cells use
        "x = 1\nimport math",
        "import a; x = a.f()",  # one line cannot be split
        "%matplotlib inline\nimport math",
        "def f():\n    import math",
        "",
        "# only a comment",
    ],
)
def test_what_a_page_is_about_stays_open(source):
    assert plumbing(source, {"plots"}) is None


def test_names_that_draw_are_remembered_for_later_cells():
    plotters: set[str] = set()
    plumbing("from groundtruth.figures.data import model as m\nimport numpy as np", plotters)
    assert plotters == {"m"}
    assert plumbing("_ = m.bowl(1)", plotters) == Plumbing(1, "Plotting", True)
    assert plumbing("_ = np.bowl(1)", plotters) is None
