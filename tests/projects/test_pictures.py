"""Claims of the pictures that are drawn from fonts, and of the measures that compare samples."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
import torch
from groundtruth.figures import style as figures
from projects import pictures, quality
from projects.runner.rng import generator


def test_every_family_has_every_character_and_no_two_are_alike():
    for family in pictures.STYLES:
        X, y = pictures.glyphs(family, 32)
        styles = len(pictures.STYLES[family])
        assert X.shape == (62 * styles, 1, 32, 32)
        assert y.tolist() == list(range(62)) * styles
        assert float(X.min()) >= 0
        assert float(X.max()) <= 1
        assert bool((X.sum((1, 2, 3)) > 5).all())
        assert all(
            len({x.numpy().tobytes() for x in X[y == label]}) == styles for label in (10, 36)
        )  # the styles of A and of a differ
        assert len({x.numpy().tobytes() for x in X[:62]}) == 62


def test_glyphs_show_the_character_they_are_named_for():
    """Against another renderer of the same fonts, Pillow with FreeType: the picture nearest to its
    own is that of the same character.
    """
    from pathlib import Path

    from PIL import Image, ImageDraw, ImageFont

    X, y = pictures.glyphs("DejaVuSerif", 64)
    font = ImageFont.truetype(
        str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSerif.ttf"),
        round(4 * 64 * pictures.EM),
    )
    for label, character in enumerate(pictures.CHARACTERS):
        sheet = Image.new("L", (512, 256), 0)
        ImageDraw.Draw(sheet).text((150, 256 * 0.72), character, font=font, fill=255, anchor="ls")
        ink = np.flatnonzero(np.asarray(sheet).any(0))
        centred = np.roll(np.asarray(sheet), 256 - (ink[0] + ink[-1] + 1) // 2, axis=1)[:, 128:384]
        small = torch.nn.functional.avg_pool2d(
            torch.tensor(centred, dtype=torch.float32)[None] / 255, 4
        )[0]
        away = (X[:62, 0] - small).square().sum((1, 2))
        assert int(y[away.argmin()]) == label, character


def test_the_size_is_that_of_a_coarser_picture():
    fine = pictures.glyphs("cm", 64)[0]
    coarse = pictures.glyphs("cm", 32)[0]
    assert float((torch.nn.functional.avg_pool2d(fine, 2) - coarse).abs().mean()) < 0.02


def test_the_pictures_are_the_same_whatever_figures_look_like():
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        clean = pictures._sheet("cmr10.ttf", 16)
    for style in (
        {"patch.antialiased": False},
        {"path.snap": False},
        {"figure.facecolor": "none"},
        {"figure.facecolor": "black"},
        figures.STYLE,
    ):
        with matplotlib.rc_context(style):
            assert (pictures._sheet("cmr10.ttf", 16) == clean).all(), style
    assert (
        (clean > 0.05) & (clean < 0.95)
    ).mean() > 0.05  # grey edges: the first picture, too, may not be drawn in black and white


def test_the_held_family_is_not_in_what_is_typeset():
    X, y = pictures.typeset(16)
    held = {x.numpy().tobytes() for x in pictures.glyphs(pictures.HELD, 16)[0]}
    assert len(X) == len(y) == 62 * 16
    assert not held & {x.numpy().tobytes() for x in X}


def test_prints_move_within_their_picture_and_repeat_with_the_seed():
    clean = pictures.typeset(32)
    X, y = pictures.render_samples(*clean, 300, 1)
    assert torch.equal(X, pictures.render_samples(*clean, 300, 1)[0])
    assert not torch.equal(X, pictures.render_samples(*clean, 300, 2)[0])
    assert X.shape == (300, 1, 32, 32)
    assert len(set(y.tolist())) > 55
    edge = torch.cat([X[..., 0, :], X[..., -1, :]], -1)
    assert float(edge.sum() / X.sum()) < 0.01  # the ink stays inside
    still = pictures.augmented(clean[0][:50], generator(0), shift=0.0, turn=0.0, stretch=0.0)
    assert torch.allclose(still, clean[0][:50], atol=1e-5)


@pytest.mark.parametrize(("family", "size"), [("Comic", 32), ("cm", 7)])
def test_glyphs_that_cannot_be_are_refused(family, size):
    with pytest.raises(ValueError, match="need a family of DejaVuSans"):
        pictures.glyphs(family, size)


# -- measures -------------------------------------------------------------------------------------


def test_frechet_is_the_formula_with_scipys_root():
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(0)
    a = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5))
    b = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5)) + 1
    A = np.cov(a.T)
    B = np.cov(b.T)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(A + B - 2 * np.real(sqrtm(A @ B)))
    assert quality.frechet(torch.tensor(a), torch.tensor(b)) == pytest.approx(expected, rel=1e-8)
    assert quality.frechet(torch.tensor(b), torch.tensor(a)) == pytest.approx(expected, rel=1e-8)
    assert quality.frechet(torch.tensor(a), torch.tensor(a)) == pytest.approx(0.0, abs=1e-8)
    assert quality.frechet(torch.tensor(a[:, :1]), torch.tensor(a[:, :1] + 3)) == pytest.approx(9.0)


@pytest.mark.parametrize("shapes", [((3, 2), (3, 3)), ((1, 2), (3, 2)), ((3,), (3,))])
def test_samples_that_cannot_be_compared_are_refused(shapes):
    with pytest.raises(ValueError, match="need two samples"):
        quality.frechet(*(torch.zeros(shape) for shape in shapes))
