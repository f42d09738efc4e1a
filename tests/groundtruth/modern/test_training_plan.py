"""Plans: published runs, simulated pipelines, the ledger's bytes, and costs by hand."""

from __future__ import annotations

import math

import pytest
from groundtruth.modern import memory_ledger as ledger
from groundtruth.modern import pipeline_schedule, training_plan
from groundtruth.modern.memory_ledger import Shape
from groundtruth.modern.training_plan import Cluster, Plan

SMALL = Shape(8, 64, 8)
CLUSTER = Cluster(peak=1e12, usable=0.5, memory=1e9, within=1e10, between=1e9)


def price(plan, batch=64, cluster=CLUSTER, shape=SMALL):
    return training_plan.cost(shape, 32, batch, plan, cluster)


def test_operations_are_those_of_matrix_products():
    """Per token: 2 operations per weight, T scores and T sums of C numbers, three passes."""
    L, C, _ = SMALL
    forward = 2 * 12 * L * C**2 + 2 * 2 * L * C * 32
    assert training_plan.operations(SMALL, 5, 32) == 5 * 3 * forward


def test_predicted_steps_of_published_runs_are_near_with_one_fitted_number():
    errors = [
        math.log(training_plan.predicted(run, 0.51).step_s / run.step_s)
        for run in training_plan.RUNS
    ]
    assert len(errors) == 10
    assert max(abs(e) for e in errors) < 0.2
    assert min(errors) < 0 < max(errors)


def test_published_runs_have_the_published_sizes():
    """Billions of parameters in the paper's table, embeddings, norms and biases included."""
    billions = (1.7, 3.6, 7.5, 18.4, 39.1, 76.1, 145.6, 310.1, 529.6, 1008.0)
    for run, size in zip(training_plan.RUNS, billions, strict=True):
        L, C, _ = run.shape
        total = run.shape.parameters + 13 * L * C + (51_200 + 2048) * C
        assert total / 1e9 == pytest.approx(size, abs=0.06)
        assert run.plan.devices == run.devices
        assert run.batch % run.plan.data == 0


def test_the_time_of_a_trillion_parameters_is_that_of_the_paper():
    """84 days for 450 billion tokens on 3,072 devices."""
    run = training_plan.RUNS[-1]
    days = 450e9 / (run.batch * training_plan.LENGTH) * run.step_s / 86_400
    assert days == pytest.approx(84, rel=0.02)


def test_a_reported_step_by_hand():
    run = training_plan.Run(Shape(2, 4, 2), 1, 1, 2, 3, 10.0)
    tokens = 3 * 2048
    layers = 8 * 12 * 2 * 4**2 + 16 * 2 * 4 * 2048  # four passes, recomputation included
    logits = 6 * 4 * 51_200  # three passes
    assert run.step_s == pytest.approx(tokens * (layers + logits) / (2 * 10.0))


def test_utilization_of_a_run_without_waiting_is_the_usable_fraction():
    plan = Plan(1, 1, 1, 0)
    step = price(plan)
    assert step[2:] == (0, 0, 0)
    used = training_plan.mfu(SMALL, 32, 64, 1, step.step_s, CLUSTER.peak)
    assert used == pytest.approx(0.5)
    saving = price(plan._replace(recompute=True))
    assert saving.compute_s == pytest.approx(step.compute_s * 4 / 3)


@pytest.mark.parametrize(("p", "micro", "v"), [(2, 4, 1), (4, 2, 1), (4, 4, 2)])
def test_the_bubble_is_that_of_the_simulated_pipeline(p, micro, v):
    plan = Plan(1, p, 2, 0, False, micro, v)
    step = price(plan)
    m = training_plan.micro_batches(plan, 64)
    tasks = pipeline_schedule.simulate(p, m, "1f1b", chunks=v)
    waiting = step.bubble_s / (step.bubble_s + step.compute_s)
    assert waiting == pytest.approx(pipeline_schedule.bubble(tasks))


def test_the_computation_is_divided_by_all_devices():
    alone = price(Plan(1, 1, 1)).compute_s
    for plan in (Plan(2, 1, 1), Plan(1, 2, 1), Plan(1, 1, 2), Plan(2, 4, 8)):
        assert price(plan).compute_s == pytest.approx(alone / plan.devices)


def test_traffic_inside_layers_by_hand():
    """Two all-reduces per layer and pass of 2-byte numbers, with three passes when recomputing."""
    plan = Plan(4, 2, 2, 1, False, 2)
    numbers = 16 * 4 * (2 * 32 * 64)  # micro-batches, layers of a stage, numbers of an output
    once = numbers * 2 * 2 * 3 / 4 / 1e10
    assert price(plan).tensor_s == pytest.approx(2 * 2 * once)
    assert price(plan._replace(recompute=True)).tensor_s == pytest.approx(2 * 3 * once)
    assert price(Plan(1, 2, 2)).tensor_s == 0


@pytest.mark.parametrize("batch", [64, 256])
@pytest.mark.parametrize(("recompute", "factor"), [(True, 1 / 4), (False, 2 / 9)])
@pytest.mark.parametrize(("tensor", "link"), [(2, 300e9), (8, 300e9), (16, 25e9)])
def test_tensor_parallel_traffic_by_computation(tensor, link, recompute, factor, batch):
    """With checkpoints (t - 1) F u / (4 C W) at every batch, divided by 1 + T / (6 C)."""
    plan = Plan(tensor, 2, 2, recompute=recompute)
    cluster = training_plan.A100._replace(usable=0.5)
    price = training_plan.cost(Shape(8, 4096, 32), 2048, batch, plan, cluster)
    expected = factor * (tensor - 1) * 312e12 * 0.5 / (4096 * link)
    attention = 1 + 2048 / (6 * 4096)
    assert price.tensor_s / price.compute_s == pytest.approx(expected / attention)


def test_tensor_parallelism_over_nodes_takes_the_slow_links():
    one_node = price(Plan(4, 1, 1)).tensor_s
    two = price(Plan(4, 1, 1), cluster=CLUSTER._replace(node=2)).tensor_s
    assert two == pytest.approx(10 * one_node)
    assert price(Plan(4, 1, 1), cluster=CLUSTER._replace(node=4)).tensor_s == one_node


@pytest.mark.parametrize(
    ("plan", "rounds", "window", "link"),
    [
        (Plan(1, 1, 8, 1), 2, 8, 1e10),  # eight micro-batches, of which the last hides traffic
        (Plan(1, 1, 8, 3), 24, 1, 1e10),
        (Plan(2, 1, 8, 1), 2, 8, 1e9),  # sixteen devices are two nodes
        (Plan(1, 2, 4, 1), 2, 16, 1e9),  # a pipeline puts the groups on several nodes
    ],
)
def test_traffic_of_states_by_hand(plan, rounds, window, link):
    cluster = CLUSTER._replace(peak=1e18)  # computing hides next to nothing
    own = SMALL.parameters / (plan.tensor * plan.pipeline)
    ring = (plan.data - 1) / plan.data
    step = price(plan, cluster=cluster)
    expected = 2 * own * rounds * ring / link - step.compute_s / window
    assert step.data_s == pytest.approx(expected, rel=1e-9)
    assert price(plan, cluster=CLUSTER._replace(peak=1e3)).data_s == 0  # all hidden


def test_memory_is_the_ledgers():
    fused = ledger.activation_numbers(SMALL, 64, 32, "fused")
    blocks = ledger.activation_numbers(SMALL, 64, 32, "blocks")
    P = SMALL.parameters
    for stage in (0, 1):
        states = P * ledger.state_bytes(stage, 4)
        plan = Plan(1, 1, 4, stage, False, 2)
        assert price(plan).memory == states + 2 * fused
        assert price(plan._replace(recompute=True)).memory == states + 2 * blocks
    third = P * ledger.state_bytes(3, 4) + 2 * P / 8  # and the gathered weights of one layer
    assert price(Plan(1, 1, 4, 3, False, 2)).memory == third + 2 * fused


def test_memory_of_a_stage_and_of_a_tensor_parallel_group():
    part = ledger.activation_numbers(Shape(4, 64, 8), 32, 32, "fused")
    states = SMALL.parameters / 2 * 16
    assert price(Plan(1, 2, 1, 0)).memory == states + 2 * 2 * part  # two micro-batches under way
    assert price(Plan(1, 2, 64, 0)).memory == states + 2 * part  # one is all there is
    states /= 4
    assert price(Plan(4, 2, 1, 0)).memory == states + 2 * 2 * part / 4
    one = ledger.activation_numbers(Shape(1, 64, 8), 32, 32, "fused")
    saved = 2 * (2 * 4 * 32 * 64 + one)
    assert price(Plan(4, 2, 1, 0, True)).memory == states + saved / 4
    layer = 2 * SMALL.parameters / 8 / 4
    assert price(Plan(4, 1, 1, 3)).memory == pytest.approx(price(Plan(4, 1, 1, 0)).memory + layer)


def test_a_step_is_the_sum_of_its_parts():
    step = training_plan.Cost(1.0, 2.0, 3.0, 4.0, 5.0)
    assert step.step_s == 14


def test_plans_are_all_powers_of_two_that_fit():
    found = list(training_plan.plans(Shape(4, 64, 2), 16, 16, CLUSTER))
    shapes = {plan[:3] for plan in found}
    expected = {(1, 1, 16), (1, 2, 8), (1, 4, 4), (2, 1, 8), (2, 2, 4), (2, 4, 2)}
    assert shapes == expected  # two heads and four layers
    assert {plan.stage for plan in found if plan.pipeline == 1} == {1, 3}
    assert {plan.stage for plan in found if plan.pipeline > 1} == {1}
    assert {plan.recompute for plan in found} == {False, True}
    assert {plan.micro for plan in found if plan.data == 2} == {1, 2, 4, 8}
    assert {plan.micro for plan in found if plan.data == 16} == {1}
    assert len(set(found)) == len(found)
    tight = CLUSTER._replace(node=1)
    assert {plan.tensor for plan in training_plan.plans(Shape(4, 64, 2), 16, 16, tight)} == {1}
    odd = {plan[:3] for plan in training_plan.plans(Shape(4, 64, 2), 12, 12, CLUSTER)}
    assert odd == {(1, 1, 12), (1, 2, 6), (1, 4, 3), (2, 1, 6), (2, 2, 3)}


def test_a_batch_that_is_not_divided_leaves_out_plans():
    shapes = {plan[:3] for plan in training_plan.plans(Shape(4, 64, 2), 4, 16, CLUSTER)}
    assert shapes == {(1, 4, 4), (2, 2, 4), (2, 4, 2)}


def test_the_fastest_plan_that_fits_has_no_quicker_one():
    large = Shape(32, 4096, 32)
    cluster = Cluster(989e12, 0.5, 80e9, 450e9, 50e9)
    for memory in (80e9, 20e9):
        tight = cluster._replace(memory=memory)
        found = training_plan.fastest(large, 4096, 64, 16, tight)
        assert found is not None
        plan, step = found
        assert step == training_plan.cost(large, 4096, 64, plan, tight)
        assert step.memory <= memory
        prices = [
            training_plan.cost(large, 4096, 64, other, tight)
            for other in training_plan.plans(large, 64, 16, tight)
        ]
        assert step.step_s == min(p.step_s for p in prices if p.memory <= memory)
    assert training_plan.fastest(large, 4096, 64, 16, cluster._replace(memory=1e8)) is None


def test_a_plan_that_fills_the_memory_exactly_fits():
    need = training_plan.cost(SMALL, 32, 1, Plan(1, 1, 1), CLUSTER).memory
    only = Shape(8, 64, 8)
    exact = CLUSTER._replace(memory=need)
    assert training_plan.fastest(only, 32, 1, 1, exact)[0] == Plan(1, 1, 1)
    assert training_plan.fastest(only, 32, 1, 1, exact._replace(memory=need - 1))[0].recompute


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: price(Plan(0, 1, 1)), "at least 1"),
        (lambda: price(Plan(1, 1, 1, micro=0)), "at least 1"),
        (lambda: price(Plan(1, 1, 1, chunks=0)), "at least 1"),
        (lambda: price(Plan(1, 1, 3)), "64 sequences are not divided by 3 x 1"),
        (lambda: price(Plan(1, 1, 2), batch=1), "1 sequences are not divided by 2 x 1"),
        (lambda: price(Plan(16, 1, 1)), "8 heads and 8 layers"),
        (lambda: price(Plan(1, 16, 1)), "8 heads and 8 layers"),
        (lambda: price(Plan(1, 4, 1, chunks=4)), "8 heads and 8 layers"),
        (lambda: training_plan.memory(SMALL, 32, 64, Plan(1, 3, 1)), "8 heads and 8 layers"),
        (lambda: training_plan.memory(SMALL, 32, 64, Plan(3, 1, 1)), "8 heads and 8 layers"),
        (lambda: training_plan.memory(SMALL, 32, 64, Plan(1, 4, 1, chunks=3)), "8 heads and 8"),
        (lambda: training_plan.memory(SMALL, 32, 64, Plan(0, 1, 1)), "at least 1"),
        (lambda: training_plan.memory(SMALL, 32, 64, Plan(1, 1, 3)), "not divided by 3 x 1"),
        (lambda: training_plan.mfu(SMALL, 8, 1, 0, 1.0, 1.0), "got 0"),
        (lambda: training_plan.mfu(SMALL, 8, 1, 1, 0.0, 1.0), "0.0 and"),
        (lambda: training_plan.mfu(SMALL, 8, 1, 1, 1.0, 0.0), "and 0.0"),
        (lambda: training_plan.predicted(training_plan.RUNS[0], 0.0), "got 0.0"),
        (lambda: training_plan.predicted(training_plan.RUNS[0], 1.5), "got 1.5"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_limits_that_are_allowed():
    run = training_plan.RUNS[0]
    assert training_plan.predicted(run, 1.0).compute_s < training_plan.predicted(run, 0.5).compute_s
    assert (
        training_plan.mfu(SMALL, 8, 1, 1, 1.0, 0.5) == training_plan.operations(SMALL, 8, 8) / 0.5
    )


def test_of_equally_fast_plans_the_simpler_one_is_chosen():
    """On one device nothing is sent, so stages 1 and 3 take the same time."""
    found = training_plan.fastest(SMALL, 32, 1, 1, CLUSTER)
    assert found is not None
    assert found[0] == Plan(1, 1, 1)


@pytest.mark.parametrize("batch", [32, 128])
def test_the_measured_best_degree_of_tensor_parallelism_is_found(batch):
    """161 billion parameters on 64 devices: a node, 8 (Narayanan et al., 2021, Section 5.4.1)."""
    device = training_plan.A100._replace(usable=0.51)
    shape = Shape(32, 20_480, 128)
    times = {
        t: training_plan.cost(shape, 2048, batch, Plan(t, 64 // t, 1, 0, True), device).step_s
        for t in (2, 4, 8, 16, 32)
    }
    assert min(times, key=times.__getitem__) == 8


@pytest.mark.parametrize("batch", [32, 128, 512])
def test_a_model_that_fits_is_slower_with_a_longer_pipeline_as_measured(batch):
    """5.9 billion parameters on 64 devices (Narayanan et al., 2021, Section 5.4.2)."""
    device = training_plan.A100._replace(usable=0.51)
    shape = Shape(32, 3840, 32)
    times = [
        training_plan.cost(shape, 2048, batch, Plan(1, p, 64 // p, 0, True), device).step_s
        for p in (2, 4, 8, 16, 32)
    ]
    assert times == sorted(times)
