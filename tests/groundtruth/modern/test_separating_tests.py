"""Separating tests: each confirms its own fault and no other, and leaves the pipeline alone."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from groundtruth.modern import separating_tests as st
from groundtruth.modern.training_faults import CAUSES, Pipeline, Setting
from sklearn.neighbors import NearestNeighbors

QUICK = [cause for cause, (test, _, _) in st.TESTS.items() if test not in st.TRAINS]


@pytest.mark.parametrize("fault", CAUSES)
def test_a_quick_test_confirms_its_own_fault_only(fault):
    decision = st.Decision(Pipeline(Setting(fault, seed=4)))
    confirmed = {cause for cause in QUICK if decision.confirms(cause)}
    assert confirmed - {"label noise" if fault == "labels shuffled" else ""} == {fault} & set(QUICK)


@pytest.mark.parametrize("fault", ["healthy", "rate too high", "rate too low", "few units"])
def test_tests_that_train_find_what_the_quick_ones_leave(fault):
    decision = st.Decision(Pipeline(Setting(fault, seed=4)))
    assert decision.first_confirmed(list(st.TESTS)) == fault


def test_few_examples_gain_from_data_and_many_do_not():
    few, many = (st.data_response(Pipeline(Setting("few examples", n))) for n in (30, 1200))
    assert few > 0.07 > many


@pytest.mark.parametrize("test", list(dict.fromkeys(t for t, _, _ in st.TESTS.values())))
def test_a_test_does_not_change_the_pipeline(test):
    p = Pipeline(Setting(width=8, examples=200))
    before = copy.deepcopy((p.params, p.buffers, p.X, p.y, p.setting))
    test(p)
    after = (p.params, p.buffers, p.X, p.y, p.setting)
    for a, b in zip(before[:2], after[:2], strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert np.array_equal(before[2], after[2])
    assert np.array_equal(before[3], after[3])
    assert before[4] == after[4]


def test_the_floor_of_a_double_softmax():
    assert st.loss_floor(Pipeline(Setting("softmax twice"))) == pytest.approx(
        np.log((np.e + 9) / np.e)
    )


@pytest.mark.parametrize("fraction", [0.4, 1.0])
def test_copies_are_counted(fraction):
    assert st.copies(Pipeline(Setting("validation in training", fraction))) == pytest.approx(
        fraction, abs=0.005
    )


def test_nonfinite_inputs_are_counted_in_both_sets():
    p = Pipeline(Setting())
    p.X[0, :3] = np.nan
    p.X_val[0, 0] = np.inf
    assert st.nonfinite_inputs(p) == 4


@pytest.mark.parametrize(("layers", "fraction"), [(1, 1 / 3), (2, 2 / 3)])
def test_weight_matrices_that_a_step_leaves_are_counted(layers, fraction):
    assert st.unchanged_weights(Pipeline(Setting("layers frozen", layers))) == pytest.approx(
        fraction
    )


def test_neighbors_are_those_of_scikit_learn():
    p = Pipeline(Setting("label noise", 0.3))
    near = NearestNeighbors(n_neighbors=10).fit(p.X).kneighbors(return_distance=False)
    labels = p.y[near]
    assert st.neighbor_disagreement(p) == pytest.approx(np.mean(labels != p.y[:, None]), abs=2e-4)
    expected = 0
    for own, others in zip(p.y, labels, strict=True):
        counts = np.bincount(others, minlength=10)
        counts[own] = 0
        expected += counts.max() >= 6
    assert st.contradicted_labels(p) == pytest.approx(expected / len(p.y), abs=2e-3)


def test_the_gradient_of_a_healthy_loop_is_the_same_twice():
    assert st.accumulated_gradient(Pipeline(Setting(dropout=0.3))) == pytest.approx(0.0, abs=1e-12)
    assert st.accumulated_gradient(Pipeline(Setting("gradients not zeroed"))) == pytest.approx(1.0)


def test_half_accumulated_gradients_add_half():
    p = Pipeline(Setting("gradients not zeroed", 0.5))
    assert st.accumulated_gradient(p) == pytest.approx(0.5)


def test_each_test_is_run_at_most_once_and_counted_when_used():
    p = Pipeline(Setting("dead ReLUs"))
    decision = st.Decision(p)
    assert decision.runs == 0
    assert (
        decision.first_confirmed(["softmax twice", "softmax twice", "dead ReLUs"]) == "dead ReLUs"
    )
    assert decision.runs == 2
    again = st.Decision(p, known=decision.values)
    assert again.runs == 0
    assert again.confirms("dead ReLUs")
    assert again.runs == 1


def test_tests_that_train_wait_for_the_quick_ones():
    decision = st.Decision(Pipeline(Setting("gradients not zeroed")))
    answer = decision.first_confirmed(["rate too high", "gradients not zeroed"])
    assert (answer, decision.runs) == ("gradients not zeroed", 1)


def test_a_rate_is_tried_before_the_tests_that_a_bad_rate_fails_too():
    decision = st.Decision(Pipeline(Setting("rate too low")))
    assert decision.first_confirmed(["few units", "rate too low"]) == "rate too low"


def test_a_cause_without_a_test_is_refused():
    with pytest.raises(ValueError, match="bad luck"):
        st.Decision(Pipeline(Setting())).first_confirmed(["bad luck"])


def test_a_rate_must_lower_the_loss_of_a_short_run_by_more_than_two_fifths(monkeypatch):
    p = Pipeline(Setting())
    for share, expected in ((0.61, 0.0), (0.59, 2.0)):
        losses = {1e-2: 1.0, 1e-1: 1.0, 1.0: 1.0, 1e2: share, 1e3: 1.0}
        monkeypatch.setattr(
            st, "_trained", lambda twin, _, known=losses: known[round(twin.setting.rate / 0.2, 3)]
        )
        assert st.better_rate(p) == expected


def test_dropout_is_off_while_a_batch_is_overfitted():
    loss = st.overfit_batch(Pipeline(Setting(dropout=0.5)))
    assert loss == pytest.approx(st.overfit_batch(Pipeline(Setting())), abs=0.02)


class Steps(Pipeline):
    """A pipeline that notes the batches of its steps and gives losses that count them down."""

    def __init__(self, setting):
        self.calls = []
        super().__init__(setting)

    def __deepcopy__(self, memo):
        twin = copy.copy(self)
        twin.params = copy.deepcopy(self.params, memo)
        twin.rng = copy.deepcopy(self.rng, memo)
        return twin  # the list of the calls is shared

    def step(self, X, y):
        self.calls.append((X, y, self.setting.dropout))
        return 1000.0 - len(self.calls)


def test_a_fresh_pipeline_has_new_parameters_and_the_same_ones_again():
    p = Pipeline(Setting(seed=6000, width=5))
    p.buffers[0] += 1.0
    twin, again = st._fresh(p), st._fresh(p)
    other = st._fresh(Pipeline(Setting(seed=6001, width=5)))
    assert np.array_equal(twin.params[0], again.params[0])
    assert not np.array_equal(twin.params[0], p.params[0])
    assert not np.array_equal(twin.params[0], other.params[0])
    for buffer, param in zip(twin.buffers, twin.params, strict=True):
        assert buffer.shape == param.shape
        assert not buffer.any()


def test_a_fresh_pipeline_takes_other_settings_and_keeps_the_fault():
    p = Pipeline(Setting("layers frozen", width=5))
    twin = st._fresh(p, rate=0.7)
    assert (twin.setting.rate, twin.setting.cause, twin.setting.width) == (0.7, "layers frozen", 5)
    assert twin.frozen == 4
    assert p.setting.rate == 0.2


def test_the_loss_of_a_short_run_is_the_mean_of_its_last_twenty_batches():
    p = Steps(Setting(width=2))
    # the losses of 30 steps are 999, 998, ..., 970; the last twenty are 989 to 970
    assert st._trained(p, 30) == pytest.approx(979.5)
    assert len(p.calls) == 30
    for X, y, _ in p.calls:
        rows = [np.flatnonzero((row == p.X).all(1))[0] for row in X]
        assert np.array_equal(p.y[rows], y)


@pytest.mark.filterwarnings("error")
def test_a_run_that_overflows_has_an_infinite_loss_and_warns_of_nothing():
    class Overflow(Pipeline):
        def step(self, X, y):
            return np.exp(np.float64(1e4)) * np.zeros(1)[0] - np.inf

    p = Overflow(Setting(width=2))
    assert st._trained(p, 2) == np.inf
    assert st.overfit_batch(p, steps=2) == np.inf


def test_the_same_examples_are_overfitted_again_and_again():
    p = Steps(Setting(width=2, dropout=0.3))
    p.X[0, :5] = np.nan
    assert st.overfit_batch(p) == 700.0
    assert len(p.calls) == 300
    for X, y, dropout in p.calls:
        assert np.array_equal(X[0, :5], np.zeros(5))
        assert np.array_equal(X[1:], p.X[1:64])
        assert np.array_equal(y, p.y[:64])
        assert dropout == 0.0
    assert len(p.calls[0][0]) == 64


def test_the_size_and_the_length_of_an_overfitted_run_can_be_chosen():
    p = Steps(Setting(width=2))
    assert st.overfit_batch(p, 5, 7) == 993.0
    assert {len(X) for X, _, _ in p.calls} == {5}


def test_a_gradient_of_zero_is_not_accumulated():
    class Still(Pipeline):
        def gradients(self, X, y):
            return 0.0, [np.zeros(3)]

    assert st.accumulated_gradient(Still(Setting(width=2))) == -1.0


def test_gradients_and_steps_of_spoiled_inputs_are_finite():
    p = Pipeline(Setting(width=4))
    p.X[:] = np.where(np.arange(64) == 5, np.nan, p.X)
    assert st.accumulated_gradient(p) == pytest.approx(0.0, abs=1e-12)
    assert st.unchanged_weights(p) == 0.0
    assert st.dead_units(p) < 0.9


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_evaluations_of_a_healthy_network_do_not_differ(dropout):
    assert st.evaluation_noise(Pipeline(Setting(dropout=dropout))) == 0.0


def test_the_noise_of_evaluation_is_the_largest_difference_of_logits():
    class Drifting(Pipeline):
        shift = 0.0

        def forward(self, X, training):
            self.shift += 1.0
            logits = np.zeros((len(X), 10))
            logits[0, 0] = self.shift
            logits[1, 1] = -3.0 * self.shift
            logits[2, 2] = np.nan
            return [X, X, X, logits]

    assert st.evaluation_noise(Drifting(Setting(width=2))) == 3.0


def test_as_many_training_as_validation_inputs_are_told_apart(monkeypatch):
    seen = []
    monkeypatch.setattr(st, "adversarial_validation", lambda *samples: seen.append(samples))
    p = Pipeline(Setting(width=2))
    p.X[3, 4] = np.nan
    st.input_shift(p)
    first, second = seen[0]
    assert first.shape == second.shape == (300, 64)
    assert first[3, 4] == 0.0
    assert np.array_equal(first[4:], p.X[4:300])
    assert second is p.X_val


def test_classes_of_ten_batches_are_counted_against_those_of_a_sample():
    class Repeating(Pipeline):
        def stream(self):
            for _ in range(10):
                yield np.zeros(8, int)

    p = Repeating(Setting(width=2))
    p.y = np.arange(8)  # a sample of eight has all eight classes, each batch has one
    assert st.one_sided_batches(p) == pytest.approx(1 - 1 / 8)


def test_the_sample_that_batches_are_compared_with_is_the_same_every_time():
    values = [st.one_sided_batches(Pipeline(Setting(width=2))) for _ in range(2)]
    assert values[0] == values[1]
    assert values[0] == pytest.approx(0.0, abs=0.1)


def test_dead_units_of_both_hidden_layers_are_counted():
    class Known(Pipeline):
        def initial(self):
            params = super().initial()
            for i in (0, 2):
                params[i][:] = 0.0
            params[1][:] = [1.0, 1.0, 1.0, -1.0]
            params[3][:] = [1.0, -1.0, 0.0, -1.0]  # a unit whose input is never above 0 is dead
            return params

    assert st.dead_units(Known(Setting(width=4))) == pytest.approx((1 + 3) / 8)


class Picky(Pipeline):
    """The first layer is active where the first feature is above 1, the second one always."""

    def initial(self):
        params = super().initial()
        for i in (0, 2):
            params[i][:] = 0.0
        params[0][0, 0] = 1.0
        params[1][:] = -1.0
        params[3][:] = 1.0
        return params


def test_a_unit_that_one_of_two_hundred_examples_uses_is_not_dead():
    p = Picky(Setting(width=1))
    for row, expected in ((199, 0.0), (200, 0.5)):
        p.X[:, 0] = 0.0
        p.X[row, 0] = 2.0
        assert st.dead_units(p) == expected


def test_weights_whose_gradient_is_zero_do_not_count_as_unchanged():
    p = Pipeline(Setting("dead ReLUs", 100.0))
    grads = st._fresh(p).gradients(p.X[:64], p.y[:64])[1]
    assert not any(g.any() for g in grads[::2])
    assert st.unchanged_weights(p) == 0.0


@pytest.mark.parametrize(
    ("examples", "count"), [(3, 1), (9, 1), (19, 1), (20, 2), (45, 4), (99, 9), (150, 10)]
)
def test_a_tenth_of_few_examples_are_neighbors(examples, count):
    p = Pipeline(Setting("few examples", examples))
    p.X += 1e-3 * p.rng.normal(size=p.X.shape)  # images of few gray levels have equal distances
    y, near = st._neighbor_labels(p)
    assert np.array_equal(y, p.y)
    nearest = NearestNeighbors(n_neighbors=count).fit(p.X).kneighbors(return_distance=False)
    assert np.array_equal(np.sort(near, axis=1), np.sort(p.y[nearest], axis=1))


def test_neighbors_are_sought_among_eight_hundred_examples():
    p = Pipeline(Setting(examples=900, width=2))
    p.X[0, 0] = np.nan  # counts as zero
    y, near = st._neighbor_labels(p)
    assert np.array_equal(y, p.y[:800])
    assert near.shape == (800, 10)


def test_six_of_ten_neighbors_contradict_a_label_and_five_do_not(monkeypatch):
    y = np.array([0, 0, 0, 3])
    near = np.array([[1] * 6 + [0] * 4, [1] * 5 + [2] * 5, [0] * 10, [9] * 10])
    monkeypatch.setattr(st, "_neighbor_labels", lambda p: (y, near))
    assert st.contradicted_labels(None) == 0.5
    assert st.neighbor_disagreement(None) == pytest.approx((6 + 10 + 0 + 10) / 40)


def test_the_factors_of_the_rate_are_tried_in_runs_of_120_steps(monkeypatch):
    seen = []

    def run(twin, steps):
        seen.append((twin.setting.rate / 0.2, steps))
        return {1: 0.3, 2: 0.7, 3: 0.5, 4: 0.9, 5: 0.9}[len(seen)]

    monkeypatch.setattr(st, "_trained", run)
    # 0.3 is exactly 60 % of 0.5: not less
    assert st.better_rate(Pipeline(Setting(width=2))) == 0.0
    assert [steps for _, steps in seen] == [120] * 5
    assert [rate for rate, _ in seen] == pytest.approx([0.01, 0.1, 1.0, 100.0, 1000.0])


def test_a_lower_rate_has_a_negative_logarithm(monkeypatch):
    losses = iter([0.2, 0.9, 1.0, 2.0, 3.0, 4.0])
    monkeypatch.setattr(st, "_trained", lambda twin, steps: next(losses))
    assert st.better_rate(Pipeline(Setting(width=2)), 9) == -2.0


@pytest.mark.parametrize(("examples", "quarter"), [(3, 1), (4, 1), (23, 5), (80, 20)])
def test_a_quarter_of_the_data_is_compared_with_all_of_it(monkeypatch, examples, quarter):
    seen = []

    def run(twin, steps):
        seen.append((len(twin.X), len(twin.y), steps))

    monkeypatch.setattr(st, "_trained", run)
    monkeypatch.setattr(Pipeline, "evaluate", lambda twin: (9.0, len(twin.X) / 100))
    p = Pipeline(Setting(width=2, examples=examples))
    assert st.data_response(p) == pytest.approx((examples - quarter) / 100)
    assert seen == [(quarter, quarter, 200), (examples, examples, 200)]
    st.data_response(p, 3)
    assert seen[-1] == (examples, examples, 3)


def test_a_value_at_the_lower_end_confirms_and_one_at_the_upper_end_does_not():
    p = Pipeline(Setting(width=2))
    for value, expected in ((-2.5, True), (-0.5, False), (1.5, False), (-2.6, False)):
        assert st.Decision(p, {st.better_rate: value}).confirms("rate too high") is expected


def test_known_values_stay_as_they_are():
    known = {st.better_rate: 0.0}
    decision = st.Decision(Pipeline(Setting(width=2)), known)
    assert decision.confirms("softmax twice") is False
    assert list(known) == [st.better_rate]


def test_no_cause_confirmed_is_healthy():
    decision = st.Decision(Pipeline(Setting(width=2)))
    assert decision.first_confirmed(["healthy", "softmax twice"]) == "healthy"
    assert decision.runs == 1
    assert decision.first_confirmed([]) == "healthy"


def test_tests_that_train_are_run_in_their_order():
    p = Pipeline(Setting(width=2))
    known = dict(zip(st.TRAINS, (2.0, 1.0, 1.0), strict=True))
    order = ["few examples", "few units", "rate too low", "rate too high"]
    assert st.Decision(p, known).first_confirmed(order) == "rate too low"
    known[st.better_rate] = 0.0
    assert st.Decision(p, known).first_confirmed(order) == "few units"
    known[st.overfit_batch] = 0.0
    decision = st.Decision(p, known)
    assert decision.first_confirmed(order) == "few examples"
    assert decision.runs == 3


def test_the_error_names_every_cause_without_a_test():
    with pytest.raises(ValueError, match=r"\['bad luck', 'no sleep'\].*few examples"):
        st.Decision(Pipeline(Setting(width=2))).first_confirmed(["no sleep", "bad luck"])


def test_a_run_whose_last_loss_is_not_a_number_has_an_infinite_one():
    class Late(Steps):
        def step(self, X, y):
            return np.nan if super().step(X, y) == 993.0 else 1.0

    assert st.overfit_batch(Late(Setting(width=2)), steps=7) == np.inf
    assert st.overfit_batch(Late(Setting(width=2)), steps=6) == 1.0
    assert st.overfit_batch(Late(Setting(width=2)), steps=8) == 1.0


@pytest.mark.parametrize(("row", "expected"), [(49, 2.0), (50, 0.0)])
def test_fifty_validation_images_are_evaluated_twice(row, expected):
    class Drifting(Pipeline):
        shift = 0.0

        def forward(self, X, training):
            self.shift += 2.0
            marked = (self.X_val[row] == X).all(1)
            return [X, X, X, np.where(marked, self.shift, 0.0)[:, None]]

    p = Drifting(Setting(width=2))
    p.X_val[row] = 7.0
    assert st.evaluation_noise(p) == expected


def test_dropout_is_off_where_dead_units_are_counted():
    p = Picky(Setting(width=1, dropout=0.999))
    p.X[:, 0] = 0.0
    p.X[7, 0] = 2.0  # the first unit is used by one example, the second by all
    assert st.dead_units(p) == 0.0
