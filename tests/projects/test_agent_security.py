"""What the agent is defended against, one section per defense.

- expressions: a string of a stranger cannot hold the program up or fill its memory, whatever it is.
- questions: nor can a question, by the patterns that the rules look for in it.
- processes: a tool that does not end, or takes too much, is killed with all that it started, and
  does not see the keys in the environment.
- approval: nothing that changes something runs unless the approval step says True, whichever way
  the call is made; what is not declared is taken to change something.
- servers: what a server says of its tools can make them stricter and never looser, and a schema
  of its making cannot hold the check up.
- limits: time and number of calls hold between calls, inside them and around the model.
- endings: a turn that was cut, paused, refused or contradicts itself is no answer and its calls do
  not run.
- transcripts: thinking goes back to its server as it came, and the prompt is cached.
- streaming: an event leaves when it has happened, and a run that nobody reads stops.
"""

from __future__ import annotations

import os
import threading
import time
import tracemalloc
from itertools import pairwise

import mcp_types as types
import pytest
from clikit.errors import UserError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mcp.server.lowlevel import Server
from projects import agent, calculator, isolation, mcp_tools, rules, tools
from projects.agent import Agent, Call, Limits, Rules, Scripted, Turn
from projects.schemas import invalid
from projects.toolkit import Registry, Tool, deny_all, tool

from tests.projects import isolated
from tests.projects.test_agent import (  # noqa: F401
    chat,
    chat_model,
    function,
    message,
    messages_model,
    server,
    text,
    use,
)

SECONDS = 0.2
BYTES = 64 << 20

# -- expressions ----------------------------------------------------------------------------------

pieces = st.sampled_from(
    [
        *calculator.FUNCTIONS,
        *calculator.NAMES,
        *"0123456789+-*/%(),. \n",
        "**",
        "//",
        "9**9",
        "10**59",
        "round(",
        ",-10**9)",
        "-7000000",
        "1e308",
        "0x",
        "lambda:",
        "f'{",
        "{[(",
        "if",
        "\u0661",
        "\ud800",
        "\x00",
    ]
)
strings = st.one_of(
    st.text(max_size=10_000),
    st.lists(pieces, max_size=200).map("".join),
    st.tuples(pieces, st.integers(1, 10_000)).map(lambda pair: (pair[0] * pair[1])[:10_000]),
    st.tuples(
        st.sampled_from([*calculator.FUNCTIONS, "0*round", "-round"]),
        st.lists(st.integers(-(10**60), 10**60), min_size=1, max_size=3),
    ).map(lambda pair: f"{pair[0]}({','.join(map(str, pair[1]))})"),
    st.lists(
        st.sampled_from(["10**59", "(10**59)", "7", "-3", "0.5", "(1/3)", "1e300"]),
        min_size=2,
        max_size=40,
    ).flatmap(
        lambda numbers: st.sampled_from(["**", "*", "//", "%", "**-", "+", "/"]).map(
            lambda operator: operator.join(numbers)
        )
    ),
)


def cost(work) -> tuple[float, int]:
    """Seconds of this thread and bytes that a function takes; what it refuses is a cost too.

    A collection of garbage or a neighbor on the processor can slow one run: of a slow one, the
    fastest of three counts.
    """
    tracemalloc.start()
    seconds = seconds_of(work)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if seconds >= SECONDS:
        seconds = min(seconds_of(work) for _ in range(3))
    return seconds, peak


def seconds_of(work) -> float:
    start = time.thread_time()
    try:
        work()
    except (calculator.CalculatorError, ValueError):
        pass
    return time.thread_time() - start


@given(strings)
@example("round(1,-10000000)")
@example("0*round(10**59,-10**9)")
@example("9**9**9")
@example("2**(2**300)")
@example("(" * 10_000)
@example("-" * 10_000 + "1")
@example("+".join(["10**59*10**59"] * 30))
@settings(max_examples=1500, deadline=None)
def test_any_expression_ends_within_its_time_and_memory(expression):
    seconds, peak = cost(lambda: calculator.evaluate(expression))
    assert seconds < SECONDS
    assert peak < BYTES


@pytest.mark.parametrize("character", "([{")
def test_nesting_is_refused_before_it_is_parsed(monkeypatch, character):
    monkeypatch.setattr(calculator.ast, "parse", lambda *_, **__: pytest.fail("it was parsed"))
    with pytest.raises(calculator.CalculatorError, match="nested more than 40 deep"):
        calculator.evaluate(character * 41)


def test_a_long_name_is_not_repeated_whole_in_the_message():
    with pytest.raises(calculator.CalculatorError) as caught:
        calculator.evaluate("x" * 400)
    assert len(str(caught.value)) < 250


# -- questions ------------------------------------------------------------------------------------


@given(
    st.one_of(
        st.text(max_size=10_000),
        st.tuples(
            st.sampled_from(
                ["a", "a ", "in ", "5km ", "(", "-+", "in a.", "1 ", "..", "in .", " "]
            ),
            st.integers(1, 10_000),
        ).map(lambda pair: (pair[0] * pair[1])[:10_000]),
    )
)
@example("a" * 2000)
@example("a " * 1000)
@settings(max_examples=200, deadline=None)
def test_any_question_is_routed_within_its_time(question):
    seconds, peak = cost(lambda: Rules()._route(question))
    assert seconds < SECONDS
    assert peak < BYTES


def test_a_question_beyond_the_limit_is_answered_with_the_limit():
    result = Agent(Rules(), Registry()).run("1+1 " * rules.LONGEST)
    assert "at most 2000 are read" in result.answer


# -- processes ------------------------------------------------------------------------------------


def alone(function, **options) -> Registry:
    return Registry(tool(function, effect="read", isolated=True, **options))


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be reaped does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_tool_that_holds_the_interpreter_is_killed_and_holds_up_nobody():
    registry = alone(isolated.power, timeout_s=0.3)
    ticks = []
    done = threading.Event()

    def clock() -> None:
        while not done.wait(0.05):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=clock)
    thread.start()
    observation = registry.call("power", {"n": 50_000_000})
    done.set()
    thread.join()
    assert observation.error
    assert "took longer than 0.3 s" in observation.text
    longest = max(later - earlier for earlier, later in pairwise(ticks))
    assert longest < 2.0


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="asks /proc whether a process runs")
def test_what_the_tool_started_is_killed_with_it(tmp_path):
    pidfile = tmp_path / "pids"
    registry = alone(isolated.family, timeout_s=2.0)
    assert "took longer" in registry.call("family", {"pidfile": str(pidfile)}).text
    pids = [int(pid) for pid in pidfile.read_text().split()]
    assert len(pids) == 2
    until = time.monotonic() + 5
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    assert [pid for pid in pids if alive(pid)] == []


def test_the_process_sees_no_key(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "dummy")
    names = alone(isolated.environment).call("environment", {}).text.split()
    assert "ANTHROPIC_API_KEY" not in names
    assert "PYTHONPATH" in names


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="only Linux limits address space")
def test_memory_is_limited():
    assert not alone(isolated.hungry).call("hungry", {"megabytes": 8}).error
    observation = alone(isolated.hungry).call("hungry", {"megabytes": 4096})
    assert observation.error


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (isolated.leave, {}, "ended without a result"),
        (isolated.fails, {}, "fails failed: the cable is out"),
        (isolated.echo, {"text": "a\nb \u00e9"}, "a\nb \u00e9"),
    ],
)
def test_however_the_process_ends_there_is_an_observation(function, arguments, said):
    observation = alone(function).call(function.__name__, arguments)
    assert said in observation.text


def test_only_the_part_that_is_passed_on_leaves_the_process():
    observation = alone(isolated.echo, limit=5).call("echo", {"text": "x" * 1000})
    assert observation.text == "xxxxx [cut: 1000 characters, 5 are passed on]"


def test_a_function_that_cannot_be_imported_is_refused_at_once():
    with pytest.raises(TypeError, match="define it at the top level of a module"):
        tool(lambda: "x", isolated=True)


def test_the_books_calculator_runs_in_a_process():
    assert agent.registry().tools["calculator"].isolated
    assert agent.registry().call("calculator", {"expression": "6*7"}).text == "42"


def test_a_tool_that_ends_the_interpreter_is_heard_at_once():
    def leaves() -> str:
        """Leave."""
        raise SystemExit("bye")

    observation = Registry(tool(leaves, effect="read")).call("leaves", {})
    assert observation.text == "leaves failed: bye"


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_a_tool_needs_a_time_that_ends(seconds):
    with pytest.raises(ValueError, match="a finite number of seconds"):
        Tool("x", "", str, {}, timeout_s=seconds)


# -- approval -------------------------------------------------------------------------------------


class Box:
    """A tool that sends, and what it sent."""

    def __init__(self, confirm=deny_all, **options) -> None:
        self.sent: list[str] = []

        def send(to: str) -> str:
            """Send a message."""
            self.sent.append(to)
            return "sent"

        self.registry = Registry(tool(send, **options), confirm=confirm)


def yes(call: Call) -> bool:
    return True


def wants(*names: str) -> Scripted:
    calls = tuple(Call(f"c{i}", "send", {"to": name}) for i, name in enumerate(names))
    return Scripted([Turn("", calls, stop="tools"), Turn("done")])


def test_what_is_not_declared_changes_something():
    assert tool(tools.calculator).effect == "write"
    assert Tool("x", "", str, {}).effect == "write"


def test_an_unknown_effect_is_refused():
    with pytest.raises(ValueError, match="use 'read' or 'write'"):
        Tool("x", "", str, {}, "none")


def test_a_direct_call_is_approved_too():
    box = Box()
    observation = box.registry.call("send", {"to": "ann"})
    assert observation.error
    assert "was not confirmed" in observation.text
    assert box.sent == []


def test_an_agent_without_an_approval_step_of_its_own_has_that_of_the_registry():
    box = Box()
    Agent(wants("ann"), box.registry).run("Send it.")
    assert box.sent == []
    approving = Box(yes)
    Agent(wants("ann"), approving.registry).run("Send it.")
    assert approving.sent == ["ann"]


def test_the_approval_step_of_an_agent_leaves_the_registry_as_it_was():
    box = Box()
    Agent(wants("ann"), box.registry, confirm=yes).run("Send it.")
    assert box.sent == ["ann"]
    box.registry.call("send", {"to": "bob"})
    assert box.sent == ["ann"]


@pytest.mark.parametrize("answer", [None, 1, "no", "yes", [False], object()])
def test_only_true_approves(answer):
    box = Box(lambda call: answer)
    box.registry.call("send", {"to": "ann"})
    assert box.sent == []


def test_an_approval_step_that_fails_refuses():
    def broken(call: Call) -> bool:
        raise RuntimeError("nobody is there")

    box = Box(broken)
    assert (
        "the approval step failed: nobody is there" in box.registry.call("send", {"to": "a"}).text
    )
    assert box.sent == []


def test_what_was_approved_is_what_runs():
    arguments = {"to": "ann"}

    def swaps(call: Call) -> bool:
        assert call.arguments == {"to": "ann"}
        arguments["to"] = "mallory"
        call.arguments["to"] = "mallory"
        return True

    box = Box(swaps)
    box.registry.call("send", arguments)
    assert box.sent == ["ann"]


def test_nobody_is_asked_about_a_call_that_is_wrong():
    asked = []
    box = Box(lambda call: asked.append(call) or True)
    box.registry.call("send", {"too": "ann"})
    assert asked == []


def test_the_tools_of_a_registry_cannot_be_exchanged():
    box = Box()
    with pytest.raises(TypeError):
        box.registry.tools["send"] = tool(tools.calculator, effect="read")


def test_a_change_that_was_given_up_may_have_happened():
    def slow() -> str:
        """Change something slowly."""
        time.sleep(1.0)
        return ""

    observation = Registry(tool(slow, timeout_s=0.05), confirm=yes).call("slow", {})
    assert "may have happened" in observation.text


# -- servers --------------------------------------------------------------------------------------


def foreign(sent: list, annotations: types.ToolAnnotations | None) -> Server:
    """A server of one tool that sends, with what it says of it."""

    async def on_list_tools(_, __) -> types.ListToolsResult:
        send = types.Tool(
            name="send",
            description="x" * 5000,
            input_schema={"type": "object"},
            annotations=annotations,
        )
        return types.ListToolsResult(tools=[send])

    async def on_call_tool(_, params) -> types.CallToolResult:
        sent.append(params.arguments)
        return types.CallToolResult(content=[types.TextContent(text="sent")])

    return Server("foreign", on_list_tools=on_list_tools, on_call_tool=on_call_tool)


READ_ONLY = types.ToolAnnotations(read_only_hint=True, destructive_hint=False)
WRITES = types.ToolAnnotations(read_only_hint=False)
DESTROYS = types.ToolAnnotations(read_only_hint=True, destructive_hint=True)


@pytest.mark.parametrize("annotations", [None, READ_ONLY, WRITES, DESTROYS], ids=str)
def test_a_borrowed_tool_is_approved_whatever_its_server_says(annotations):
    sent: list = []
    registry = mcp_tools.remote_tools(foreign(sent, annotations))
    assert "was not confirmed" in registry.call("send", {"to": "mallory"}).text
    assert sent == []


@pytest.mark.parametrize(
    ("annotations", "effect"),
    [(None, "read"), (READ_ONLY, "read"), (WRITES, "write"), (DESTROYS, "write")],
    ids=str,
)
def test_annotations_make_a_trusted_tool_stricter(annotations, effect):
    registry = mcp_tools.remote_tools(foreign([], annotations), reads=("send",))
    assert registry.tools["send"].effect == effect


def test_a_borrowed_tool_that_is_approved_runs():
    sent: list = []
    registry = mcp_tools.remote_tools(foreign(sent, None), confirm=yes)
    assert registry.call("send", {"to": "ann"}).text == "sent"
    assert sent == [{"to": "ann"}]


def test_a_name_that_the_server_does_not_offer_cannot_be_trusted():
    with pytest.raises(UserError, match="no tool 'sent'"):
        mcp_tools.remote_tools(foreign([], None), reads=("sent",))


def test_a_description_is_cut():
    registry = mcp_tools.remote_tools(foreign([], None))
    assert len(registry.tools["send"].description) == mcp_tools.DESCRIPTION


def test_our_server_offers_nothing_that_changes_something():
    sent: list = []
    box = Box(yes)
    assert dict(mcp_tools.remote_tools(mcp_tools.server(box.registry)).tools) == {}
    assert sent == []


@pytest.mark.parametrize("word", ["allOf", "anyOf", "oneOf"])
def test_a_schema_that_doubles_its_work_is_given_up(word):
    levels = {
        f"n{i}": {word: [{"$ref": f"#/$defs/n{i + 1}"}, {"$ref": f"#/$defs/n{i + 1}"}]}
        for i in range(40)
    }
    schema = {"$ref": "#/$defs/n0", "$defs": {**levels, "n40": {"type": "string"}}}
    start = time.thread_time()
    reason = invalid("look", schema, {})
    assert time.thread_time() - start < 10
    assert "follows more than 10000 references" in reason


# -- limits ----------------------------------------------------------------------------------------


def naps(seconds: float = 0.4) -> Registry:
    def nap(n: int) -> str:
        """Sleep."""
        time.sleep(seconds)
        return str(n)

    return Registry(tool(nap, effect="read"))


def turn_of(count: int, name: str = "nap") -> Turn:
    return Turn("", tuple(Call(f"c{i}", name, {"n": i}) for i in range(count)), stop="tools")


def test_the_deadline_holds_between_the_calls_of_a_turn():
    start = time.monotonic()
    result = Agent(Scripted([turn_of(40), Turn("done")]), naps(), Limits(seconds=0.5)).run("Sleep.")
    assert result.outcome == "timeout"
    assert time.monotonic() - start < 8  # all forty would take 16 s


def test_the_deadline_holds_inside_a_call():
    start = time.monotonic()
    result = Agent(Scripted([turn_of(1), Turn("done")]), naps(8.0), Limits(seconds=0.3)).run(
        "Sleep."
    )
    assert result.outcome == "timeout"
    assert time.monotonic() - start < 6


def test_the_deadline_holds_around_the_model():
    class Slow:
        def next_turn(self, messages, registry) -> Turn:
            time.sleep(8.0)
            return Turn("late")

    start = time.monotonic()
    result = Agent(Slow(), Registry(), Limits(seconds=0.3)).run("What?")
    assert (result.outcome, result.trace) == ("timeout", [])
    assert time.monotonic() - start < 6


def test_the_deadline_holds_for_a_process_that_is_slow_to_start(monkeypatch):
    registry = alone(isolated.power, timeout_s=5.0)
    start = time.monotonic()
    observation = registry.call("power", {"n": 50_000_000}, deadline=start + 0.3)
    assert observation.error
    assert time.monotonic() - start < 4.5  # its own limit is 5 s


def test_nothing_runs_after_the_deadline():
    box = Box(yes)
    assert box.registry.call("send", {"to": "ann"}, deadline=time.monotonic() - 1).error
    assert box.sent == []


def test_the_number_of_calls_is_limited_within_one_turn():
    result = Agent(Scripted([turn_of(500), Turn("done")]), naps(0.0), Limits(calls=5)).run("Sleep.")
    assert result.outcome == "call_limit"
    assert sum(event["kind"] == "observation" for event in result.trace) == 5


def test_asking_again_is_allowed_while_the_answer_changes():
    answers = iter(["third in line", "second in line", "first in line", "running", "done"])

    def state() -> str:
        """The state of a job."""
        return next(answers)

    asks = [Turn("", (Call(f"c{i}", "state", {}),), stop="tools") for i in range(5)]
    registry = Registry(tool(state, effect="read"))
    assert Agent(Scripted([*asks, Turn("done")]), registry).run("Is it?").outcome == "answered"


@pytest.mark.parametrize("limit", ["steps", "tokens", "seconds", "repeats", "calls"])
@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_a_limit_is_finite_and_positive(limit, value):
    with pytest.raises(ValueError, match=f"{limit} is {value}"):
        Limits(**{limit: value})


# -- endings --------------------------------------------------------------------------------------

SEND = (Call("c1", "send", {"to": "mallory"}),)


@pytest.mark.parametrize(
    ("turn", "outcome"),
    [
        (Turn("yes"), "answered"),
        (Turn(""), "empty"),
        (Turn(" \n"), "empty"),
        (Turn("half", stop="length"), "truncated"),
        (Turn("half", SEND, stop="length"), "truncated"),
        (Turn("half", SEND, stop="context"), "context_full"),
        (Turn("no", SEND, stop="refusal"), "refused"),
        (Turn("wait", SEND, stop="pause"), "paused"),
        (Turn("yes", SEND, stop="end"), "malformed"),
        (Turn("", stop="tools"), "malformed"),
        (Turn("", SEND * 2, stop="tools"), "malformed"),
        (Turn("yes", SEND, stop="new_reason"), "unknown_stop"),
    ],
)
def test_every_end_of_a_turn_has_its_outcome_and_none_runs_a_call(turn, outcome):
    box = Box(yes)
    result = Agent(Scripted([turn]), box.registry).run("What?")
    assert result.outcome == outcome
    assert box.sent == []
    assert outcome in agent.OUTCOMES


@pytest.mark.parametrize(
    ("stop", "outcome"),
    [
        ("end_turn", "malformed"),
        ("stop_sequence", "malformed"),
        ("max_tokens", "truncated"),
        ("model_context_window_exceeded", "context_full"),
        ("refusal", "refused"),
        ("pause_turn", "paused"),
        ("something_new", "unknown_stop"),
    ],
)
def test_reasons_of_the_messages_api_are_read_before_calls(server, stop, outcome):  # noqa: F811
    server.script = [(200, {}, message([text("so"), use("t1", expression="1")], stop))]
    result = Agent(messages_model(server), agent.registry()).run("What?")
    assert result.outcome == outcome
    assert [event["kind"] for event in result.trace] == ["turn"]


@pytest.mark.parametrize(
    ("stop", "outcome"),
    [("length", "truncated"), ("content_filter", "refused"), ("something_new", "unknown_stop")],
)
def test_reasons_of_the_chat_api_are_read_before_calls(server, stop, outcome):  # noqa: F811
    call = function("a", '{"expression": "1"}')
    server.script = [(200, {}, chat("so", [call], stop))]
    result = Agent(chat_model(server), agent.registry()).run("What?")
    assert result.outcome == outcome
    assert [event["kind"] for event in result.trace] == ["turn"]


@pytest.mark.parametrize("error", [ConnectionError("gone"), ValueError("x"), KeyError("k")])
def test_whatever_a_model_raises_ends_the_run_with_a_reason(error):
    class Broken:
        def next_turn(self, messages, registry) -> Turn:
            raise error

    result = Agent(Broken(), Registry()).run("What?")
    assert result.outcome == "model_error"
    assert type(error).__name__ in result.answer


def test_what_is_not_a_turn_ends_the_run_with_a_reason():
    class Silent:
        def next_turn(self, messages, registry) -> None:
            return None

    result = Agent(Silent(), Registry()).run("What?")
    assert (result.outcome, result.answer) == (
        "model_error",
        "the model gave a NoneType, not a Turn",
    )


# -- transcripts ----------------------------------------------------------------------------------

THINKING = {"type": "thinking", "thinking": "Let me see.", "signature": "c2lnbmF0dXJl"}
REDACTED = {"type": "redacted_thinking", "data": "ZGF0YQ=="}


def test_thinking_goes_back_as_it_came(server):  # noqa: F811
    blocks = [THINKING, REDACTED, text("I compute."), use("t1", expression="6*7")]
    server.script = [
        (200, {}, message(blocks, "tool_use")),
        (200, {}, message([text("42")])),
    ]
    Agent(messages_model(server), agent.registry()).run("What is 6*7?")
    assert server.asked[1][2]["messages"][1] == {"role": "assistant", "content": blocks}


def test_the_prompt_is_cached(server):  # noqa: F811
    server.script = [
        (200, {}, message([use("t1", expression="6*7")], "tool_use")),
        (200, {}, message([text("42")])),
    ]
    Agent(messages_model(server), agent.registry()).run("What is 6*7?")
    first, second = (body for _, _, body in server.asked)
    assert first["system"] == second["system"]
    assert first["system"][-1]["cache_control"] == {"type": "ephemeral"}
    assert first["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}
    marks = [str(m).count("cache_control") for m in second["messages"]]
    assert marks == [0, 0, 1]


def test_tokens_read_from_the_cache_are_counted(server):  # noqa: F811
    usage = {
        "input_tokens": 1,
        "output_tokens": 2,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 400,
    }
    server.script = [(200, {}, {**message([text("42")]), "usage": usage})]
    result = Agent(messages_model(server), agent.registry()).run("What is 6*7?")
    assert result.trace[0]["tokens"] == 433


# -- streaming ------------------------------------------------------------------------------------


def test_an_event_leaves_while_the_run_goes_on():
    release = threading.Event()

    def wait() -> str:
        """Wait for the reader."""
        return str(release.wait(5))

    script = Scripted([Turn("", (Call("c1", "wait", {}),), stop="tools"), Turn("done")])
    events = Agent(script, Registry(tool(wait, effect="read", timeout_s=6.0))).events("Wait.")
    assert next(events)["kind"] == "turn"
    release.set()
    assert [(event["kind"], event.get("text")) for event in events] == [
        ("observation", "True"),
        ("turn", "done"),
        ("end", None),
    ]


def test_a_run_that_nobody_reads_makes_no_more_calls():
    box = Box(yes)
    events = Agent(wants("ann", "bob"), box.registry).events("Send it.")
    next(events)
    next(events)
    events.close()
    assert box.sent == ["ann"]


def test_the_events_of_a_run_are_those_of_its_result():
    asked = "What is 23*19+7?"
    result = Agent(Rules(), agent.registry()).run(asked)
    assert list(Agent(Rules(), agent.registry()).events(asked)) == result.events()


def test_an_empty_question_is_refused_before_anything_runs():
    with pytest.raises(ValueError, match="the question is empty"):
        Agent(Rules(), Registry()).events(" ")


def test_a_thread_hands_back_what_was_raised():
    with pytest.raises(KeyError):
        isolation.in_thread(lambda: {}["x"], 1.0)
