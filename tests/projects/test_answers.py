"""Legal and broken answers of other people's servers, schemas of any shape, and odd inputs."""

from __future__ import annotations

import time

import pytest
from clikit.errors import UserError
from projects import agent, calculator, server_answers, tools
from projects.agent import Agent, Rules
from projects.schemas import invalid
from projects.tools import Registry, Tool

from tests.projects.test_agent import (  # noqa: F401
    chat,
    chat_model,
    function,
    message,
    messages_model,
    server,
    text,
)

CALL = {"expression": "6*7"}


def registry(schema):
    return Registry(Tool("look", "", lambda **arguments: f"saw {arguments}", schema, "read"))


# -- schemas --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        ({"type": "object"}, {}),
        ({"type": "object"}, {"anything": 1}),
        ({}, {"x": [1, {"y": None}]}),
        ({"properties": {"x": {}}}, {"x": "any"}),
        ({"properties": {"x": {"type": ["string", "null"]}}}, {"x": None}),
        ({"properties": {"x": {"type": "array", "items": {"type": "integer"}}}}, {"x": [1, 2]}),
        ({"properties": {"x": {"type": "object"}}}, {"x": {"a": 1}}),
        ({"properties": {"x": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}}, {"x": 1}),
        ({"properties": {"x": {"type": "null"}}}, {"x": None}),
        ({"properties": {"x": {"enum": [1, 2, None]}}}, {"x": 2}),
        ({"properties": {"x": {"const": 3}}}, {"x": 3}),
        ({"properties": {}, "additionalProperties": True}, {"x": 1}),
        ({"properties": {"x": {"type": "integer"}}}, {"x": 3.0}),
        (
            {"$defs": {"n": {"type": "number"}}, "properties": {"x": {"$ref": "#/$defs/n"}}},
            {"x": 1},
        ),
        ({"properties": {"x": {"type": "string", "pattern": "(a+)+$"}}}, {"x": "a" * 40 + "!"}),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}, {"x": 1}),
        ({"properties": {"x": True}}, {"x": 1}),
    ],
)
def test_a_call_that_fits_a_legal_schema_runs(schema, arguments):
    observation = registry(schema).call("look", arguments)
    assert (observation.text, observation.error) == (f"saw {arguments}", False)


@pytest.mark.parametrize(
    ("schema", "arguments", "message"),
    [
        ({"required": ["x"]}, {}, "look needs 'x'"),
        ({"properties": {"x": {"type": ["string", "null"]}}}, {"x": 1}, "'x' of look"),
        ({"properties": {"x": {"items": {"type": "integer"}}}}, {"x": ["a"]}, "'x.0' of look must"),
        ({"properties": {"x": {"enum": [1, 2]}}}, {"x": 3}, "must be one of 1, 2, got 3"),
        ({"properties": {"x": {"anyOf": [{"type": "null"}]}}}, {"x": 1}, "'x' of look"),
        ({"properties": {"x": False}}, {"x": 1}, "False schema does not allow 1"),
        ({"properties": {"x": {"type": "integer"}}}, {"x": True}, "must be a integer, got True"),
        ({"additionalProperties": False, "properties": {"name": {}}}, {"nam": 1}, "mean 'name'"),
        ({"minProperties": 2}, {"x": 1}, "the arguments of look"),
        ({"type": "frobnicate"}, {}, "the schema of look is not valid"),
        ({"$ref": "#/nowhere"}, {}, "the schema of look cannot be used"),
        ({"$ref": "http://127.0.0.1:9/s.json"}, {}, "the schema of look cannot be used"),
        ({"$ref": "#"}, {}, "the schema of look cannot be used"),
        ({"properties": 3}, {}, "the schema of look is not valid"),
        ({"maxProperties": 0}, {"x" * 5000: 1}, "the arguments of look"),
    ],
)
def test_a_call_that_does_not_fit_is_answered_with_the_reason(schema, arguments, message):
    observation = registry(schema).call("look", arguments)
    assert observation.error
    assert message in observation.text
    assert len(observation.text) < 400


def test_a_reference_to_an_address_opens_no_connection(monkeypatch):
    opened = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *args, **_: opened.append(args))
    registry({"$ref": "http://example.org/schema.json"}).call("look", {})
    assert opened == []


@pytest.mark.parametrize("arguments", [None, [], "x", 3])
def test_arguments_that_are_no_object_are_refused(arguments):
    assert "must be an object" in registry({}).call("look", arguments).text


def test_the_schema_of_our_own_tools_is_the_one_that_is_checked():
    schema = tools.tool(tools.convert).schema
    assert invalid("convert", schema, {"value": 1, "unit": "km", "to": "m"}) is None
    assert invalid("convert", schema, {"value": "1", "unit": "km", "to": "m"}) is not None


# -- answers --------------------------------------------------------------------------------------


def altered(**changes):
    """An answer with one call, whose parts are replaced."""
    call = function("a", '{"expression": "6*7"}')
    call.update({key: value for key, value in changes.items() if key in call})
    if call["function"]:
        parts = ("name", "arguments")
        call["function"].update({k: v for k, v in changes.items() if k in parts})
    return chat(None, [call], "tool_calls")


def ends(server, first, model=chat_model):  # noqa: F811
    server.script = [(200, {}, first), (200, {}, chat("done"))]
    return Agent(model(server), agent.registry()).run("What?")


@pytest.mark.parametrize(
    "first",
    [
        altered(arguments={"expression": "1"}),
        altered(arguments="[" * 100_000),
        altered(arguments="[" * 60 + "]" * 60),
        altered(function=None),
        altered(name=None),
        altered(id=None),
        {**chat("x"), "choices": None},
        {**chat("x"), "choices": [{"index": 0, "finish_reason": "stop", "message": None}]},
        {**chat("x"), "choices": [{"index": 0, "finish_reason": "stop"}]},
        chat([{"type": "text", "text": "x"}]),
        [],
        "text",
        None,
    ],
)
def test_an_answer_of_another_form_ends_with_a_message(server, first):  # noqa: F811
    result = ends(server, first)
    assert result.outcome == "model_error"
    assert "cannot be read" in result.answer
    assert len(result.answer) < 500


@pytest.mark.parametrize("arguments", ["", None, "{}"])
def test_no_arguments_are_an_empty_object(server, arguments):  # noqa: F811
    calls = []
    server.script = [(200, {}, altered(name="now", arguments=arguments)), (200, {}, chat("done"))]
    now = Tool("now", "", lambda: calls.append(1) or "noon", {"type": "object"}, "read")
    assert Agent(chat_model(server), Registry(now)).run("When?").answer == "done"
    assert calls == [1]


@pytest.mark.parametrize("arguments", ["{broken", '{"expression": NaN}', "3", '"x"'])
def test_arguments_that_are_not_json_objects_come_back_as_an_observation(
    server,  # noqa: F811
    arguments,
):
    result = ends(server, altered(arguments=arguments))
    assert result.outcome == "answered"
    assert "must be an object" in result.trace[1]["text"]


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None},
        {"prompt_tokens": "many", "completion_tokens": -3, "total_tokens": 1},
        {},
    ],
)
def test_a_usage_without_counts_costs_nothing(server, usage):  # noqa: F811
    result = ends(server, {**chat("four"), "usage": usage})
    assert (result.answer, result.trace[0]["tokens"]) == ("four", 0)


@pytest.mark.parametrize(
    "usage", [None, {}, {"input_tokens": None, "output_tokens": None}], ids=str
)
def test_a_message_without_counts_costs_nothing(server, usage):  # noqa: F811
    result = ends(server, {**message([text("four")]), "usage": usage}, messages_model)
    assert (result.answer, result.trace[0]["tokens"]) == ("four", 0)


@pytest.mark.parametrize(
    "content",
    [
        None,
        [{"type": "tool_use", "id": None, "name": "calculator", "input": CALL}],
        [{"type": "tool_use", "id": "a", "name": None, "input": CALL}],
        [{"type": "text", "text": None}],
    ],
)
def test_a_message_of_another_form_ends_with_a_message(server, content):  # noqa: F811
    result = ends(server, message(content, "tool_use"), messages_model)
    assert result.outcome == "model_error"
    assert "cannot be read" in result.answer


# -- odd inputs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "round(5, -7000000)",
        "round(5, -10**9)",
        "round(5, 10**50)",
        "round(2.5, -101)",
        "round(5, 1.5)",
        "0*round(5,-7000000)",
        "round(1, 2, 3)",
        "round()",
        "10**59*10**59*0",
        "2**(2**300)",
        "(-8)**(1/3)",
        "min(1)",
        "9" * 400,
        "1e999",
    ],
)
def test_an_expression_beyond_the_limits_is_refused_at_once(expression):
    start = time.thread_time()
    with pytest.raises(calculator.CalculatorError):
        calculator.evaluate(expression)
    assert time.thread_time() - start < 0.5


@pytest.mark.parametrize(
    ("expression", "value"),
    [("round(2.567, 1)", 2.6), ("round(1234, -2)", 1200), ("round(2.5)", 2), ("round(7)", 7)],
)
def test_round_is_pythons_within_the_limits(expression, value):
    assert calculator.evaluate(expression) == value


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Is 1.2.3 km in m?", "'1.2.3' is not a number"),
        ("What is ... mile in km?", "'...' is not a number"),
        ("What is 12,5 km in m?", "'12,5' is not a number"),
        ("What is 1e999 km in m?", "could not"),
        ("What is 1e3 km in m?", "1e+06 m"),
        ("What is -.5 km in m?", "-500 m"),
        ("What is +2 km in m", "2000 m"),
        ("What is 5km in m?", "5000 m"),
        ("What is 26.2 mile in km?", "42.1648 km"),
        ("How much is 1/2 km in m?", "is not a number"),
    ],
)
def test_a_quantity_is_read_whole_or_not_at_all(question, answer):
    result = Agent(Rules(), agent.registry()).run(question)
    assert result.outcome == "answered"
    assert answer in result.answer


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_only_finite_numbers_are_converted(value):
    with pytest.raises(ValueError, match="not a finite number"):
        tools.convert(value, "km", "m")


def test_of_a_large_file_only_the_beginning_is_read(tmp_path):
    (tmp_path / "large.txt").write_text("x" * 1_000_000)
    assert len(tools.reader(tmp_path)("large.txt")) == tools.READ


def test_a_folder_of_many_files_is_not_listed_whole(tmp_path):
    for i in range(100):
        (tmp_path / f"{i}.txt").write_text("x")
    with pytest.raises(ValueError, match="and 80 more"):
        tools.reader(tmp_path)("none.txt")


def test_two_tools_of_one_name_are_refused():
    look = Tool("look", "", str, {})
    with pytest.raises(ValueError, match="share a name"):
        Registry(look, look)


def test_a_missing_key_is_one_message_or_a_placeholder(monkeypatch):
    from projects.models import key_from

    monkeypatch.delenv("SOME_KEY", raising=False)
    with pytest.raises(UserError, match="SOME_KEY is not set"):
        key_from("SOME_KEY")
    assert key_from("SOME_KEY", "http://localhost:8000/v1") == "none"
    monkeypatch.setenv("SOME_KEY", "mine")
    assert key_from("SOME_KEY") == "mine"
    assert key_from("SOME_KEY", "http://localhost:8000/v1") == "mine"


@pytest.mark.parametrize("text", ['{"x": 1e999}', '{"x": [-1e400]}', '{"x": NaN}'])
def test_arguments_with_a_number_that_is_not_finite_stay_a_string(text):
    assert server_answers.read_arguments(text) == text


def test_finite_arguments_are_read():
    assert server_answers.read_arguments('{"x": -2.5e3}') == {"x": -2500.0}
