"""Claims of the ResNets: shapes, forward pass, published weights, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from clikit.errors import UserError
from PIL import Image
from projects import cnn, resnet
from projects.cnn import Settings
from safetensors.torch import save_file

from tests.projects.toy import trainer


def published(name: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights of ordinary size with the names and shapes of torchvision's, head included."""
    rng = torch.Generator().manual_seed(seed)
    body = resnet.ResNet(name)
    weights = {}
    for key, value in body.state_dict().items():
        if "num_batches" in key:
            weights[key] = torch.tensor(7)
        elif value.dim() == 4:
            fan_in = value[0].numel()
            weights[key] = torch.randn(value.shape, generator=rng) * (2 / fan_in) ** 0.5
        elif key.endswith(("running_var", "weight")):
            weights[key] = torch.rand(value.shape, generator=rng) + 0.5
        else:
            weights[key] = torch.randn(value.shape, generator=rng) * 0.1
    weights["fc.weight"] = torch.randn(1000, body.features, generator=rng)
    weights["fc.bias"] = torch.zeros(1000)
    return weights


def features(w: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The forward pass in functions, from the state dict alone."""

    def conv(x, conv_name, norm_name, stride):
        kernel = w[f"{conv_name}.weight"]
        x = F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)
        mean, var, gain, shift = (
            w[f"{norm_name}.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * gain + shift

    x = conv(x, "conv1", "bn1", 2).relu()
    x = F.max_pool2d(F.pad(x, (1, 1, 1, 1), value=-torch.inf), 3, 2)
    blocks = sorted({key[: key.index(".", 7)] for key in w if key.startswith("layer")})
    for block in sorted(blocks, key=lambda name: (name[:6], int(name[7:]))):
        stride = 2 if block[5] != "1" and block.endswith(".0") else 1
        deep = f"{block}.conv3.weight" in w
        h = conv(x, f"{block}.conv1", f"{block}.bn1", 1 if deep else stride).relu()
        h = conv(h, f"{block}.conv2", f"{block}.bn2", stride if deep else 1)
        if deep:
            h = conv(h.relu(), f"{block}.conv3", f"{block}.bn3", 1)
        if f"{block}.downsample.0.weight" in w:
            x = conv(x, f"{block}.downsample.0", f"{block}.downsample.1", stride)
        x = (x + h).relu()
    return x.mean((2, 3))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
        ("resnet101", 44_549_160),
    ],
)
def test_parameters_are_those_of_the_published_models(name, parameters):
    """Of torchvision's documentation, with a head of 1,000 classes."""
    model = cnn.network(name, 224, 8, 1000)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_features_are_those_of_the_state_dict(name, tmp_path):
    weights = published(name)
    save_file(weights, tmp_path / "model.safetensors")
    body = resnet.ResNet(name).eval()
    resnet.load_published(body, name, tmp_path)
    X = torch.randn(2, 3, 40, 56, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = features(weights, X)
        assert float(expected.std()) > 0.05
        assert torch.allclose(body(X), expected, rtol=1e-3, atol=1e-3 * float(expected.std()))
        assert torch.allclose(body(X[:, :1]), body(X[:, :1].repeat(1, 3, 1, 1)))


def test_images_are_standardized_as_the_weights_expect():
    X = torch.tensor(resnet.MEAN)[None, :, None, None].expand(1, 3, 2, 2)
    assert float(resnet.standardize(X).abs().max()) < 1e-6
    white = resnet.standardize(torch.ones(1, 1, 1, 1))  # gray becomes three channels
    assert white.flatten().tolist() == pytest.approx([2.2489, 2.4286, 2.64], abs=1e-4)


def test_transfer_trains_a_head_on_published_features(tmp_path):
    weights = published("resnet18")
    save_file(weights, tmp_path / "model.safetensors")
    for name in ("dark", "light"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(5):
            image = Image.new("L", (32, 32), number + 200 * (name == "light"))
            image.save(tmp_path / "images" / name / f"{number}.png")
    settings = replace(
        Settings(), data=str(tmp_path / "images"), model="resnet18", steps=2, batch_size=4
    )
    settings = replace(settings, start=str(tmp_path), freeze=True, eval_every=2)
    task = cnn.build(settings)
    trainer(tmp_path / "run", task).run()
    after = task.model.state_dict()
    assert all(
        torch.equal(after[f"body.{key}"], w) for key, w in weights.items() if key[:2] != "fc"
    )
    later = cnn.build(replace(settings, start="gone"), task.state())  # the checkpoint has them
    later.model.load_state_dict(after)


# -- what is refused ------------------------------------------------------------------------------


def refused(folder, message: str, name: str = "resnet18") -> None:
    with pytest.raises(UserError, match=message) as error:
        resnet.load_published(resnet.ResNet(name), name, folder)
    assert error.value.fix


def test_weights_of_another_model_are_refused(tmp_path):
    weights = published("resnet18")
    file = tmp_path / "model.safetensors"
    save_file(weights, file)
    refused(tmp_path, "not those of model=resnet34: no layer1.2.conv1.weight", "resnet34")
    refused(tmp_path, "not those of model=resnet50: .* more", "resnet50")
    save_file({**weights, "conv1.weight": torch.zeros(64, 3, 3, 3)}, file)
    refused(tmp_path, r"conv1.weight of shape \(64, 3, 3, 3\) for \(64, 3, 7, 7\)")
    save_file({**weights, "layer1.0.se.fc1.weight": torch.zeros(1)}, file)
    refused(tmp_path, "se.fc1.weight, which it lacks")
    save_file({**weights, "bn1.bias": torch.full((64,), torch.nan)}, file)
    refused(tmp_path, "are not finite: bn1.bias")


def test_damaged_files_are_refused(tmp_path):
    file = tmp_path / "model.safetensors"
    save_file(published("resnet18"), file)
    good = file.read_bytes()
    for bad in (b"", good[:1000], good[:-1], b"\xff" * 8 + good[8:], b"PK\x03\x04" + good[4:]):
        file.write_bytes(bad)
        refused(tmp_path, "is damaged or not of the safetensors format")
    (tmp_path / "second.safetensors").write_bytes(good)
    refused(tmp_path, "has 2 files of the kind .safetensors")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "is not the configuration of a model"),
        (json.dumps({"pretrained_cfg": {"mean": [0.5, 0.5, 0.5]}}), r"expects mean=\[0.5, 0.5"),
        (json.dumps({"std": [1, 1, 1]}), r"expects std=\[1, 1, 1\]"),
    ],
)
def test_images_of_another_scale_are_refused(config, message, tmp_path):
    (tmp_path / "config.json").write_text(config)
    refused(tmp_path, message)


def test_a_small_model_does_not_start_from_a_resnet(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="cannot start from the weights"):
        cnn.build(replace(Settings(), start=str(tmp_path)))
    with pytest.raises(UserError, match="there is no checkpoint"):
        cnn.build(replace(Settings(), data="glyphs", model="resnet18", start=str(tmp_path / "x")))
    with pytest.raises(ValueError, match="there is no 'resnet19'"):
        resnet.ResNet("resnet19")
