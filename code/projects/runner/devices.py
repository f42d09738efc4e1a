"""Which device a run uses and why, in which precision, and how fast the device could be.

Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from clikit.errors import Exit, UserError, nearest

PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
# dense tensor-core peaks in bf16, from the makers' data sheets, FLOP/s
PEAKS = {
    "H100 NVL": 835e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "H200 NVL": 836e12,
    "H200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "A10G": 70e12,
    "RTX 4090": 165e12,
}


@dataclass(frozen=True)
class DeviceConfig:
    """Where and how a run computes."""

    device: torch.device
    precision: str
    reason: str

    def autocast(self) -> Any:
        """The context of forward passes: lower precision where it is safe, or nothing."""
        kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
        if self.precision not in kinds:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=kinds[self.precision])

    @property
    def name(self) -> str:
        """The device as its maker calls it."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        if self.device.type == "cpu":
            return cpu_name()
        return "Apple GPU"


def choose(device: str = "auto", precision: str = "auto", rank: int = 0) -> DeviceConfig:
    """cuda, then mps, then cpu, unless one is named; bf16 on CUDA devices that have it, fp32
    elsewhere.

    Raises
    ------
    UserError
        For a device that is not here and for a precision that the device cannot compute in.
    """
    cuda = torch.cuda.is_available()
    mps = torch.backends.mps.is_available()
    kinds = {"cuda": cuda, "mps": mps, "cpu": True}
    if device == "auto":
        kind = next(k for k, available in kinds.items() if available)
        reason = {
            "cuda": "CUDA sees a GPU",
            "mps": "no CUDA; Metal sees a GPU",
            "cpu": "neither CUDA nor Metal sees a GPU",
        }[kind]
    else:
        kind = device
        reason = "you chose it"
        if kind not in kinds:
            raise UserError(
                f"there is no device {device!r}{nearest(device, kinds)}",
                "choose auto, cuda, mps or cpu",
                Exit.USAGE,
            )
        if not kinds[kind]:
            raise UserError(
                f"the device {device!r} is not on this computer",
                "use --device auto, or install a torch build for it",
                Exit.ENVIRONMENT,
            )
    if kind == "cuda":
        torch.cuda.set_device(rank % torch.cuda.device_count())
    where = (
        torch.device(kind, rank % torch.cuda.device_count())
        if kind == "cuda"
        else torch.device(kind)
    )
    return DeviceConfig(where, _precision(precision, kind), reason)


def _precision(precision: str, kind: str) -> str:
    bf16 = kind == "cuda" and torch.cuda.is_bf16_supported()
    if precision == "auto":
        return "bf16" if bf16 else "fp32"
    if precision not in PRECISIONS:
        raise UserError(
            f"there is no precision {precision!r}{nearest(precision, PRECISIONS)}",
            f"choose auto or one of: {', '.join(PRECISIONS)}",
            Exit.USAGE,
        )
    if precision in ("tf32", "fp16") and kind != "cuda":
        raise UserError(
            f"{precision} needs a CUDA device, this is {kind}",
            "use --precision fp32 or bf16",
            Exit.USAGE,
        )
    if precision == "bf16" and kind == "cuda" and not bf16:
        raise UserError(
            "this GPU does not compute in bf16", "use --precision fp16 or fp32", Exit.ENVIRONMENT
        )
    if precision == "tf32":
        torch.set_float32_matmul_precision("high")
    return precision


def cpu_name() -> str:
    """The CPU's model name and how many threads torch uses."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            model = next(
                (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")),
                "CPU",
            )
    except OSError:
        import platform

        model = platform.processor() or "CPU"
    return f"{model}, {torch.get_num_threads()} threads"


def peak_flops(name: str, precision: str = "bf16") -> float | None:
    """Dense 16-bit peak of a device by its name, FLOP/s.

    None for a device or a variant of it that is not in the table, and for 32-bit precisions.

    Examples
    --------
    >>> peak_flops("NVIDIA L40S") / 1e12
    362.0
    >>> peak_flops("NVIDIA GeForce RTX 4090 Laptop GPU") is None
    True
    """
    if precision not in ("bf16", "fp16") or "Laptop" in name:
        return None
    return next((peak for key, peak in PEAKS.items() if re.search(rf"\b{key}\b", name)), None)


def synchronize(device: torch.device) -> None:
    """Wait for the device: a clock read earlier measures how long the work took to queue."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def peak_memory(device: torch.device) -> float:
    """Most memory used so far, MB: of the GPU's allocator on CUDA, of the process elsewhere."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1e6 if sys.platform == "darwin" else 1e3)
