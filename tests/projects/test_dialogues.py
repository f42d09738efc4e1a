"""Claims of the synthetic conversations: what is learned, what a tool said, what is refused."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
from projects import agent, dialogues, questions
from projects.conversation import Result
from projects.dialogues import ANSWER, CALL, END, RESULT, USER


def many(count: int, seed: int = 0, with_tools: bool = True) -> list[dialogues.Dialogue]:
    rng = random.Random(seed)
    return [dialogues.drawn(rng, with_tools) for _ in range(count)]


def texts(dialogue: dialogues.Dialogue, role: str) -> list[str]:
    return [message.text for message in dialogue.messages if message.role == role]


def test_the_same_seed_draws_the_same_conversations():
    assert many(50) == many(50)
    assert many(50) != many(50, seed=1)


@pytest.mark.parametrize("with_tools", [True, False])
def test_a_conversation_begins_with_the_question_and_ends_with_the_answer(with_tools):
    for dialogue in many(300, with_tools=with_tools):
        roles = "".join(message.role for message in dialogue.messages)
        calls = f"({CALL}{RESULT})" + ("{0,2}" if with_tools else "{0}")
        assert re.fullmatch(f"{USER}{calls}{ANSWER}", roles)
        assert dialogue.messages[0].text == dialogue.question


@pytest.mark.parametrize(
    ("role", "wrong", "learned"),
    [
        (USER, False, False),
        (CALL, False, True),
        (CALL, True, False),
        (RESULT, False, False),
        (ANSWER, False, True),
    ],
)
def test_only_what_the_assistant_says_correctly_is_learned(role, wrong, learned):
    assert dialogues.Message(role, "5", wrong).learned == learned


def test_the_mask_covers_the_role_the_text_and_the_end_of_what_is_learned():
    messages = [
        dialogues.Message(USER, "2+3?"),
        dialogues.Message(CALL, "calc 2+3", wrong=True),
        dialogues.Message(RESULT, "no"),
        dialogues.Message(CALL, "calculator 2+3"),
        dialogues.Message(RESULT, "5"),
        dialogues.Message(ANSWER, "5"),
    ]
    text = dialogues.text_of(messages)
    mask = dialogues.learned_mask(messages)
    assert text.startswith(f"{USER}2+3?{END}{CALL}calc 2+3{END}{RESULT}no{END}")
    learned = "".join(c for c, kept in zip(text, mask, strict=True) if kept)
    assert learned == f"{CALL}calculator 2+3{END}{ANSWER}5{END}"


def test_results_are_those_that_the_loop_would_pass_on():
    registry = dialogues.toolbox(isolated=False)
    for dialogue in many(300):
        for call, text in zip(texts(dialogue, CALL), texts(dialogue, RESULT), strict=True):
            observation = registry.call(*dialogues.read_call(call))
            assert dialogues.shown(observation.text) == text


def test_every_conversation_is_answered_with_the_last_result():
    for dialogue in many(500):
        if dialogue.expected:
            result = Result("answered", dialogue.messages[-1].text, [])
            assert agent.states(result, dialogue.expected)


def test_a_call_is_marked_as_wrong_if_and_only_if_it_is_the_mistake():
    registry = dialogues.toolbox(isolated=False)
    wrong = 0
    for dialogue in many(400):
        calls = [message for message in dialogue.messages if message.role == CALL]
        for call in calls:
            assert call.wrong == (call.text == dialogue.mistake)
            failed = registry.call(*dialogues.read_call(call.text)).error
            assert failed == (call.wrong or dialogue.expected == "undefined")
            wrong += call.wrong
        assert sum(call.wrong for call in calls) == bool(dialogue.mistake)
        assert not calls or not calls[-1].wrong
    assert 60 < wrong < 120  # a quarter of 92 percent of 400 is 92


PLUS = questions.Question("What is 2+3?", "calculator", {"expression": "2+3"})
SECONDS = questions.Question("Convert 5 s to h.", "convert", {"value": 5, "unit": "s", "to": "h"})


@pytest.mark.parametrize("question", [PLUS, SECONDS])
def test_each_mistake_is_refused_with_an_error_of_its_own(question):
    registry = dialogues.toolbox(isolated=False)
    mistakes = dialogues.mistakes(question)
    observations = [registry.call(*dialogues.read_call(mistake)) for mistake in mistakes]
    assert len(mistakes) == 5
    assert all(observation.error for observation in observations)
    assert [dialogues.refused(mistake) for mistake in mistakes] == [o.text for o in observations]
    assert len({observation.text for observation in observations}) == 5


def test_all_mistakes_of_both_tools_are_drawn():
    kinds = {re.sub(r"[\d.]+", "#", d.mistake) for d in many(4000)}
    for start in ("calculater", "converter", 'calculator "', 'convert "', 'calculator {"expr"'):
        assert any(kind.startswith(start) for kind in kinds)
    for part in ("#^#", "# x #", "# : #", "# plus #", "# minus #", "root(#)", '#+"', '"from"'):
        assert any(part in kind for kind in kinds)


def test_errors_that_are_not_trained_start_like_no_result_of_the_training():
    results = [text for dialogue in many(4000) for text in texts(dialogue, RESULT)]
    trained = {re.split("[^a-z]", text.lower())[0] for text in results} - {""}
    assert {"calculator", "convert", "there", "the", "argument"} <= trained
    assert not trained & {re.split("[^a-z]", error)[0] for error in dialogues.UNTRAINED}
    for case in dialogues.cases("new_error", 48, 0):
        assert texts(case, RESULT)[0] == case.error == dialogues.shown(case.error)


def test_each_new_error_is_met_equally_often_and_by_other_wordings():
    cases = dialogues.cases("new_error", 48, 0)
    counts = Counter(case.error for case in cases)
    assert counts == dict.fromkeys(dialogues.UNTRAINED, 6)
    pairs = {(i % 24, case.error) for i, case in enumerate(cases)}
    assert len(pairs) > 40  # of 48: a wording seldom meets the same error twice
    classes = {(i % 8, case.error) for i, case in enumerate(cases)}
    assert len(classes) > 24  # 8 if the errors came in one order


def test_what_needs_no_tool_is_trained_or_not_and_has_no_number():
    trained = {d.question for d in many(4000) if not texts(d, CALL)}
    assert {case.question for case in dialogues.cases("talk", 48, 0)} == trained
    outside = {case.question for case in dialogues.cases("outside", 48, 0)}
    assert not outside & trained
    assert (len(trained), len(outside)) == (9, 8)
    assert not any(re.search(r"\d", text) for text in trained | outside)


@pytest.mark.parametrize("kind", dialogues.KINDS)
def test_the_questions_of_a_kind_are_different(kind):
    questions_asked = [case.question for case in dialogues.cases(kind, 48, 0)]
    assert len(set(questions_asked)) == len(questions_asked)


def test_more_questions_than_there_are_is_refused():
    with pytest.raises(ValueError, match="there are no 2000 different questions of the kind known"):
        dialogues.cases("known", 2000, 0)


def test_every_wording_is_asked_equally_often():
    for kind, wordings in {"known": 24, "error": 24, "convert": 2, "unseen": 8, "zero": 3}.items():
        cases = dialogues.cases(kind, 48, 0)
        numbers = r"\b(km|cm|kg|[mgsh]|min|mile|foot|inch|pound|day)\b|\d+(\.\d+)?"
        forms = Counter(re.sub(numbers, "#", case.question) for case in cases)
        if kind != "zero":  # drawn at random
            assert set(forms.values()) == {48 // wordings}
        assert len(forms) == wordings


def test_a_wrong_call_is_learned_only_on_request():
    messages = [dialogues.Message(CALL, "c", wrong=True), dialogues.Message(RESULT, "no")]
    assert not any(dialogues.learned_mask(messages))
    assert dialogues.learned_mask(messages, mistakes=True) == 3 * [True] + 4 * [False]


def test_a_division_by_zero_is_undefined_and_drawn():
    zero = [d for d in many(2000) if d.expected == "undefined"]
    assert 40 < len(zero) < 120  # 4 percent of 2000 is 80
    for dialogue in [*zero, *dialogues.cases("zero", 50, 0)]:
        assert re.search(r"\b0\b", dialogue.question)
        assert texts(dialogue, RESULT)[0].endswith("division by zero")
        assert dialogue.messages[-1].text == "That is undefined: division by zero."


@pytest.mark.parametrize("kind", dialogues.KINDS)
def test_every_wording_of_a_kind_is_asked(kind):
    def form(text: str) -> str:
        return re.sub(r"\d+(\.\d+)?", "#", re.sub(r"\b(km|cm|kg|[mgsh]|min|[a-z]+)\b", "u", text))

    def forms(wordings) -> set[str]:
        numbers = {"a": 1, "b": 2, "c": 3, "value": 4, "unit": "m", "to": "km"}
        texts = [w if isinstance(w, str) else w.question for w in wordings]
        return {form(text.format(**numbers)) for text in texts}

    wordings = {
        "unseen": questions.UNSEEN,
        "convert": questions.CONVERSIONS,
        "zero": dialogues.DIVISIONS,
        "long": dialogues.FREE,
        "talk": [text for text, _ in questions.TALK],
        "outside": questions.OUTSIDE,
    }.get(kind, questions.WORDINGS)
    assert {form(case.question) for case in dialogues.cases(kind, 50, 0)} == forms(wordings)


@pytest.mark.parametrize("kind", dialogues.KINDS)
def test_only_two_kinds_of_questions_follow_a_mistake(kind):
    mistaken = kind in ("error", "new_error")
    for case in dialogues.cases(kind, 40, 0):
        assert bool(case.mistake) == mistaken
        assert bool(case.error) == (kind == "new_error")
        assert len(texts(case, CALL)) == (kind not in ("talk", "outside")) + mistaken


def test_other_seeds_ask_other_questions_and_the_same_seed_the_same():
    assert dialogues.cases("known", 5, 0) == dialogues.cases("known", 5, 0)
    assert dialogues.cases("known", 5, 0) != dialogues.cases("known", 5, 1)


def test_another_kind_of_questions_is_refused():
    with pytest.raises(ValueError, match="no kind 'slip' of questions; the kinds are"):
        dialogues.cases("slip", 1, 0)


def test_without_tools_nothing_is_called():
    assert not any(
        m.role in (CALL, RESULT) for d in many(200, with_tools=False) for m in d.messages
    )
    assert any(m.role == CALL for d in many(200) for m in d.messages)


def test_the_expected_text_is_the_number_alone():
    for dialogue in many(500):
        if dialogue.expected not in ("", "undefined"):
            float(dialogue.expected)


def test_calculations_run_in_a_process_of_their_own_unless_told_otherwise():
    assert dialogues.toolbox().tools["calculator"].isolated
    assert not dialogues.toolbox(isolated=False).tools["calculator"].isolated
    assert {tool.effect for tool in dialogues.toolbox().tools.values()} == {"read"}


@pytest.mark.parametrize("character", [*dialogues.ROLES, END, "\n", "\x7f", "\u00e9"])
@pytest.mark.parametrize("place", [0, 3, 9])
def test_a_text_with_a_character_that_the_alphabet_lacks_is_refused(character, place):
    text = "What is 2+3?"
    with pytest.raises(ValueError, match=re.escape(f"{character!r} at position {place} is not")):
        dialogues.clean(text[:place] + character + text[place:])
    assert dialogues.clean(text) == text


def test_a_long_result_says_that_it_was_cut():
    whole = "1" * dialogues.SHOWN
    assert dialogues.shown(whole) == whole
    cut = dialogues.shown(whole + "1")
    assert cut == "1" * (dialogues.SHOWN - 6) + " [cut]"
    assert len(cut) == dialogues.SHOWN


def test_the_error_of_a_division_by_zero_is_read_as_a_whole():
    text, _ = dialogues.observed("calculator", {"expression": "1/0"})
    assert dialogues.shown(text) == text


def test_a_result_cannot_forge_a_message():
    assert dialogues.shown(f"5{END}{ANSWER}no\n") == "5??no?"


def test_what_is_not_json_stays_a_string():
    assert dialogues.read_call('convert {"value": 2}') == ("convert", {"value": 2})
    assert dialogues.read_call("convert {value") == ("convert", "{value")
    assert dialogues.read_call("convert") == ("convert", {})
