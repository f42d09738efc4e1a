"""Claims of the questions: what each wording asks for, and whose numbers are for tests only."""

from __future__ import annotations

import random
import re

import pytest
from projects import dialogues, questions

BY_HAND = {  # a = 12, b = 3, c = 2
    "What is {a}+{b}?": 15,
    "What is {a}*{b}?": 36,
    "What is {a}-{b}?": 9,
    "What is {a}/{b}?": 4,
    "What is {a}*{b}+{c}?": 38,
    "Compute {a}-{b}*{c}.": 6,
    "Compute ({a}+{b})*{c}.": 30,
    "How much is {a}*({b}-{c})?": 12,
    "What is {a} plus {b}?": 15,
    "What is {a} minus {b}?": 9,
    "What is {a} times {b}?": 36,
    "What is {a} divided by {b}?": 4,
    "Add {a} and {b}.": 15,
    "Multiply {a} by {b}.": 36,
    "Subtract {a} from {b}.": -9,
    "What is {a} squared?": 144,
    "What is {a} percent of {b}?": 0.36,
    "What is the square root of {a}?": 3.4641016,
    "What is {a}^{b}?": 1728,
    "Compute {a} x {b}.": 36,
    "Ann has {a} apples and buys {b} more. How many has she?": 15,
    "Ben had {a} coins and lost {b}. How many are left?": 9,
    "A box holds {a} eggs. How many are in {b} boxes?": 36,
    "{a} cards are dealt to {b} players. How many each?": 4,
    "Please multiply {a} and {b}.": 36,
    "Tell me what {a}+{b} is.": 15,
    "{a} minus {b}?": 9,
    "Eve has {a} coins and gets {b} more. How many has she?": 15,
    "A bag holds {a} nuts. How many are in {b} bags?": 36,
    "How much is the sum of {a} and {b}?": 15,
    "Divide {a} by {b}.": 4,
    "What remains of {a} when {b} are taken away?": 9,
}


@pytest.mark.parametrize("wording", [*questions.WORDINGS, *questions.UNSEEN])
def test_every_wording_asks_for_what_its_expression_computes(wording):
    expression = wording.expression.format(a=12, b=3, c=2)
    text, failed = dialogues.observed("calculator", {"expression": expression})
    assert not failed
    assert float(text) == pytest.approx(BY_HAND[wording.question])


@pytest.mark.parametrize("form", [0, 1])
def test_a_conversion_asks_for_the_call_that_it_makes(form):
    factors = {
        "m": 1,
        "km": 1000,
        "cm": 0.01,
        "mile": 1609.344,
        "foot": 0.3048,
        "inch": 0.0254,
        "kg": 1,
        "g": 0.001,
        "pound": 0.45359237,
        "h": 3600,
        "min": 60,
        "s": 1,
        "day": 86400,
    }
    rng = random.Random(0)
    for _ in range(200):
        question = questions.conversion(questions.CONVERSIONS[form], rng, False)
        if form == 0:
            pattern = r"How many (?P<to>\w+) are (?P<value>[\d.]+) (?P<unit>\w+)\?"
        else:
            pattern = r"Convert (?P<value>[\d.]+) (?P<unit>\w+) to (?P<to>\w+)\."
        asked = re.fullmatch(pattern, question.text).groupdict()
        text, _ = dialogues.observed(question.tool, question.arguments)
        expected = float(asked["value"]) * factors[asked["unit"]] / factors[asked["to"]]
        assert float(text.split()[0]) == pytest.approx(expected, rel=1e-5)
        assert text.split()[1] == asked["to"]


def operands(call: str) -> tuple[str, tuple[float, ...]]:
    """Operation and sorted numbers of a call as it is spelled in a conversation."""
    name, arguments = dialogues.read_call(call)
    if name == "convert":
        units = sorted([arguments["unit"], arguments["to"]])
        return f"convert {units}", (float(arguments["value"]),)
    expression = arguments["expression"]
    numbers = sorted(float(number) for number in re.findall(r"\d+", expression))
    return re.sub(r"\d+", "", expression), tuple(numbers)


def calls(conversations) -> set[tuple[str, tuple[float, ...]]]:
    return {
        operands(message.text)
        for dialogue in conversations
        for message in dialogue.messages
        if message.role == dialogues.CALL and not message.wrong
    }


OPERATIONS = {"+", "*", "-", "/", "*+", "-*", "(+)*", "*(-)", "**", "*/", "sqrt()"}


def test_the_numbers_of_a_test_are_in_no_conversation_of_the_training_with_that_operation():
    rng = random.Random(3)
    trained = calls(dialogues.drawn(rng) for _ in range(20_000))
    assert {operation for operation, _ in trained if "convert" not in operation} == OPERATIONS
    rng = random.Random(4)
    tested = calls(dialogues.drawn(rng, test=True) for _ in range(1000))
    for kind in dialogues.KINDS:
        for seed in range(3):
            tested |= calls(dialogues.cases(kind, 96, seed))
    assert {operation for operation, _ in tested if "convert" not in operation} == OPERATIONS
    assert not trained & tested


@pytest.mark.parametrize(
    ("expression", "other"),
    [("12*5", "5*12"), ("12*5", "5 * 12"), ("12*5", "12*5.0"), ("7 km m", "7.0 km m")],
)
def test_the_same_numbers_in_another_order_or_form_are_the_same_case(expression, other):
    swaps = [(f"{a}*{b}", f"{b}*{a}") for a in range(20) for b in range(20)]
    assert all(questions.held_out(x) == questions.held_out(y) for x, y in swaps)
    assert questions.held_out(expression) == questions.held_out(other)


def test_about_one_in_eight_is_for_tests_of_each_operation():
    for form in ("{}*{}", "{}+{}", "{}**{}"):
        pairs = [(a, b) for a in range(50) for b in range(a)]
        fraction = sum(questions.held_out(form.format(a, b)) for a, b in pairs) / len(pairs)
        assert 0.09 < fraction < 0.16  # of 1225; the standard deviation is 0.009


def test_the_case_depends_on_the_operation():
    pairs = [(a, b) for a in range(30) for b in range(a)]
    sums = [questions.held_out(f"{a}+{b}") for a, b in pairs]
    products = [questions.held_out(f"{a}*{b}") for a, b in pairs]
    assert sums != products


def test_long_numbers_are_longer_than_any_that_is_trained_on():
    def lengths(questions) -> set[int]:
        return {len(number) for text in questions for number in re.findall(r"\d+", text)}

    rng = random.Random(0)
    assert lengths(dialogues.drawn(rng).question for _ in range(5000)) == {1, 2, 3, 4}
    assert lengths(case.question for case in dialogues.cases("long", 400, 0)) == {5, 6}


def test_no_unseen_wording_is_trained_on():
    rng = random.Random(0)
    trained = {re.sub(r"\d+", "#", dialogues.drawn(rng).question) for _ in range(3000)}
    for case in dialogues.cases("unseen", 100, 0):
        assert re.sub(r"\d+", "#", case.question) not in trained


@pytest.mark.parametrize(
    ("expression", "written"),
    [("2**3", "2^3"), ("2*3", "2 x 3"), ("6/3", "6 : 3"), ("6-3", "6 minus 3")],
)
def test_a_notation_of_people_is_not_one_of_the_calculator(expression, written):
    assert questions.notation(expression) == written
    assert dialogues.observed("calculator", {"expression": written})[1]


def test_an_expression_without_an_operation_has_no_other_notation():
    with pytest.raises(ValueError, match="'7' contains no operation"):
        questions.notation("7")
