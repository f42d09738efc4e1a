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


def test_one_example_in_batches_of_one_is_an_epoch():
    assert [b.tolist() for b in bt.epoch(1, 1, rng())] == [[0]]
    assert bt.epoch(1, 2, rng(), drop_last=True) == []


def test_all_batches_are_kept_unless_told_otherwise():
    assert [len(b) for b in bt.epoch(5, 2, rng())] == [2, 2, 1]


@pytest.mark.parametrize(
    "batches",
    [
        lambda seed: bt.epoch(60, 8, rng(seed)),
        lambda seed: bt.bucketed(rng(1).integers(1, 100, 60), 8, rng(seed), 2),
    ],
    ids=["epoch", "bucketed"],
)
def test_the_generator_determines_the_batches(batches):
    first, same, other = (np.concatenate(batches(seed)).tolist() for seed in (0, 0, 1))
    assert first == same != other


def test_examples_of_the_same_length_keep_the_random_order():
    """All lengths are the same: what sorting leaves is the order of the epoch."""
    n = 400
    (order,) = bt.epoch(n, n, rng(5))
    (batch,) = bt.bucketed(np.full(n, 7), n, rng(5), pool=1)
    assert batch.tolist() == order.tolist()
    lengths = 1 + np.arange(n) % 2
    (batch,) = bt.bucketed(lengths, n, rng(5), pool=1)
    assert batch.tolist() == [i for length in (1, 2) for i in order if lengths[i] == length]


def test_a_pool_has_fifty_batches_unless_told_otherwise():
    """Of 100 batches, the shortest and the longest examples of each half are in its batches."""
    n = 400
    B = 4
    lengths = rng(1).permutation(n) + 1
    pools = bt.epoch(n, 50 * B, rng(3))
    runs = [np.sort(lengths[rows]).reshape(50, B) for rows in pools]
    expected = sorted(np.concatenate(runs).tolist())
    batches = bt.bucketed(lengths, B, rng(3))
    assert sorted(sorted(lengths[b].tolist()) for b in batches) == expected


def test_the_order_of_batches_does_not_follow_the_lengths():
    lengths = np.arange(1, 81)
    batches = bt.bucketed(lengths, 2, rng(0), pool=40)
    starts = [int(b.min()) for b in batches]
    assert sorted(starts) == list(range(0, 80, 2))
    assert starts != sorted(starts)
    assert starts != sorted(starts, reverse=True)


@pytest.mark.parametrize("lengths", [[1], np.array([1], np.uint8), np.array([200, 100], np.uint8)])
def test_lengths_may_be_of_any_whole_type(lengths):
    """200 + 100 does not fit into 8 bits."""
    everything = [np.arange(len(lengths))]
    assert bt.padding(lengths, everything) == pytest.approx([0, 0, 1 - 300 / 400][len(lengths)])
    assert bt.pack(lengths, 300) == [list(range(len(lengths)))]


@pytest.mark.parametrize("lengths", [[], [0], [-1, 2], [[1, 2]], [2.0], ["a"], [True]])
def test_lengths_are_a_sequence_of_positive_integers(lengths):
    with pytest.raises(ValueError, match="lengths must be a sequence of positive integers"):
        bt.pack(lengths, 8)


def test_padding_of_one_batch_is_counted_by_its_own_longest_example():
    """Batches of 3 x 5 and 1 x 2 positions; 5 + 1 + 3 + 2 are used."""
    batches = [np.array([0, 1, 2]), np.array([3])]
    assert bt.padding([5, 1, 3, 2], batches) == pytest.approx(1 - 11 / 17)


def test_a_document_goes_into_the_first_row_with_room():
    """6, 5 and 4 open rows with 2, 3 and 4 left; 2 goes into the first, 3 into the second."""
    assert bt.pack([3, 5, 6, 2, 4], 8) == [[2, 3], [1, 0], [4]]
    # 5 leaves 3 and 4 leaves 4; the 3s fill one after the other, and the last has its own row
    assert bt.pack([4, 3, 5, 3, 3], 8) == [[2, 1], [0, 3], [4]]


def test_documents_of_the_same_length_are_packed_in_their_order():
    lengths = [2, 1] * 100
    rows = bt.pack(lengths, 2)
    even = [[i] for i in range(0, 200, 2)]
    odd = [[i, i + 2] for i in range(1, 200, 4)]
    assert rows == even + odd


def test_a_document_may_fill_a_row_and_no_more():
    assert bt.pack([8, 8], 8) == [[0], [1]]
    with pytest.raises(ValueError, match="a document of 9 positions does not fit a row of 8"):
        bt.pack([1, 9, 2], 8)
