"""Batches: every example once, bounded padding, rows that hold whole documents."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.modern import batching as bt
from torch.utils.data import BatchSampler, SequentialSampler


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("n", "B"), [(10, 4), (12, 4), (3, 5), (10_001, 32)])
def test_sizes_are_those_of_torchs_batch_sampler(n, B, drop_last):
    theirs = BatchSampler(SequentialSampler(range(n)), B, drop_last)
    ours = bt.epoch(n, B, rng(), drop_last)
    assert [len(b) for b in ours] == [len(b) for b in theirs]


def test_an_epoch_has_every_example_once_and_the_next_has_another_order():
    generator = rng()
    first = np.concatenate(bt.epoch(50, 8, generator))
    second = np.concatenate(bt.epoch(50, 8, generator))
    assert sorted(first) == list(range(50))
    assert (first != second).any()


def test_buckets_have_every_example_once_in_changing_order():
    lengths = rng(1).integers(1, 100, 203)
    batches = bt.bucketed(lengths, 8, rng(2), pool=5)
    assert sorted(np.concatenate(batches)) == list(range(203))
    longest = [lengths[b].max() for b in batches]
    assert longest != sorted(longest)


def test_within_a_pool_a_bucket_is_a_run_of_the_sorted_lengths():
    lengths = rng(1).permutation(64) + 1
    batches = bt.bucketed(lengths, 8, rng(2), pool=8)
    assert all(np.ptp(lengths[b]) == 7 for b in batches)


def test_a_pool_of_one_batch_is_the_random_order():
    lengths = rng(1).integers(1, 100, 40)
    assert bt.padding(lengths, bt.bucketed(lengths, 8, rng(3), 1)) == pytest.approx(
        bt.padding(lengths, bt.epoch(40, 8, rng(3)))
    )


def test_padding_by_hand():
    assert bt.padding([4, 2, 1, 1], [np.array([0, 1]), np.array([2, 3])]) == pytest.approx(0.2)
    assert bt.padding([3, 3], [np.array([0, 1])]) == 0


def test_packed_rows_hold_every_document_once_and_no_more_than_fits():
    lengths = rng(4).integers(1, 60, 300)
    rows = bt.pack(lengths, 64)
    assert sorted(i for row in rows for i in row) == list(range(300))
    assert max(lengths[row].sum() for row in rows) <= 64
    # first fit decreasing: at most one row is half empty or more
    assert sum(lengths[row].sum() <= 32 for row in rows) <= 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: bt.epoch(0, 4, rng()), "at least one example"),
        (lambda: bt.epoch(4, 0, rng()), "at least one example"),
        (lambda: bt.padding([], []), "positive integers"),
        (lambda: bt.padding([1.5], [np.array([0])]), "positive integers"),
        (lambda: bt.bucketed([1, 0], 2, rng()), "positive integers"),
        (lambda: bt.pack([3, 9], 8), "9 positions does not fit a row of 8"),
        (lambda: bt.pack([[1, 2]], 8), "positive integers"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_a_document_may_fill_exactly_what_is_left_of_a_row():
    assert bt.pack([6, 2], 8) == [[0, 1]]
