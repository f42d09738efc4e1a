"""Splits that cover, do not overlap and keep their promise; cross-validation against scikit-learn;
bad input.
"""

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
    fits = [
        lambda A, t: lambda B: np.full(len(B), t.mean()),
        lambda A, t: LinearRegression().fit(A, t).predict,
    ]
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
