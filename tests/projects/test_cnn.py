"""Claims of the cnn project."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clikit.errors import UserError
from PIL import Image
from projects import attribution, cnn, image_models, pictures
from projects.cnn import Settings
from projects.runner.order import epochs
from projects.runner.rng import generator
from projects.runner.settings import choose

from tests.projects.toy import trainer

CPU = torch.device("cpu")


def trained(**settings):
    task = cnn.build(choose(replace(Settings(), **settings), cnn.PRESETS, "smoke"))
    with tempfile.TemporaryDirectory() as folder:
        card = trainer(Path(folder), task).run()
    return task, card["metrics"]


# -- data -----------------------------------------------------------------------------------------


def test_a_bar_is_a_row_or_a_column_in_noise():
    X, y = pictures.bars(500, 0.0, 0)
    assert X.shape == (500, 1, 12, 12)
    assert set(y.tolist()) == {0, 1}
    rows = X[y == 0][:, 0]
    columns = X[y == 1][:, 0]
    assert bool((rows.sum(2) == 12).sum(1).eq(1).all())
    assert bool((columns.sum(1) == 12).sum(1).eq(1).all())
    assert bool((X.sum((1, 2, 3)) == 12).all())
    noisy = pictures.bars(500, 0.3, 0)[0] - X
    assert abs(float(noisy.std()) - 0.3) < 0.01
    assert len({tuple(x.flatten().tolist()) for x in X}) == 24  # there are no others
    held = pictures.bars(100, 0.0, 1, places=(2, 7))[0][:, 0]
    assert {int(x.sum(1).argmax()) for x in held if x.sum(1).max() == 12} == {2, 7}


def test_digits_are_split_once_and_for_all():
    parts = pictures.digits()
    assert {name: len(y) for name, (_, y) in parts.items()} == {
        "test": 500,
        "val": 200,
        "train": 1097,
    }
    seen = {name: {x.numpy().tobytes() for x in X} for name, (X, _) in parts.items()}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["val"]
    assert float(parts["train"][0].max()) == 1.0


def test_epochs_show_every_example_once_before_any_twice():
    dealt = torch.cat([epochs(10, 4, step, 3) for step in range(10)]).view(4, 10)
    assert all(sorted(row.tolist()) == list(range(10)) for row in dealt)
    assert not torch.equal(dealt[0], dealt[1])
    assert torch.equal(epochs(10, 4, 7, 3), epochs(10, 4, 7, 3))
    with pytest.raises(ValueError, match="at least one example"):
        epochs(0, 4, 0, 0)


def test_images_of_a_folder_are_shifted_in_proportion_to_their_size(tmp_path):
    for name, value in (("dark", 0), ("light", 200)):
        (tmp_path / name).mkdir()
        for number in range(5):
            Image.new("L", (32, 32), value + number).save(tmp_path / name / f"{number}.png")
    task = cnn.build(replace(Settings(), data=str(tmp_path), augment=True, batch_size=4))
    images, _ = task.batch(3)
    X, _ = task.parts["train"]
    chosen = epochs(len(X), 4, 3, 0)
    moved = pictures.random_affine(X[chosen], generator(0, 3, 1))  # up to two pixels
    assert torch.equal(images, task.standardize(moved))
    assert not torch.allclose(moved, pictures.augmented(X[chosen], generator(0, 3, 1)))


def test_augmented_pictures_are_near_and_new():
    X = pictures.digits()["train"][0][:64]
    new = pictures.augmented(X, generator(0))
    assert new.shape == X.shape
    assert bool((new != X).any(dim=(1, 2, 3)).all())
    moved = abs(float(new.sum() / X.sum()) - 1)
    assert moved < 0.1, moved
    assert torch.equal(pictures.augmented(X, generator(0)), new)


# -- models ---------------------------------------------------------------------------------------


def test_the_small_network_has_the_parameters_of_its_layers():
    model = cnn.network("small", 12, 8, 2)
    assert [sum(p.numel() for p in m.parameters()) for m in model.body if list(m.parameters())] == [
        80,
        1168,
    ]
    assert sum(p.numel() for p in model.parameters()) == 1538


@pytest.mark.parametrize("name", image_models.BODIES)
@pytest.mark.parametrize("size", [8, 12])
def test_every_model_gives_scores_and_every_parameter_a_gradient(name, size):
    model = cnn.network(name, size, 4, 3)
    scores = model(torch.randn(5, 1, size, size))
    assert scores.shape == (5, 3)
    scores.square().sum().backward()
    assert all(
        p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in model.parameters()
    )


def test_pooled_models_forget_where_and_flat_ones_do_not():
    """A shift of the picture: the residual network averages over places, the small one has a weight
    for each.
    """
    torch.manual_seed(0)
    X = torch.zeros(1, 1, 24, 24)
    X[..., 8:11, 8:11] = torch.randn(3, 3)
    moved = X.roll((4, 4), (2, 3))
    pooled = cnn.network("residual", 24, 4, 2).eval()
    flat = cnn.network("small", 24, 4, 2).eval()
    with torch.no_grad():
        assert torch.allclose(pooled(X), pooled(moved), atol=1e-5)
        assert not torch.allclose(flat(X), flat(moved), atol=1e-4)


@pytest.mark.parametrize(
    ("entry", "seen"), [(0, range(7)), (1, range(1, 11)), (2, range(5, 12))], ids=str
)
def test_an_entry_of_the_flattened_map_depends_on_seven_to_ten_rows_and_columns(entry, seen):
    """Its receptive field, cut off at the border: more than the four pixels between entries."""
    torch.manual_seed(0)
    X = torch.rand(1, 1, 12, 12, requires_grad=True)
    maps = cnn.network("small", 12, 8, 2).body[:6](X)  # (1, 16, 3, 3)
    (gradient,) = torch.autograd.grad(maps[..., entry, entry].sum(), X)
    sensitivity = gradient[0, 0].abs()
    assert sensitivity.sum(1).nonzero().ravel().tolist() == list(seen)
    assert sensitivity.sum(0).nonzero().ravel().tolist() == list(seen)


def test_a_vision_transformer_shares_its_weights_over_patches():
    """Without positions, its answer does not change when the patches change places."""
    torch.manual_seed(0)
    model = cnn.network("vit", 8, 8, 3).eval()
    X = torch.rand(2, 1, 8, 8)
    moved = X.roll((2, 4), (2, 3))  # by whole patches
    with torch.no_grad():
        assert not torch.allclose(model(X), model(moved), atol=1e-5)
        model.body.position.zero_()
        assert torch.allclose(model(X), model(moved), atol=1e-5)


def test_a_straight_line_through_pixels_does_not_see_bars():
    """Each pixel is bright as often in a row as in a column, so a linear score knows nothing; one
    convolution does.
    """
    _, line = trained(model="logistic", images=1000)
    _, small = trained(model="small")
    assert line["test_accuracy"] < 0.62
    assert small["test_accuracy"] == 1.0


def test_training_pictures_alone_set_the_scale():
    task = cnn.build(choose(Settings(), cnn.PRESETS, "smoke", ["data=digits"]))
    X, _ = task.parts["train"]
    assert task.mean == pytest.approx(float(np.mean(X.numpy())), abs=1e-6)
    assert task.sd == pytest.approx(float(X.std()), abs=1e-6)


def test_stages_halve_and_double():
    """Three stages of 4 channels end in 32 features, and one stage is the model as it was."""
    three = cnn.network("residual", 32, 4, 5, stages=3)
    one = cnn.network("residual", 32, 4, 5)
    assert three.head.in_features == 32
    assert one.head.in_features == 8
    assert three(torch.randn(2, 1, 32, 32)).shape == (2, 5)
    assert sum(isinstance(m, torch.nn.MaxPool2d) for m in three.body) == 3


def test_glyphs_are_trained_clean_or_careless_and_tested_in_fonts_never_seen():
    settings = ["size=16", "classes=ABCgR", "channels=4", "batch_size=10"]
    clean = cnn.build(choose(Settings(), cnn.PRESETS, "glyphs", [*settings, "augment=false"]))
    careless = cnn.build(choose(Settings(), cnn.PRESETS, "glyphs", settings))
    assert clean.labels == [10, 11, 12, 27, 42]
    assert len(clean.parts["train"][1]) == 5 * 16
    assert set(clean.parts) == {"train", "val", "test", "fonts"}
    (a, y) = clean.batch(3)
    (b, z) = careless.batch(3)
    assert torch.equal(y, z)
    assert not torch.allclose(a, b)
    assert set(y.tolist()) <= set(range(5))
    found = careless.evaluate(careless.model.eval(), CPU)
    assert {"val_loss", "test_accuracy", "fonts_accuracy"} <= set(found)
    assert "label A; the model says" in careless.sample(
        careless.model, cnn.Sample(index=int((careless.parts["test"][1] == 10).nonzero()[0])), CPU
    )


def test_the_published_glyphs_are_of_the_preset_and_the_page_reads_them_right():
    """Known fonts are read better than new ones, and both better when training was careless, in
    every seed of the card.
    """
    from projects.runner import records

    card, plain = (
        records.read_card(f"_assets/results/cnn-glyphs{kind}.json") for kind in ("", "-plain")
    )
    whole = choose(Settings(), cnn.PRESETS, "glyphs")
    assert all(value == getattr(whole, key) for key, value in card["settings"].items())
    assert {k for k, v in plain["settings"].items() if k != "seed" and v != getattr(whole, k)} == {
        "augment"
    }
    known, new = (card["metrics"][f"{kind}_accuracy"]["values"] for kind in ("test", "fonts"))
    assert all(
        a > b > plain["metrics"]["test_accuracy"] > plain["metrics"]["fonts_accuracy"]
        for a, b in zip(known, new, strict=True)
    )


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("", set()),
        ("-logistic", {"model"}),
        ("-logistic-plain", {"model", "augment"}),
        ("-mlp", {"model"}),
        ("-mlp-2100", {"model", "steps"}),
        ("-small", {"model"}),
        ("-vit", {"model"}),
    ],
)
def test_the_published_digits_differ_from_the_preset_in_what_their_name_says(kind, changes):
    from projects.runner import records

    card = records.read_card(f"_assets/results/cnn-laptop{kind}.json")
    preset = choose(Settings(), cnn.PRESETS, "laptop")
    settings = {k: v for k, v in card["settings"].items() if k != "seed"}
    assert {k for k, v in settings.items() if v != getattr(preset, k)} == changes
    assert len(card["metrics"]["test_accuracy"]["values"]) == 5


# -- transfer -------------------------------------------------------------------------------------


def test_a_frozen_body_stays_and_few_labels_are_few(tmp_path):
    common = ["data=digits", "model=residual", "channels=8", "steps=80"]
    first = cnn.build(choose(Settings(), cnn.PRESETS, "smoke", [*common, "classes=01234"]))
    run = trainer(tmp_path / "first", first)
    run.project = "cnn"
    run.run()
    second = cnn.build(
        choose(
            Settings(),
            cnn.PRESETS,
            "smoke",
            [
                *common,
                "classes=56789",
                "labels_per_class=3",
                f"start={tmp_path / 'first'}",
                "freeze=true",
            ],
        )
    )
    before = {name: w.clone() for name, w in second.model.state_dict().items()}
    best = torch.load(tmp_path / "first" / "best.pt", weights_only=True)["model"]  # noqa: TID251
    assert all(torch.equal(w, best[name]) for name, w in before.items() if name.startswith("body."))
    assert len(second.parts["train"][1]) == 15
    assert second.labels == [5, 6, 7, 8, 9]
    trainer(tmp_path / "second", second).run()
    after = second.model.state_dict()
    assert all(
        torch.equal(after[name], before[name]) for name in before if name.startswith("body.")
    )  # running statistics too
    assert not torch.equal(after["head.weight"], before["head.weight"])


def test_a_body_that_does_not_fit_is_refused(tmp_path):
    run = trainer(tmp_path, cnn.build(choose(Settings(), cnn.PRESETS, "smoke", ["steps=5"])))
    run.project = "cnn"
    run.run()
    with pytest.raises(UserError, match="does not fit model=small with channels=4"):
        cnn.build(replace(Settings(), channels=4, start=str(tmp_path)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "cats"}, "data='cats' is not one of"),
        ({"model": "resnet"}, "model='resnet' is not one of"),
        ({"classes": "3"}, "at least two labels"),
        ({"classes": "1a", "data": "digits"}, "at least two labels"),
        ({"freeze": True}, "give start=FOLDER too"),
        ({"dropout": 1.0}, "shares below 1"),
        ({"images": 1}, "at least"),
        ({"classes": "0-", "data": "glyphs"}, "at least two labels"),
        ({"stages": 0}, "size, stages="),
        ({"data": "glyphs", "size": 16, "stages": 3}, "4 pixels left"),
        ({"data": "digits", "model": "residual", "stages": 5}, "4 pixels left"),
        ({"data": "glyphs", "stages": 10**10}, "must be from 8 to 256, 1 to 8"),
        ({"data": "glyphs", "size": 2000}, "must be from 8 to 256, 1 to 8"),
        ({"model": "resnet18"}, "at least 32 pixels, and these have 12"),
        ({"data": "glyphs", "size": 128, "model": "vit"}, "at most 64 pixels"),
        ({"color": True}, "images of a folder"),
        ({"data": ".", "classes": "01"}, "a folder has its own"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        replace(Settings(), **changes).check()


@pytest.mark.parametrize("bad", [{"n": 0}, {"noise": -1.0}, {"places": (12,)}, {"places": ()}])
def test_bars_that_cannot_be_are_refused(bad):
    with pytest.raises(ValueError, match="need n >= 1"):
        pictures.bars(**{"n": 3, "noise": 0.0, "seed": 0, **bad})
    with pytest.raises(ValueError, match="no model 'x'"):
        cnn.network("x", 8, 4, 2)


# -- where it looks -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sees():
    return trained(steps=60)[0]


def test_a_trained_network_looks_at_the_bar_and_an_untrained_one_less(sees):
    X, y = pictures.bars(40, 0.1, 9)
    clean = pictures.bars(40, 0.0, 9)[0][:, 0] > 0.5
    scaled = (X - sees.mean) / sees.sd
    model = sees.model.eval()
    fresh = cnn.network("small", 12, 8, 2).eval()
    for method in (attribution.saliency, lambda m, a, b: attribution.occlusion(m, a, b, 1)):
        on_bar = []
        for net in (model, fresh):
            maps = method(net, scaled, y)
            on_bar.append(float(maps[clean].mean() / maps.abs().mean()))
        assert on_bar[0] > 1.5, on_bar
        assert on_bar[0] > on_bar[1], on_bar


def test_occlusion_is_the_fall_of_a_linear_score_and_depends_on_the_fill():
    """Of a linear model the score falls by the sum of w (x - fill) over the square."""
    rng = torch.Generator().manual_seed(0)
    model = cnn.network("logistic", 8, 4, 3).eval()
    X = torch.randn(2, 1, 8, 8, generator=rng)
    y = torch.tensor([2, 0])
    w = model.head.weight.detach()[y].view(2, 8, 8)
    for fill in (None, 0.0, 1.5):
        value = X.amin((1, 2, 3)) if fill is None else torch.full((2,), fill)
        effect = w * (X[:, 0] - value[:, None, None])
        maps = attribution.occlusion(model, X, y, 2, fill)
        for i, j in ((0, 0), (4, 3), (7, 7)):
            square = effect[:, max(0, i - 1) : i + 2, max(0, j - 1) : j + 2].sum((1, 2))
            assert torch.allclose(maps[:, i, j], square, atol=1e-5)


@pytest.mark.parametrize("bad", [{"size": 0}, {"fill": float("nan")}, {"fill": float("inf")}])
def test_occlusion_refuses_a_square_or_fill_that_cannot_be(bad):
    model = cnn.network("logistic", 8, 4, 3)
    with pytest.raises(ValueError, match="need"):
        attribution.occlusion(model, torch.zeros(1, 1, 8, 8), torch.tensor([0]), **bad)


def test_saliency_is_the_gradient_by_differences(sees):
    X, y = pictures.bars(2, 0.1, 5)
    model = sees.model.double().eval()
    X = X.double()
    maps = attribution.saliency(model, X, y)
    for i, j in ((0, 0), (5, 7), (11, 3)):
        step = torch.zeros_like(X)
        step[:, 0, i, j] = 1e-6
        slope = (model(X + step) - model(X - step)).gather(1, y[:, None])[:, 0] / 2e-6
        assert torch.allclose(maps[:, i, j], slope.abs(), atol=1e-5)
    sees.model.float()


def test_gradcam_on_an_average_pooled_network_is_its_class_activation_map():
    """With average pooling before a linear head the weights are the head's (Selvaraju et al., 2017,
    section 3.1).
    """
    torch.manual_seed(0)
    model = cnn.network("residual", 8, 4, 3).eval()
    X = torch.randn(2, 1, 8, 8)
    y = torch.tensor([0, 2])
    layer = model.body[6]  # the last residual block
    maps = attribution.gradcam(model, X, y, layer)
    with torch.no_grad():
        features = model.body[:7](X)  # (n, 2C, 4, 4)
        cam = torch.einsum("nc,nchw->nhw", model.head.weight[y], features).relu()
    expected = torch.nn.functional.interpolate(
        cam[:, None], (8, 8), mode="bilinear", align_corners=False
    )[:, 0]
    assert float(expected[0].max()) > 0
    assert torch.allclose(
        maps, expected / expected.amax((1, 2), keepdim=True).clamp_min(1e-12), atol=1e-5
    )


def test_a_sample_shows_the_picture_and_the_answer(sees):
    text = sees.sample(sees.model.eval(), cnn.Sample(index=3), CPU)
    assert len(text.splitlines()) == 13
    assert f"label {int(sees.parts['test'][1][3])}; the model says" in text
    with pytest.raises(UserError, match="index=200 is not a test picture"):
        sees.sample(sees.model, cnn.Sample(index=200), CPU)


def test_a_map_needs_no_gradients_around_it(sees):
    """A frozen body, and a caller in no_grad: the maps are those of any other model."""
    X, y = pictures.bars(2, 0.1, 5)
    model = cnn.network("small", 12, 8, 2).eval()
    before = X.clone()
    expected = [
        attribution.saliency(model, X, y),
        attribution.gradcam(model, X, y, model.body[4]),
    ]
    model.body.requires_grad_(False)
    with torch.no_grad():
        assert torch.equal(attribution.saliency(model, X, y), expected[0])
        assert torch.equal(attribution.gradcam(model, X, y, model.body[4]), expected[1])
    assert torch.equal(X, before)


class OnePixel(torch.nn.Module):
    """The score is one pixel."""

    def forward(self, X):
        return torch.stack([X[:, 0, 2, 5], -X[:, 0, 2, 5]], 1)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_occlusion_falls_around_the_pixel_that_counts_and_nowhere_else(size):
    X = torch.rand(2, 1, 8, 8, generator=generator(0)) + 1
    X[1] -= 5.0  # a neighbor in the batch, far darker
    falls = attribution.occlusion(OnePixel(), X, torch.tensor([0, 0]), size)
    near = torch.zeros(8, 8, dtype=torch.bool)
    near[max(0, 3 - size) : 2 + size, 6 - size : 5 + size] = True
    assert bool((falls[:, ~near] == 0).all())
    for image, fall in zip(X, falls, strict=True):
        assert torch.allclose(fall[near], image[0, 2, 5] - image.min())
    with pytest.raises(ValueError, match="need size >= 1"):
        attribution.occlusion(OnePixel(), X, torch.tensor([0, 0]), 0)


def test_training_images_of_one_class_are_refused():
    """With seed 0 the three training bars have one label, and any accuracy would be of no use."""
    with pytest.raises(UserError, match="training images have the labels"):
        for seed in range(20):
            cnn.build(replace(Settings(), images=3, seed=seed))


def test_glyphs_of_one_caller_are_not_those_of_the_next():
    X, y = pictures.glyphs("cm", 16)
    X.zero_()
    y.zero_()
    again = pictures.glyphs("cm", 16)
    assert float(again[0].sum()) > 0
    assert int(again[1].sum()) > 0


# -- a folder of your own -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    """Twenty images each of horizontal and vertical stripes, red and in other sizes."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("stripes")
    rng = np.random.default_rng(0)
    for name, axis in (("lying", 0), ("standing", 1)):
        (folder / name).mkdir()
        for number in range(20):
            wave = np.sin(np.indices((40, 60))[axis] * 0.8 + rng.uniform(0, 6)) > 0
            pixels = rng.integers(60, size=(40, 60, 3)) + 150 * wave[..., None] * [1, 0, 0]
            image = Image.fromarray(pixels.astype(np.uint8))
            image.save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize("color", [False, True])
def test_a_folder_of_images_is_learned_and_named(stripes, color):
    task, metrics = trained(data=str(stripes), size=16, color=color)
    assert task.parts["train"][0].shape[1:] == (3 if color else 1, 16, 16)
    assert metrics["test_accuracy"] == 1.0
    text = task.sample(task.model.eval(), cnn.Sample(), CPU)
    assert "label lying; the model says lying with" in text or "label standing" in text


def test_a_run_does_not_go_on_with_other_images(stripes, tmp_path):
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(stripes, folder)
    settings = choose(
        Settings(), cnn.PRESETS, "smoke", [f"data={folder}", "size=16", "steps=4", "save_every=2"]
    )
    task = cnn.build(settings)
    trainer(tmp_path / "run", task).run()
    state = task.state()
    assert cnn.build(settings, state).mean == task.mean
    (folder / "lying" / "0.png").unlink()
    with pytest.raises(UserError, match="the pictures of the run in .* has changed"):
        trainer(tmp_path / "run", cnn.build(settings)).resume()
    with pytest.raises(UserError, match="are not those that the run was trained on"):
        cnn.build(settings, state)
