"""Answers to exercises: the right one is accepted, plausible wrong ones are named."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
from groundtruth import answers
from groundtruth.check import check
from groundtruth.functional import sigmoid
from groundtruth.learning import intervals
from groundtruth.learning.tape import record
from IPython.core.interactiveshell import InteractiveShell

BOOK = Path(__file__).parents[2] / "book"
CALL = re.compile(r'\bcheck\(\s*"(ex-[a-z0-9-]+)"')


def sigmoid_operation(t):
    s = sigmoid(t.data)
    return record(s, (t, lambda g: g * s * (1 - s)))


def sigmoid_without_upstream(t):
    s = sigmoid(t.data)
    return record(s, (t, lambda g: s * (1 - s)))


def sigmoid_with_rule_of_tanh(t):
    s = sigmoid(t.data)
    return record(s, (t, lambda g: g * (1 - s * s)))


def correlation(x, k):
    y = np.correlate(x.data, k.data, "valid")
    return record(
        y,
        (x, lambda g: np.convolve(g, k.data)),
        (k, lambda g: np.correlate(x.data, g, "valid")),
    )


def convolution(x, k):
    y = np.convolve(x.data, k.data, "valid")
    return record(
        y,
        (x, lambda g: np.correlate(g, k.data, "full")),
        (k, lambda g: np.correlate(x.data, g, "valid")[::-1]),
    )


def failing(x, k):
    raise ValueError("no such shape")


def per_example(X, D1):
    return np.einsum("ni,nj->nij", X, D1 * len(X))


def per_example_mean(X, D1):
    return np.einsum("ni,nj->nij", X, D1)


def of_the_batch(X, D1):
    return X.T @ D1


def exchanged(X, D1):
    return np.einsum("ni,nj->nji", X, D1 * len(X))


def doubled(X, D1):
    return 2 * per_example(X, D1)


FOUR = "ex-backprop-four"
KINK = "ex-backprop-kink"
FORWARD = "ex-backprop-forward"
EXAMPLES = "ex-backprop-examples"
RULES = "ex-backprop-sigmoid"
MATRIX = "ex-metrics-matrix"
CAPACITY = "ex-metrics-capacity"
FOLDS = "ex-metrics-folds"
CROSSING = "ex-metrics-crossing"
ADAM = "ex-optimizers-hand"
DECAY = "ex-optimizers-decay"
XOR = "ex-gates-xor"
QUARTIC = "ex-gates-quartic"
ROOM = "ex-gates-capacity"
SPARSE = "ex-gates-jacobian"
WALD = intervals.wald(50, 75)
RIGHT = {
    FOUR: [64, 32],
    KINK: [0, 0.5],
    FORWARD: [1, 2, 32],
    EXAMPLES: per_example,
    RULES: (sigmoid_operation, correlation),
    MATRIX: [0.965, 0.833, 0.667, 0.741, *intervals.wilson(50, 75)],
    CAPACITY: [2.250, 0.401, 0.401],
    FOLDS: [0.856, 0.682, 0.700],
    CROSSING: [0.195, 0.624, 0.427, 0.715],
    ADAM: [-0.1, -0.1266],
    DECAY: [0.0393, 0.741],
    XOR: [9 / 16, 1 / 2],
    QUARTIC: [0.354, 0.01155],
    ROOM: [21, 0.0080],
    SPARSE: 0.669,
}
WRONG = [
    (FOUR, [48, 32], "also used directly"),
    (FOUR, [16, 32], "u uses x as well"),
    (FOUR, [4, 2], "gradient of v"),
    (FOUR, [64, -32], "adjoint of y has the wrong sign"),
    (FOUR, [64, 16], "adjoint of y is wrong: 16 is too small"),
    (FOUR, [70, 32], "adjoint of x is wrong: 70 is too large"),
    (FOUR, [64.5, 32], "adjoint of x is right to a few digits"),
    (FORWARD, [5, 6, 96], "its term is x times -1"),
    (FORWARD, [1, 1, 16], "must be added"),
    (FORWARD, [1, 2, 4], "local derivative 2 v"),
    (EXAMPLES, per_example_mean, "multiply by n"),
    (EXAMPLES, of_the_batch, "keep the axis of the examples"),
    (EXAMPLES, exchanged, "the shape is (5, 3, 2), not (5, 2, 3)"),
    (EXAMPLES, doubled, "example i has the gradient"),
    (KINK, [0, 1], "both sides"),
    (KINK, [1, 0.5], "inputs that are not positive"),
    (KINK, [0.5, 0], "other order"),
    (RULES, (sigmoid_without_upstream, correlation), "upstream gradient of ones"),
    (RULES, (sigmoid_with_rule_of_tanh, correlation), "the sigmoid disagrees"),
    (RULES, (sigmoid_operation, convolution), "kernel reversed"),
    (RULES, (sigmoid_operation, failing), "raised ValueError: no such shape"),
    (MATRIX, [0.965, 0.667, 0.833, 0.741, *WALD], "exchanged"),
    (MATRIX, [0.965, 0.833, 0.667, 0.75, *WALD], "harmonic mean"),
    (MATRIX, [0.965, 0.833, 0.667, 0.741, *WALD], "not Wilson's"),
    (CAPACITY, [2.054, 0.328, 0.4786], "flags 2 % of the negatives"),
    (CAPACITY, [3.752, 0.5, 0.5], "not one half"),
    (CAPACITY, [2.250, 0.670, 0.401], "not by the flagged negatives"),
    (FOLDS, [0.856, 0.73, 0.743], "their variances add"),
    (FOLDS, [0.856, 0.682, 0.769], "one in ten"),
    (FOLDS, [0.856, 0.5, 0.536], "the shift of 1.5 remains"),
    (CROSSING, [0.624, 0.195, 0.715, 0.427], "exchanged"),
    (CROSSING, [0.099, 0.334, 0.597, 0.997], "variance 1"),
    (ADAM, [-0.3162, -0.4294], "not corrected"),
    (ADAM, [-0.1, 0.0], "average both"),
    (ADAM, [0.1, 0.1266], "against the gradient"),
    (DECAY, [0.741, 0.741], "amplifies L2"),
    (DECAY, [0.741, 0.0393], "other order"),
    (XOR, [0.75, 0.5], "each 3/4"),
    (XOR, [0.5, 0.5], "differ between 0 and 1"),
    (XOR, [0.5625, 0.4375], "adds its two sides"),
    (QUARTIC, [0.45, 0.01], "for the square"),
    (QUARTIC, [0.646, 0.01155], "weighted by 1 - p"),
    (QUARTIC, [0.354, 0.0505], "the factor p (1 - p)"),
    (ROOM, [22, 0.0043], "odd capacities"),
    (ROOM, [18, 0.0096], "all four experts"),
    (ROOM, [16, 0.0859], "16 is the mean"),
    (SPARSE, 0.0, "of sparsemax"),
    (SPARSE, 0.297, "divide by the norm"),
]


def topics() -> list[str]:
    """Part and topic of each module of answers, such as learning/backprop."""
    folder = Path(answers.__file__).parent
    files = sorted(folder.glob("*/*.py"))
    return [f"{f.parent.name}/{f.stem}" for f in files if f.stem != "__init__"]


def test_every_part_with_judges_is_looked_through():
    assert {topic.partition("/")[0] for topic in topics()} == set(answers.PARTS)


def judges(topic: str) -> set[str]:
    """The labels that one module of answers can check."""
    return set(importlib.import_module("groundtruth.answers." + topic.replace("/", ".")).ANSWERS)


def test_every_answer_has_its_tests():
    assert set(RIGHT) == set().union(*map(judges, topics()))


@pytest.mark.parametrize("label", sorted(RIGHT))
def test_at_least_two_wrong_answers_are_tried(label):
    assert sum(wrong == label for wrong, _, _ in WRONG) >= 2


@pytest.mark.parametrize("label", sorted(RIGHT))
def test_the_right_answer_is_accepted(label, capsys):
    check(label, RIGHT[label])
    assert capsys.readouterr().out == f"answer ok: {label}\n"


@pytest.mark.parametrize(("label", "answer", "message"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_mistake(label, answer, message):
    with pytest.raises(answers.WrongAnswer, match=re.escape(message)):
        check(label, answer)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([64], "give 2 numbers: adjoint of x, adjoint of y; got 1"),
        ("sixty", "got str 'sixty'"),
        ([64, float("nan")], "adjoint of y is not a finite number"),
        (None, "give 2 numbers"),
    ],
)
def test_an_answer_of_the_wrong_form_says_what_is_asked(answer, message):
    with pytest.raises(answers.WrongAnswer, match=re.escape(message)):
        check(FOUR, answer)


@pytest.mark.parametrize("answer", [sigmoid_operation, 3.0, (sigmoid_operation,), "tanh"])
def test_an_answer_that_is_not_the_functions_asked_for_says_so(answer):
    with pytest.raises(answers.WrongAnswer, match="give 2 functions: sigmoid of a Tensor"):
        check(RULES, answer)


@pytest.mark.parametrize("label", ["ex-backprop-for", "ex-backprop-nothing"])
def test_an_unknown_label_names_the_nearest(label):
    with pytest.raises(LookupError, match=r"did you mean 'ex-backprop-"):
        check(label, 1)


@pytest.mark.parametrize("label", ["ex-nothing-at-all", "backprop", ""])
def test_a_label_of_no_topic_is_refused(label):
    with pytest.raises(LookupError, match="can be checked"):
        check(label, 1)


def test_jupyter_shows_a_wrong_answer_without_a_traceback():
    shell = InteractiveShell()
    shell.user_ns["check"] = check
    error = shell.run_cell(f'check("{FOUR}", [48, 32])', silent=True).error_in_exec
    assert error._render_traceback_() == [str(error)]


@pytest.mark.parametrize("topic", topics())
def test_a_label_leads_to_its_module(topic):
    assert {label for label in judges(topic) if label not in answers._judges(label)} == set()


@pytest.mark.parametrize("topic", topics())
def test_every_exercise_that_can_be_checked_is_checked_on_its_page(topic):
    assert set(CALL.findall((BOOK / f"{topic}.md").read_text())) == judges(topic)
