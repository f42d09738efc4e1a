"""ResNet-18, -34, -50 and -101 and their published weights, for `--set model=resnet18`.

The modules have the names of torchvision, which timm uses too, so a state dict of either fits as it
is. It is read from a local folder, as safetensors: nothing is downloaded, and nothing in the file
is executed. Variants with other stems, widths or groups are refused. Read with
`book/capstones/cnn.md`. Source: He et al. (2016), with the stride of a bottleneck in its 3 x 3
convolution, as both libraries have it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from clikit.errors import Exit, UserError
from torch import Tensor, nn

DEPTHS = {  # blocks of each of the four stages
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
}
DEEP = ("resnet50", "resnet101")  # of bottlenecks
MEAN = (0.485, 0.456, 0.406)  # of ImageNet's training images, per channel
SD = (0.229, 0.224, 0.225)
SMALLEST = 32  # pixels, which five halvings leave as one


class Basic(nn.Module):
    """x + two 3 x 3 convolutions of it, each normalized."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _skip(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.downsample(x) + self.bn2(self.conv2(h)))


class Bottleneck(nn.Module):
    """x + 1 x 1, 3 x 3 and 1 x 1 convolutions of it; the middle one has a quarter of the
    channels."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _skip(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.relu(self.bn2(self.conv2(h)))
        return F.relu(self.downsample(x) + self.bn3(self.conv3(h)))


def _skip(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The identity, or a 1 x 1 convolution where the shape changes."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """The body of a ResNet: images (B, 3, H, W), or gray ones (B, 1, H, W), to features.

    Raises
    ------
    ValueError
        For a name that is not in DEPTHS.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        if name not in DEPTHS:
            raise ValueError(f"there is no {name!r}; choose one of: {', '.join(DEPTHS)}")
        block = Bottleneck if name in DEEP else Basic
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for stage, depth in enumerate(DEPTHS[name]):
            width = 64 << stage
            blocks: list[nn.Module] = []
            for number in range(depth):
                stride = 2 if stage and not number else 1
                blocks.append(block(channels, width, stride))
                channels = block.expansion * width
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.features = channels

    def forward(self, x: Tensor) -> Tensor:
        x = x.expand(-1, 3, -1, -1)  # gray in each of the three channels
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.max_pool2d(h, 3, stride=2, padding=1)
        for stage in range(1, 5):
            h = self.get_submodule(f"layer{stage}")(h)
        return h.mean((2, 3))  # (B, features)


def standardize(X: Tensor) -> Tensor:
    """Values from 0 to 1 as the published weights expect them, (B, 3, H, W)."""
    mean = torch.tensor(MEAN, dtype=X.dtype, device=X.device)[:, None, None]
    sd = torch.tensor(SD, dtype=X.dtype, device=X.device)[:, None, None]
    return (X - mean) / sd


# -- published weights ----------------------------------------------------------------------------


def is_published(folder: Path) -> bool:
    """Whether a folder holds weights as safetensors."""
    return any(folder.glob("*.safetensors"))


def load_published(body: ResNet, name: str, folder: Path) -> None:
    """Copy the weights of a state dict of torchvision or timm into a body; its head is left out.

    Parameters
    ----------
    body : ResNet of that name
    name : str, one of DEPTHS
    folder : Path, with one `.safetensors` file, and perhaps timm's `config.json`

    Raises
    ------
    UserError
        When the file is damaged, or is not the state dict of this ResNet, or when the images it was
        trained on were standardized otherwise than ImageNet's are.
    """
    _check_config(folder / "config.json")
    weights = _read(folder)
    kept = {key: value for key, value in weights.items() if not key.startswith("fc.")}
    expected = body.state_dict()
    faults = [f"no {key}" for key in expected if key not in kept and "num_batches" not in key]
    faults += [f"{key}, which it lacks" for key in kept if key not in expected]
    faults += [
        f"{key} of shape {tuple(value.shape)} for {tuple(expected[key].shape)}"
        for key, value in kept.items()
        if key in expected and value.shape != expected[key].shape
    ]
    if faults:
        raise UserError(
            f"the weights in {folder} are not those of model={name}: {', '.join(faults[:2])}"
            + (f" and {len(faults) - 2} more" if len(faults) > 2 else ""),
            f"give the state dict of one of: {', '.join(DEPTHS)}, and its name as model",
            Exit.USAGE,
        )
    bad = [key for key, value in kept.items() if not bool(torch.isfinite(value).all())]
    if bad:
        raise UserError(
            f"the weights in {folder} are not finite: {bad[0]}", "get the file anew", Exit.USAGE
        )
    body.load_state_dict(kept, strict=False)


def _read(folder: Path) -> dict[str, Tensor]:
    """The one safetensors file of a folder."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    files = sorted(folder.glob("*.safetensors"))
    if len(files) != 1:
        raise UserError(
            f"{folder} has {len(files)} files of the kind .safetensors",
            "give a folder with one; a .pth file is first saved with safetensors.torch.save_file",
            Exit.USAGE,
        )
    try:
        return load_file(files[0])
    except (OSError, SafetensorError, ValueError) as error:
        raise UserError(
            f"{files[0]} is damaged or not of the safetensors format: {error}",
            "get the file anew",
            Exit.USAGE,
        ) from None


def _check_config(path: Path) -> None:
    """Refuse timm weights whose images were standardized otherwise."""
    if not path.is_file():
        return
    try:
        config: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path} cannot be read: {error}", "get the file anew", Exit.USAGE
        ) from None
    details = config.get("pretrained_cfg", config) if isinstance(config, dict) else None
    if not isinstance(details, dict):
        raise UserError(f"{path} is not the configuration of a model", "remove it", Exit.USAGE)
    for key, known in (("mean", MEAN), ("std", SD)):
        value = details.get(key, list(known))
        if value != list(known):
            raise UserError(
                f"the model in {path.parent} expects {key}={value!r}; here images are standardized "
                f"with {list(known)}",
                "give weights that were trained with the mean and deviation of ImageNet",
                Exit.USAGE,
            )
