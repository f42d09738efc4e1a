"""Buckets of gradients: by hand, order, dependencies and limits."""

from __future__ import annotations

import itertools

import pytest
from groundtruth.modern import overlap

CASES = list(itertools.product((1, 5, 12), (1, 3, 12), (0.0, 0.4, 2.0), (0.0, 0.5)))


@pytest.mark.parametrize(("layers", "bucket", "send", "latency"), CASES)
def test_every_layer_is_computed_and_sent_once_after_its_gradient(layers, bucket, send, latency):
    intervals = overlap.backward_pass(layers, bucket, send, latency, compute=1.5)
    passes = [t for t in intervals if t.what == "compute"]
    sent = [t for t in intervals if t.what == "send"]
    assert [t.first for t in passes] == [t.last for t in passes] == list(range(layers))[::-1]
    assert [t.end for t in passes] == pytest.approx([1.5 * (i + 1) for i in range(layers)])
    assert [t.end - t.start for t in passes] == pytest.approx([1.5] * layers)
    covered = [i for t in sent for i in range(t.first, t.last - 1, -1)]
    assert covered == list(range(layers))[::-1]
    for t in sent:
        count = t.first - t.last + 1
        assert count == min(bucket, t.first + 1)
        assert t.end - t.start == pytest.approx(latency + send * count)
        assert t.start >= 1.5 * (layers - t.last) - 1e-12  # its last gradient is ready
    assert all(a.end <= b.start + 1e-12 for a, b in itertools.pairwise(sent))


@pytest.mark.parametrize(("layers", "send", "latency"), [(12, 0.6, 1.0), (3, 2.0, 0.5)])
def test_one_bucket_is_sent_after_the_backward_pass(layers, send, latency):
    intervals = overlap.backward_pass(layers, layers, send, latency)
    assert overlap.exposed(intervals) == pytest.approx(layers * send + latency)


def test_traffic_that_is_quicker_than_computing_leaves_one_bucket_exposed():
    for bucket in (2, 3, 4):
        intervals = overlap.backward_pass(12, bucket, 0.5, 0.5)
        assert overlap.exposed(intervals) == pytest.approx(0.5 * bucket + 0.5)


def test_latency_per_layer_can_cost_as_much_as_no_overlap():
    alone = overlap.exposed(overlap.backward_pass(12, 1, 0.6, 1.0))
    assert alone == pytest.approx(1 + 12 * 1.6 - 12)
    assert alone == pytest.approx(overlap.exposed(overlap.backward_pass(12, 12, 0.6, 1.0)))


def test_nothing_is_exposed_where_nothing_is_sent_late():
    early = [overlap.Interval("compute", 0, 0, 0, 2), overlap.Interval("send", 0, 0, 0, 1)]
    assert overlap.exposed(early) == 0


def test_a_quick_first_layer_is_sent_as_soon_as_it_is_ready():
    sent = overlap.backward_pass(2, 1, 0.25, 0.0, compute=0.5)[2:]
    assert [(t.start, t.end) for t in sent] == [(0.5, 0.75), (1.0, 1.25)]


def test_a_layer_takes_one_unit_unless_told_otherwise():
    assert overlap.backward_pass(1, 1, 0, 0)[0] == overlap.Interval("compute", 0, 0, 0, 1)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((0, 1, 0.5, 0), "got 0 and 1"),
        ((1, 0, 0.5, 0), "got 1 and 0"),
        ((1, 1, -0.5, 0), "got -0.5, 0"),
        ((1, 1, 0.5, -1), "got 0.5, -1"),
        ((1, 1, 0.5, 0, 0), "got 0.5, 0, 0"),
    ],
)
def test_bad_numbers(args, says):
    with pytest.raises(ValueError, match=says):
        overlap.backward_pass(*args)
