"""What is counted and recorded inside a block, and that the state before it returns."""

import pytest
from groundtruth.learning import recording as rec


def test_multiply_adds_are_summed_by_direction():
    with rec.counting() as count:
        rec.tally("forward", 6)
        rec.tally("backward", 5)
        rec.tally("forward", 4)
    assert count == rec.Count(forward=10, backward=5)


def test_an_inner_count_keeps_its_products_and_the_outer_one_continues():
    with rec.counting() as outer:
        rec.tally("forward", 1)
        with rec.counting() as inner:
            rec.tally("forward", 10)
        rec.tally("forward", 2)
    assert inner.forward == 10
    assert outer.forward == 3


def test_outside_nothing_is_counted():
    with rec.counting() as count:
        rec.tally("backward", 3)
    rec.tally("backward", 100)
    assert count.backward == 3
    assert rec.State.count is None


def test_recording_and_counting_return_to_what_they_were_after_an_error():
    with pytest.raises(RuntimeError), rec.no_grad(), rec.counting():
        assert not rec.State.recording
        raise RuntimeError
    assert rec.State.recording
    assert rec.State.count is None


def test_recording_stays_off_after_an_inner_block():
    with rec.no_grad():
        with rec.no_grad():
            assert not rec.State.recording
        assert not rec.State.recording
    assert rec.State.recording
