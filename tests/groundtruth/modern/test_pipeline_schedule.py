"""Schedules of a pipeline: dependencies, no overlap, the bubble's formula."""

from __future__ import annotations

import itertools

import pytest
from groundtruth.modern import pipeline_schedule as ps

pytestmark = pytest.mark.usefixtures("in_time")

KINDS = ("gpipe", "1f1b")
CASES = list(itertools.product((1, 2, 4), (1, 3, 8), KINDS, (1, 2, 3)))


@pytest.mark.parametrize(("p", "m", "kind", "b"), CASES)
def test_every_pass_once_after_what_it_needs_and_none_at_the_same_time(p, m, kind, b):
    tasks = ps.simulate(p, m, kind, b)
    ends = {(t.stage, t.micro, t.kind): t.end for t in tasks}
    assert len(tasks) == len(ends) == 2 * p * m
    for t in tasks:
        assert t.end - t.start == (1 if t.kind == "F" else b)
        if t.kind == "F" and t.stage > 0:
            assert ends[t.stage - 1, t.micro, "F"] <= t.start
        if t.kind == "B":
            assert ends[t.stage, t.micro, "F"] <= t.start
        if t.kind == "B" and t.stage < p - 1:
            assert ends[t.stage + 1, t.micro, "B"] <= t.start
    for s in range(p):
        own = sorted(t[3:] for t in tasks if t.stage == s)
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(own))


INTERLEAVED = [(2, 2, 2), (2, 6, 3), (4, 8, 2), (4, 12, 3), (8, 8, 2), (1, 3, 2)]


@pytest.mark.parametrize(("p", "m", "v"), INTERLEAVED)
@pytest.mark.parametrize("b", [1, 2, 3])
def test_interleaved_every_chunk_once_after_the_chunk_before(p, m, v, b):
    tasks = ps.simulate(p, m, "1f1b", b, v)
    ends = {(t.chunk * p + t.stage, t.micro, t.kind): t.end for t in tasks}
    assert len(tasks) == len(ends) == 2 * p * m * v
    for t in tasks:
        place = t.chunk * p + t.stage
        assert t.end - t.start == (1 if t.kind == "F" else b)
        needs = [(place - 1, t.micro, "F")] if t.kind == "F" else [(place + 1, t.micro, "B")]
        if t.kind == "B":
            needs.append((place, t.micro, "F"))
        assert all(ends[need] <= t.start for need in needs if need in ends)
    for s in range(p):
        own = sorted((t.start, t.end) for t in tasks if t.stage == s)
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(own))


@pytest.mark.parametrize(("p", "m", "v"), INTERLEAVED)
@pytest.mark.parametrize("b", [1, 2, 3])
def test_interleaving_divides_the_bubble_by_the_chunks(p, m, v, b):
    tasks = ps.simulate(p, m, "1f1b", b, v)
    assert ps.bubble(tasks) == pytest.approx((p - 1) / (v * m + p - 1))
    held = min(2 * (p - 1) + (v - 1) * p + 1, m * v) / v if p > 1 else (v - 1 + 1) / v
    assert ps.most_stored(tasks) == pytest.approx(held)


def test_the_order_of_two_chunks_by_hand():
    assert ps.order(0, 2, 2, "1f1b", 2) == [
        *[("F", 0, 0), ("F", 1, 0), ("F", 0, 1), ("F", 1, 1)],
        *[("B", 0, 1), ("B", 1, 1), ("B", 0, 0), ("B", 1, 0)],
    ]
    assert ps.order(1, 2, 4, "1f1b", 2)[2:8] == [
        *[("F", 0, 1), ("B", 0, 1), ("F", 1, 1), ("B", 1, 1)],
        *[("F", 2, 0), ("B", 0, 0)],
    ]


@pytest.mark.parametrize(("kind", "m"), [("gpipe", 4), ("1f1b", 3)])
def test_interleaving_that_no_schedule_has(kind, m):
    with pytest.raises(ValueError, match=f"groups of 2, got {kind}, {m}"):
        ps.simulate(2, m, kind, chunks=2)


@pytest.mark.parametrize(("p", "m", "kind", "b"), CASES)
def test_the_bubble_is_its_formula(p, m, kind, b):
    tasks = ps.simulate(p, m, kind, b)
    assert ps.bubble(tasks) == pytest.approx((p - 1) / (m + p - 1))
    assert ps.most_stored(tasks) == (m if kind == "gpipe" else min(p, m))


def test_two_stages_by_hand():
    tasks = ps.simulate(2, 2, "1f1b", backward=2)
    last = [(t.kind, t.micro, t.start, t.end) for t in tasks if t.stage == 1]
    assert last == [("F", 0, 1, 2), ("B", 0, 2, 4), ("F", 1, 4, 5), ("B", 1, 5, 7)]
    first = [(t.kind, t.micro, t.start, t.end) for t in tasks if t.stage == 0]
    assert first == [("F", 0, 0, 1), ("F", 1, 1, 2), ("B", 0, 4, 6), ("B", 1, 7, 9)]


def test_a_backward_pass_frees_one_micro_batch_and_later_ones_may_exceed_the_first_peak():
    kinds = [("F", 0), ("F", 1), ("B", 0), ("F", 2), ("F", 3), ("B", 1)]  # 1, 2, 1, 2, 3, 2 held
    tasks = [ps.Task(0, i, kind, t, t + 1) for t, (kind, i) in enumerate(kinds)]
    assert ps.most_stored(tasks) == 3


def test_a_backward_pass_takes_twice_a_forward_pass_unless_told_otherwise():
    assert [(t.start, t.end) for t in ps.simulate(1, 1)] == [(0, 1), (1, 3)]


@pytest.mark.parametrize("settings", [(0, 1), (1, 0), (1, 1, "gpipe", 0), (1, 1, "1f1b", 1, 0)])
def test_bad_numbers(settings):
    with pytest.raises(ValueError, match="need stages"):
        ps.simulate(*settings)


def test_unknown_schedule():
    with pytest.raises(ValueError, match="'zero'"):
        ps.simulate(2, 2, "zero")


def test_without_a_chunk_the_whole_stage_is_one():
    later = [ps.Task(1, 0, "F", 0, 1, 3)]  # of another stage
    assert ps.most_stored([ps.Task(0, 0, "F", 0, 1), *later]) == 1


def test_without_a_task_the_first_stage_holds_nothing():
    assert ps.most_stored([]) == 0
    assert ps.most_stored([ps.Task(1, 0, "F", 0, 1)]) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_held_does_not_depend_on_the_order_of_the_list(kind):
    tasks = ps.simulate(3, 5, kind)
    assert ps.most_stored(tasks[::-1]) == ps.most_stored(tasks)
    assert ps.most_stored(sorted(tasks)) == ps.most_stored(tasks)
    assert ps.bubble(tasks[::-1]) == ps.bubble(tasks)
