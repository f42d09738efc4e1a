"""Splits that cover, do not overlap and keep their promise; cross-validation against scikit-learn;
bad input.
"""

from fractions import Fraction

import numpy as np
import pytest
import sklearn.model_selection as theirs
from groundtruth.learning import model_selection as ms
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

seeds = st.integers(0, 10_000)


def rng(seed=0):
    return np.random.default_rng(seed)


def is_partition(folds, n):
    return sorted(np.concatenate([test for _, test in folds]).tolist()) == list(range(n)) and all(
        sorted([*train, *test]) == list(range(n)) for train, test in folds
    )


@given(st.integers(2, 60), st.integers(2, 10), seeds)
def test_folds_cover_all_once_and_have_scikit_learns_sizes(n, k, seed):
    if n < k:
        return
    folds = ms.kfold(n, k, rng(seed))
    assert is_partition(folds, n)
    assert [len(test) for _, test in folds] == [
        len(test) for _, test in theirs.KFold(k).split(np.zeros(n))
    ]


@given(st.lists(st.integers(0, 2), min_size=15, max_size=60), st.integers(2, 3), seeds)
def test_stratified_folds_share_every_class_evenly(labels, k, seed):
    y = np.array([*labels, *([0, 1, 2] * 3)])
    folds = ms.stratified_kfold(y, k, rng(seed))
    assert is_partition(folds, len(y))
    for name in range(3):
        counts = [int((y[test] == name).sum()) for _, test in folds]
        assert max(counts) - min(counts) <= 1


@given(st.lists(st.integers(0, 8), min_size=10, max_size=80), st.integers(2, 4))
def test_group_folds_keep_groups_together_as_balanced_as_scikit_learn(groups, k):
    g = np.array([*groups, *range(9)])
    folds = ms.group_kfold(g, k)
    assert is_partition(folds, len(g))
    assert all(not set(g[train]) & set(g[test]) for train, test in folds)
    want = sorted(len(test) for _, test in theirs.GroupKFold(k).split(g, groups=g))
    assert sorted(len(test) for _, test in folds) == want


@given(st.integers(6, 80), st.integers(1, 4), st.integers(0, 5))
def test_time_folds_never_look_ahead_and_equal_scikit_learn(n, k, gap):
    block = n // (k + 1)
    if block == 0 or gap >= n - k * block:
        return
    if k > 1:
        want = list(theirs.TimeSeriesSplit(k, gap=gap).split(np.zeros(n)))
        for (train, test), (a, b) in zip(ms.time_split(n, k, gap), want, strict=True):
            assert np.array_equal(train, a)
            assert np.array_equal(test, b)
    assert all(train.max() + gap < test.min() for train, test in ms.time_split(n, k, gap))


@given(st.integers(10, 60), seeds)
def test_one_split_keeps_classes_or_groups(n, seed):
    y = np.arange(n) % 2
    train, test = ms.train_test_split(n, 0.3, rng(seed), labels=y)
    assert sorted([*train, *test]) == list(range(n))
    assert abs(y[test].mean() - 0.5) <= 0.5 / max(len(test), 1) + 0.11
    groups = np.arange(n) // 2
    train, test = ms.train_test_split(n, 0.3, rng(seed), groups=groups)
    assert not set(groups[train]) & set(groups[test])
    assert len(train)
    assert len(test)


def test_cross_val_equals_scikit_learn_on_the_same_folds():
    r = rng(1)
    X = r.normal(size=(60, 4))
    y = r.normal(size=60)
    folds = ms.kfold(60, 5, r)
    ours = ms.cross_val(
        lambda A, t: LinearRegression().fit(A, t), lambda m, A, t: m.score(A, t), X, y, folds
    )
    assert np.allclose(ours, theirs.cross_val_score(LinearRegression(), X, y, cv=folds), atol=1e-12)


def test_nested_choice_takes_the_model_that_is_right():
    r = rng(2)
    X = r.normal(size=(80, 1))
    y = 2 * X[:, 0] + 0.1 * r.normal(size=80)

    def constant(A, t):
        return lambda B: np.full(len(B), t.mean())

    def line(A, t):
        return LinearRegression().fit(A, t).predict

    fits = [constant, line]
    scores = ms.nested_cv(fits, lambda m, A, t: -float(np.mean((m(A) - t) ** 2)), X, y, 4, r)
    assert scores.shape == (4,)
    assert scores.min() > -0.05


def test_equal_samples_cannot_be_told_apart_and_moved_ones_can():
    r = rng(3)
    A = r.normal(size=(400, 3))
    assert abs(ms.adversarial_validation(A, r.normal(size=(400, 3)), r) - 0.5) < 0.08
    assert ms.adversarial_validation(A, r.normal(size=(400, 3)) + np.array([1.0, 0, 0]), r) > 0.65


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ms.kfold(3, 4, rng()), ValueError, "k = 4 and 3 examples"),
        (lambda: ms.kfold(3, 1, rng()), ValueError, "k = 1"),
        (lambda: ms.kfold(3, 2, 0), TypeError, "generator"),
        (lambda: ms.stratified_kfold([0, 0, 1], 2, rng()), ValueError, "has 1 examples"),
        (lambda: ms.stratified_kfold([[0, 1]], 2, rng()), ValueError, r"\(1, 2\)"),
        (lambda: ms.group_kfold(["a", "a"], 2), ValueError, "1 groups"),
        (lambda: ms.group_kfold([["a"]], 2), ValueError, r"\(1, 1\)"),
        (lambda: ms.time_split(3, 3), ValueError, "k = 4"),
        (lambda: ms.time_split(9, 2, 3), ValueError, "gap"),
        (lambda: ms.train_test_split(10, 1.0, rng()), ValueError, "share between"),
        (lambda: ms.train_test_split(10, 0.01, rng()), ValueError, "one side empty"),
        (lambda: ms.train_test_split(4, 0.5, rng(), labels=[0, 1]), ValueError, r"\(4,\)"),
        (lambda: ms.train_test_split(4, 0.5, rng(), groups=[0, 0, 0, 0]), ValueError, "1 groups"),
        (
            lambda: ms.train_test_split(2, 0.5, rng(), labels=[0, 1], groups=[0, 1]),
            ValueError,
            "not both",
        ),
        (
            lambda: ms.cross_val(lambda X, y: 0, lambda m, X, y: 0.0, [1.0], [1.0], []),
            ValueError,
            "no folds",
        ),
        (
            lambda: ms.cross_val(
                lambda X, y: 0, lambda m, X, y: 0.0, [1.0, 2.0], [1.0], ms.time_split(2, 1)
            ),
            ValueError,
            "1 and 2",
        ),
        (
            lambda: ms.nested_cv([], lambda m, X, y: 0.0, [1.0], [1.0], 2, rng()),
            ValueError,
            "nothing to choose",
        ),
        (
            lambda: ms.adversarial_validation(np.ones((9, 2)), np.ones((9, 3)), rng()),
            ValueError,
            "same columns",
        ),
        (
            lambda: ms.adversarial_validation(np.ones((4, 2)), np.ones((9, 2)), rng()),
            ValueError,
            "five rows",
        ),
    ],
)
def test_bad_input_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


def same(a, b):
    return all(
        np.array_equal(x, y)
        for one, two in zip(a, b, strict=True)
        for x, y in zip(one, two, strict=True)
    )


def test_the_generator_decides_the_folds():
    y = np.arange(40) % 2
    groups = np.arange(40) // 4

    def splits(seed):
        return [
            ms.kfold(40, 4, rng(seed)),
            ms.stratified_kfold(y, 4, rng(seed)),
            [ms.train_test_split(40, 0.25, rng(seed))],
            [ms.train_test_split(40, 0.25, rng(seed), labels=y)],
            [ms.train_test_split(40, 0.25, rng(seed), groups=groups)],
        ]

    for one, again, other in zip(splits(3), splits(3), splits(4), strict=True):
        assert same(one, again)
        assert not same(one, other)


def test_both_sides_of_a_fold_are_in_order():
    y = np.arange(30) % 3
    folds = [
        *ms.kfold(30, 3, rng()),
        *ms.stratified_kfold(y, 3, rng()),
        *ms.group_kfold(y, 3),
        ms.train_test_split(30, 0.3, rng()),
        ms.train_test_split(30, 0.3, rng(), labels=y),
    ]
    for train, test in folds:
        assert (np.diff(train) > 0).all()
        assert (np.diff(test) > 0).all()
        assert np.issubdtype(train.dtype, np.integer)
        assert np.issubdtype(test.dtype, np.integer)


def test_two_examples_make_two_folds():
    assert is_partition(ms.kfold(2, 2, rng()), 2)
    assert is_partition(ms.stratified_kfold(["a", "b", "a", "b"], 2, rng()), 4)
    assert is_partition(ms.group_kfold(["a", "b"], 2), 2)
    train, test = ms.train_test_split(2, 0.5, rng())
    assert sorted([*train, *test]) == [0, 1]
    assert len(test) == 1


@pytest.mark.parametrize(("share", "count"), [(0.1, 1), (0.25, 2), (0.5, 5), (0.9, 9)])
def test_the_share_is_that_of_the_test(share, count):
    train, test = ms.train_test_split(10, share, rng())
    assert (len(train), len(test)) == (10 - count, count)
    train, test = ms.train_test_split(40, share, rng(), groups=np.repeat(np.arange(10), 4))
    assert (len(train), len(test)) == (40 - 4 * count, 4 * count)


def test_every_class_gives_its_share_to_the_test():
    y = np.array(["a"] * 20 + ["b"] * 10 + ["c"] * 4)
    _, test = ms.train_test_split(34, 0.25, rng(1), labels=y)
    # 5 of 20, 2 of 10 (2.5 goes to the even number), 1 of 4
    assert [int((y[test] == name).sum()) for name in "abc"] == [5, 2, 1]
    assert set(
        np.concatenate([ms.train_test_split(34, 0.25, rng(s), labels=y)[1] for s in range(40)])
    ) == set(range(34))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, np.nan])
def test_a_share_outside_of_0_and_1_is_refused(share):
    with pytest.raises(ValueError, match="share between 0 and 1"):
        ms.train_test_split(10, share, rng())


def test_one_example_cannot_be_split():
    with pytest.raises(ValueError, match="at least two examples, got 0.5 and 1"):
        ms.train_test_split(1, 0.5, rng())


@pytest.mark.parametrize("share", [0.04, 0.96])
def test_a_share_that_rounds_to_nothing_or_all_is_refused(share):
    with pytest.raises(ValueError, match="leaves one side empty"):
        ms.train_test_split(10, share, rng())
    with pytest.raises(ValueError, match="10 groups cannot be divided"):
        ms.train_test_split(10, share, rng(), groups=np.arange(10))


def test_a_seed_is_no_generator():
    with pytest.raises(TypeError, match="pass a generator.*got int"):
        ms.train_test_split(10, 0.5, 0)
    with pytest.raises(TypeError, match="pass a generator.*got int"):
        ms.stratified_kfold([0, 0, 1, 1], 2, 0)


@pytest.mark.parametrize("name", ["labels", "groups"])
def test_one_class_or_group_per_example_and_none_missing(name):
    with pytest.raises(ValueError, match=r"shape \(4,\), got \(4, 1\)"):
        ms.train_test_split(4, 0.5, rng(), **{name: np.zeros((4, 1))})
    with pytest.raises(ValueError, match="example 2 is NaN"):
        ms.train_test_split(4, 0.5, rng(), **{name: [0.0, 1.0, np.nan, np.nan]})


def test_stratified_folds_are_as_large_as_they_can_be():
    y = np.repeat([0, 1, 2, 3], 7)
    for k in (2, 3, 4, 5, 6, 7):
        sizes = [len(test) for _, test in ms.stratified_kfold(y, k, rng())]
        assert max(sizes) - min(sizes) <= 1


def test_stratified_folds_draw_from_every_class():
    y = np.repeat([0, 1], 20)
    tests = [ms.stratified_kfold(y, 5, rng(seed))[0][1] for seed in range(30)]
    assert set(np.concatenate(tests)) == set(range(40))


def test_a_class_may_be_as_small_as_the_number_of_folds():
    folds = ms.stratified_kfold([0, 0, 0, 0, 1, 1], 2, rng())
    assert [sorted(np.array([0, 0, 0, 0, 1, 1])[test]) for _, test in folds] == [[0, 0, 1]] * 2
    with pytest.raises(ValueError, match=r"class .*1.* has 2 examples, fewer than k = 3"):
        ms.stratified_kfold([0, 0, 0, 0, 1, 1], 3, rng())


def test_groups_are_dealt_from_the_largest_to_the_smallest_fold():
    # groups of one size are dealt in the order of their names, to the first of the smallest folds
    sizes = [3, 1, 2, 1] * 40
    groups = np.repeat(np.arange(160), sizes)
    load = [0] * 7
    want = [[] for _ in range(7)]
    for group in sorted(range(160), key=lambda g: -sizes[g]):
        fold = load.index(min(load))
        load[fold] += sizes[group]
        want[fold].append(group)
    folds = ms.group_kfold(groups, 7)
    assert [sorted(set(groups[test].tolist())) for _, test in folds] == [sorted(w) for w in want]


def test_fewer_groups_than_folds_are_refused():
    with pytest.raises(ValueError, match="2 <= k <= groups, got k = 3 and 2 groups"):
        ms.group_kfold(["a", "b", "b", "b"], 3)
    with pytest.raises(ValueError, match="example 1 is NaN"):
        ms.group_kfold([0.0, np.nan], 2)


def test_time_folds_by_hand():
    folds = ms.time_split(10, 3)  # blocks of 10 // 4 = 2, the rest trains first
    assert [train.tolist() for train, _ in folds] == [
        list(range(4)),
        list(range(6)),
        list(range(8)),
    ]
    assert [test.tolist() for _, test in folds] == [[4, 5], [6, 7], [8, 9]]
    assert same(folds, ms.time_split(10, 3, gap=0))
    assert [train.tolist() for train, _ in ms.time_split(10, 3, gap=3)] == [
        [0],
        [0, 1, 2],
        [0, 1, 2, 3, 4],
    ]
    assert [t.tolist() for t in ms.time_split(2, 1)[0]] == [[0], [1]]


@pytest.mark.parametrize("gap", [-1, 4])
def test_a_gap_that_leaves_nothing_to_train_on_is_refused(gap):
    with pytest.raises(ValueError, match=f"gap must lie between 0 and 3 .* got {gap}"):
        ms.time_split(10, 3, gap=gap)


def test_more_time_folds_than_examples_are_refused():
    with pytest.raises(ValueError, match="got k = 4 and 3 examples"):
        ms.time_split(3, 3)


def test_cross_val_takes_lists():
    def fit(X, y):
        return X.tolist(), y.tolist()

    def score(model, X, y):
        assert model == ([1, 2], [5, 6])
        assert (X.tolist(), y.tolist()) == ([3, 4], [7, 8])
        return 2.5

    folds = [(np.array([0, 1]), np.array([2, 3]))]
    assert ms.cross_val(fit, score, [1, 2, 3, 4], [5, 6, 7, 8], folds).tolist() == [2.5]


def test_the_nested_choice_never_sees_the_rows_that_judge_it():
    rows = list(range(12))
    fitted = []
    scored = []

    def first(X, y):
        assert (y == 10 * X).all()
        fitted.append(("first", frozenset(X.tolist())))
        return 1.0

    def second(X, y):
        fitted.append(("second", frozenset(X.tolist())))
        return 2.0

    def score(model, X, y):
        assert (y == 10 * X).all()
        scored.append((model, frozenset(X.tolist())))
        return model

    scores = ms.nested_cv([first, second], score, rows, [10 * r for r in rows], 3, rng(7))
    assert scores.tolist() == [2.0] * 3  # the larger score is chosen
    outer = [test for _, test in scored[6::7]]
    assert sorted(r for test in outer for r in test) == rows
    for i, test in enumerate(outer):
        calls = fitted[7 * i : 7 * i + 7]  # 3 folds for each of the two, and one for the chosen
        assert calls[6] == ("second", frozenset(rows) - test)
        inner = [part for _, part in scored[7 * i : 7 * i + 6]]
        assert all(
            not part & test and not train & test
            for part, (_, train) in zip(inner, calls[:6], strict=True)
        )
        assert frozenset().union(*inner[:3]) == frozenset(rows) - test
        assert inner[:3] == inner[3:]  # both are judged on the same folds
        assert [name for name, _ in calls[:6]] == ["first"] * 3 + ["second"] * 3


def test_nested_validation_draws_its_folds_from_the_generator():
    def scores(seed):
        y = np.arange(20.0)
        return ms.nested_cv(
            [lambda X, y: y.mean()], lambda m, X, y: abs(y - m).mean(), y, y, 4, rng(seed)
        )

    assert scores(1).tolist() == scores(1).tolist()
    assert scores(1).tolist() != scores(2).tolist()


def test_a_difference_of_two_similar_columns_tells_samples_apart():
    r = rng(4)
    base = r.normal(size=(2, 300))
    A = np.column_stack([base[0], base[0] + 0.1 * r.normal(size=300)])
    B = np.column_stack([base[1], base[1] + 0.1 * r.normal(size=300) + 0.2])
    assert ms.adversarial_validation(A, B, r) > 0.85


def test_units_and_offsets_of_columns_do_not_matter_to_adversarial_validation():
    r = rng(5)
    A = r.normal(size=(30, 2))
    B = r.normal([0.7, 0.0], 1.0, size=(40, 2))
    plain = ms.adversarial_validation(A, B, rng(1))
    moved = ms.adversarial_validation(
        A * [1e6, 1e-6] + [5e6, 3], B * [1e6, 1e-6] + [5e6, 3], rng(1)
    )
    assert np.isclose(plain, moved, atol=1e-9)
    for value in (0.1, 0.5):
        wide = ms.adversarial_validation(
            np.column_stack([A, np.full(30, value)]),
            np.column_stack([B, np.full(40, value)]),
            rng(1),
        )
        assert np.isclose(plain, wide, atol=1e-9)


def test_columns_of_noise_do_not_tell_samples_apart_out_of_fold():
    r = rng(6)
    values = [
        ms.adversarial_validation(r.normal(size=(15, 12)), r.normal(size=(15, 12)), r)
        for _ in range(12)
    ]
    assert abs(np.mean(values) - 0.5) < 0.1


def test_five_rows_each_are_enough():
    A = np.arange(5)[:, None]
    assert ms.adversarial_validation(A, A + 100, rng()) == 1.0
    assert ms.adversarial_validation(A + 100, A, rng()) == 1.0
    exact = [[Fraction(i, 2)] for i in range(5)]
    assert ms.adversarial_validation(exact, A + 100.0, rng()) == 1.0
    assert ms.adversarial_validation(A + 100.0, exact, rng()) == 1.0


@pytest.mark.parametrize(
    ("A", "B"),
    [
        (np.ones(9), np.ones((9, 1))),
        (np.ones((9, 1)), np.ones(9)),
        (np.ones((9, 1)), np.ones((9, 2))),
        (np.ones((4, 1)), np.ones((9, 1))),
        (np.ones((9, 1)), np.ones((4, 1))),
    ],
)
def test_samples_that_cannot_be_compared_are_refused(A, B):
    with pytest.raises(ValueError, match="same columns and at least five rows each"):
        ms.adversarial_validation(A, B, rng())
