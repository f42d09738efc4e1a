"""Time and memory of a training step, by plan of parallelism, and the fastest plan that fits.

Read with book/modern/training-in-practice.md.

A model of a cluster from four numbers: it leaves out latencies, kernels of little work and
embeddings, and assumes that what can overlap does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from groundtruth.modern.memory_ledger import Shape, activation_numbers, state_bytes


class Cluster(NamedTuple):
    """Nodes of several devices; bandwidths of one device in one direction."""

    peak: float  # floating-point operations per second of a device
    usable: float  # the fraction of the peak that its matrix products reach
    memory: float  # bytes of a device
    within: float  # bytes per second to devices of the same node
    between: float  # bytes per second to other nodes
    node: int = 8  # devices of a node


class Plan(NamedTuple):
    """How a batch of sequences is divided; tensor parallelism divides activations too."""

    tensor: int
    pipeline: int
    data: int
    stage: int = 1  # of ZeRO, among the data-parallel groups
    recompute: bool = False  # one checkpoint per layer
    micro: int = 1  # sequences of a micro-batch
    chunks: int = 1  # groups of layers of a device in an interleaved pipeline

    @property
    def devices(self) -> int:
        return self.tensor * self.pipeline * self.data


class Cost(NamedTuple):
    """Of one step on one device."""

    memory: float  # bytes
    compute_s: float  # recomputation included
    bubble_s: float
    tensor_s: float  # all-reduces inside the layers, which nothing hides
    data_s: float  # what is left of the traffic of gradients and weights behind the computation

    @property
    def step_s(self) -> float:
        return self.compute_s + self.bubble_s + self.tensor_s + self.data_s


def operations(shape: Shape, tokens: int, length: int) -> float:
    """Floating-point operations of a forward and a backward pass: 6 N and attention, per token.

    Examples
    --------
    >>> operations(Shape(1, 1, 1), 1, 1)
    84
    """
    return tokens * (6 * shape.parameters + 12 * shape.layers * shape.width * length)


def micro_batches(plan: Plan, batch: int) -> int:
    """Micro-batches of each data-parallel group in a batch of so many sequences."""
    if min(plan[:3]) < 1 or plan.micro < 1 or plan.chunks < 1:
        raise ValueError(f"every part of a plan is at least 1, got {plan}")
    each = plan.data * plan.micro
    if batch < each or batch % each:
        raise ValueError(f"{batch} sequences are not divided by {plan.data} x {plan.micro}")
    return batch // each


class Run(NamedTuple):
    """A run of Table 1 of Narayanan et al. (2021), all with one checkpoint per layer."""

    shape: Shape
    tensor: int
    pipeline: int
    devices: int
    batch: int  # sequences
    flops: float  # floating-point operations per second and device, recomputation included

    @property
    def plan(self) -> Plan:
        """Its plan, with micro-batches of one sequence."""
        data = self.devices // (self.tensor * self.pipeline)
        return Plan(self.tensor, self.pipeline, data, 0, True)

    @property
    def step_s(self) -> float:
        """Seconds of a step, from the reported rate by the paper's own formula for operations."""
        layers, width, _ = self.shape
        each = 1 + LENGTH / (6 * width) + VOCABULARY / (16 * layers * width)
        total = 96 * self.batch * LENGTH * layers * width**2 * each
        return total / (self.devices * self.flops)


LENGTH = 2048  # tokens of a sequence in these runs
VOCABULARY = 51_200
A100 = Cluster(peak=312e12, usable=1.0, memory=80e9, within=300e9, between=25e9)
REPORTED = (  # layers, width, heads; tensor, pipeline, devices, batch, 10^12 operations per second
    (24, 2304, 24, 1, 1, 32, 512, 137),
    (30, 3072, 32, 2, 1, 64, 512, 138),
    (36, 4096, 32, 4, 1, 128, 512, 142),
    (40, 6144, 48, 8, 1, 256, 1024, 135),
    (48, 8192, 64, 8, 2, 512, 1536, 138),
    (60, 10240, 80, 8, 4, 1024, 1792, 140),
    (80, 12288, 96, 8, 8, 1536, 2304, 148),
    (96, 16384, 128, 8, 16, 1920, 2160, 155),
    (105, 20480, 128, 8, 35, 2520, 2520, 163),
    (128, 25600, 160, 8, 64, 3072, 3072, 163),
)
RUNS = tuple(Run(Shape(*row[:3]), *row[3:7], row[7] * 1e12) for row in REPORTED)


def predicted(run: Run, usable: float) -> Cost:
    """The cost of a published run, if matrix products reach this fraction of the peak."""
    if not 0 < usable <= 1:
        raise ValueError(f"usable must be a fraction of the peak, got {usable}")
    return cost(run.shape, LENGTH, run.batch, run.plan, A100._replace(usable=usable))


def cost(shape: Shape, length: int, batch: int, plan: Plan, cluster: Cluster) -> Cost:
    """Memory and seconds of a step of `batch` sequences of `length` tokens.

    Raises
    ------
    ValueError
        If the batch, the heads or the layers are not divided by the plan.
    """
    m = micro_batches(plan, batch)
    _check_divided(shape, plan)
    tokens = plan.micro * length  # of a micro-batch
    own = shape.parameters / (plan.tensor * plan.pipeline)
    layers = shape.layers // plan.pipeline
    passes = 4 if plan.recompute else 3  # of the operations of a forward pass
    speed = cluster.peak * cluster.usable
    once = operations(shape, tokens, length) / (plan.tensor * plan.pipeline) / speed
    compute = m * once * passes / 3
    bubble = compute * (plan.pipeline - 1) / (m * plan.chunks)
    # two all-reduces of a layer's output in each pass over it, of 2 bytes per number
    inside = 2 * (passes - 1) * layers * m * tokens * shape.width * 2 * _ring(plan.tensor, 2)
    tensor = inside / (cluster.within if plan.tensor <= cluster.node else cluster.between)
    local = plan.tensor * plan.data <= cluster.node and plan.pipeline == 1
    bandwidth = cluster.within if local else cluster.between
    rounds = 3 * m if plan.stage == 3 else 2
    hidden_by = compute if plan.stage == 3 else compute / m
    data = max(0.0, 2 * own * _ring(plan.data, rounds) / bandwidth - hidden_by)
    return Cost(memory(shape, length, batch, plan), compute, bubble, tensor, data)


def memory(shape: Shape, length: int, batch: int, plan: Plan) -> float:
    """Bytes of a device: states by ZeRO stage, activations of the micro-batches under way (1F1B).

    Stage 3 also holds the gathered weights of one layer. The devices of a tensor-parallel group
    divide the activations, those between blocks by the sequence (Korthikanti et al., 2023).

    Raises
    ------
    ValueError
        If the batch, the heads or the layers are not divided by the plan.
    """
    under_way = min(plan.pipeline, micro_batches(plan, batch))
    _check_divided(shape, plan)
    own = shape.parameters / (plan.tensor * plan.pipeline)
    states = own * state_bytes(plan.stage, plan.data)
    if plan.stage == 3:
        states += 2 * shape.parameters / shape.layers / plan.tensor
    part = Shape(shape.layers // plan.pipeline, shape.width, shape.heads)
    tokens = plan.micro * length
    numbers = under_way * activation_numbers(part, tokens, length, "fused")
    if plan.recompute:
        one_layer = Shape(1, shape.width, shape.heads)
        numbers = under_way * part.layers * tokens * shape.width
        numbers += activation_numbers(one_layer, tokens, length, "fused")
    return states + 2 * numbers / plan.tensor


def _check_divided(shape: Shape, plan: Plan) -> None:
    """Refuse heads and layers that a plan does not divide."""
    if shape.heads % plan.tensor or shape.layers % (plan.pipeline * plan.chunks):
        raise ValueError(f"{shape.heads} heads and {shape.layers} layers are not divided by {plan}")


def _ring(devices: int, rounds: int) -> float:
    """Numbers a device sends per number in a ring: one round for each reduce-scatter or gather."""
    return rounds * (devices - 1) / devices


def mfu(shape: Shape, length: int, batch: int, devices: int, step_s: float, peak: float) -> float:
    """Model FLOPs utilization: operations of one forward and backward pass by what was possible.

    Examples
    --------
    >>> mfu(Shape(1, 1, 1), 1, 1, 2, 1.0, 84.0)
    0.5
    """
    if devices < 1 or step_s <= 0 or peak <= 0:
        raise ValueError(f"need devices, a time and a peak, got {devices}, {step_s} and {peak}")
    return operations(shape, batch * length, length) / (devices * step_s * peak)


def plans(shape: Shape, batch: int, devices: int, cluster: Cluster) -> Iterator[Plan]:
    """Plans of powers of two with tensor parallelism inside a node and no interleaving.

    ZeRO is of stage 1, or 3 without a pipeline; a micro-batch has at most 8 sequences.
    """
    sizes = [2**k for k in range(devices.bit_length()) if devices % 2**k == 0]
    for tensor in sizes:
        for pipeline in sizes:
            data, rest = divmod(devices, tensor * pipeline)
            fits = (
                tensor <= cluster.node and not shape.heads % tensor and not shape.layers % pipeline
            )
            if rest or not data or not fits or batch % data:
                continue
            for stage in (1, 3) if pipeline == 1 else (1,):
                for recompute in (False, True):
                    for micro in (1, 2, 4, 8):
                        if batch % (data * micro) == 0:
                            yield Plan(tensor, pipeline, data, stage, recompute, micro)


def fastest(
    shape: Shape, length: int, batch: int, devices: int, cluster: Cluster
) -> tuple[Plan, Cost] | None:
    """The plan of least time whose memory fits, and its cost; None if no plan fits."""
    best: tuple[Plan, Cost] | None = None
    for plan in plans(shape, batch, devices, cluster):
        price = cost(shape, length, batch, plan, cluster)
        if price.memory > cluster.memory:
            continue
        if best is None or price.step_s < best[1].step_s:
            best = plan, price
    return best
