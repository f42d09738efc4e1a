"""The models of the cnn project: a body, from images to features, and a linear head.

Five small ones are trained here; the ResNets can start from published weights (`resnet.py`). Read
with `book/capstones/cnn.md`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from projects import resnet


class Classifier(nn.Module):
    """A body and a linear head."""

    def __init__(self, body: nn.Module, features: int, K: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.body = body
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(features, K)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.body(x)))  # (B, K)


class Residual(nn.Module):
    """x + two convolutions of it, each normalized; the skip connection is a 1 x 1 convolution
    where the channels change."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(a, b, 3, padding=1, bias=False),
            nn.BatchNorm2d(b),
            nn.ReLU(),
            nn.Conv2d(b, b, 3, padding=1, bias=False),
            nn.BatchNorm2d(b),
        )
        self.skip = nn.Identity() if a == b else nn.Conv2d(a, b, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.skip(x) + self.branch(x))


class Patches(nn.Module):
    """A small vision transformer's body: 2 x 2 patches as tokens, learned positions, four blocks,
    the mean token.
    """

    def __init__(self, size: int, C: int, inputs: int = 1) -> None:
        super().__init__()
        self.cut = nn.Conv2d(inputs, C, 2, stride=2)
        self.position = nn.Parameter(torch.randn((size // 2) ** 2, C) * 0.02)
        block = nn.TransformerEncoderLayer(
            C, 4, 2 * C, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(
            block, 4, norm=nn.LayerNorm(C), enable_nested_tensor=False
        )

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.cut(x).flatten(2).transpose(1, 2) + self.position  # (B, T, C)
        return self.blocks(tokens).mean(1)  # (B, C)


def network(
    name: str, size: int, C: int, K: int, dropout: float = 0.0, stages: int = 1, inputs: int = 1
) -> Classifier:
    """A model by name for images (B, inputs, size, size) and K classes; C is its first number of
    channels, doubled in each stage, and plays no part in the ResNets, whose widths are fixed.

    Raises
    ------
    ValueError
        For a name that is not in MODELS.
    """
    if name in resnet.DEPTHS:
        body = resnet.ResNet(name)
        return Classifier(body, body.features, K, dropout)
    if name not in BODIES:
        raise ValueError(f"there is no model {name!r}; choose one of: {', '.join(MODELS)}")
    layers, features = BODIES[name](size, C, stages, inputs)
    return Classifier(layers, features, K, dropout)


Body = tuple[nn.Module, int]  # a body and the number of its features


def _logistic(size: int, C: int, stages: int, inputs: int) -> Body:
    return nn.Flatten(), inputs * size * size


def _mlp(size: int, C: int, stages: int, inputs: int) -> Body:
    width = 16 * C
    layers = nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs * size * size, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
    )
    return layers, width


def _small(size: int, C: int, stages: int, inputs: int) -> Body:
    layers = nn.Sequential(
        nn.Conv2d(inputs, C, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(C, 2 * C, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
    )
    return layers, 2 * C * (size // 4) ** 2


def _residual(size: int, C: int, stages: int, inputs: int) -> Body:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, C, 3, padding=1, bias=False),
        nn.BatchNorm2d(C),
        nn.ReLU(),
        Residual(C, C),
    ]
    for _ in range(stages):
        layers += [nn.MaxPool2d(2), Residual(C, 2 * C), Residual(2 * C, 2 * C)]
        C *= 2
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), C


def _vit(size: int, C: int, stages: int, inputs: int) -> Body:
    return Patches(size, 4 * C, inputs), 4 * C


BODIES = {
    "logistic": _logistic,
    "mlp": _mlp,
    "small": _small,
    "residual": _residual,
    "vit": _vit,
}
MODELS = (*BODIES, *resnet.DEPTHS)
