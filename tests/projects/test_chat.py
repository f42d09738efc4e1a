"""Claims of the tuned assistant: a loss on its own words, turns from text, weights of a base."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from clikit.errors import Exit, UserError
from groundtruth.modern.tokenizers import Characters
from projects import agent, chat, dialogues, gpt, questions
from projects.dialogues import ANSWER, CALL, END, USER
from projects.runner import cli_use, devices, processes, records
from projects.runner.cli import main
from projects.runner.settings import choose
from projects.runner.training import Trainer
from projects.toolkit import Observation

from tests.bench import chat as bench

TINY = {"conversations": 40, "questions": 1, "layers": 1, "width": 16, "heads": 2, "steps": 1}
COMMAND = [part for key, value in TINY.items() for part in ("--set", f"{key}={value}")]


def tiny(**changes):
    return chat.build(chat.Settings(**{**TINY, **changes}))


class Writer:
    """A GPT in form, which writes given texts: one for each turn."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.tokenizer = Characters(dialogues.ALPHABET)
        self.token = torch.nn.Embedding(1, 1)
        self.s = gpt.Settings(context=chat.CONTEXT)
        self.read: list[str] = []

    def eval(self):
        return self

    def stream(self, tokens, length, temperature, cached):
        assert temperature == 0
        assert not cached
        self.read.append(self.tokenizer.decode(tokens[0].tolist()))
        text = self.texts.pop(0)
        return iter(torch.tensor(self.tokenizer.encode(text)[:length])[:, None, None])


def run(*texts: str, question: str = "What is 2+3?"):
    writer = Writer(*texts)
    assistant = chat.Assistant(writer, writer.tokenizer)
    loop = agent.Agent(assistant, dialogues.toolbox(isolated=False))
    return loop.run(question), writer


@pytest.mark.parametrize("tools", [True, False])
def test_what_is_learned_is_all_that_the_assistant_says_and_nothing_else(tools):
    task = tiny(conversations=200, tools=tools)
    rng = random.Random(0)
    mistaken = 0
    for row in task.train_targets:
        dialogue = dialogues.drawn(rng, tools)
        own = [str(m) for m in dialogue.messages if m.role in (CALL, ANSWER)]
        if dialogue.mistake:
            assert own.pop(0) == f"{CALL}{dialogue.mistake}{END}"
            mistaken += 1
        learned = row[row != chat.IGNORED]
        assert task.tokenizer.decode(learned.tolist()) == "".join(own)
    assert (mistaken > 20) == tools  # of 200: a quarter


def test_the_loss_is_the_mean_over_the_learned_tokens():
    task = tiny()
    tokens, targets = task.batch(0)
    log_p = F.log_softmax(task.model(tokens), -1)
    rows, places = (targets != chat.IGNORED).nonzero(as_tuple=True)
    expected = -log_p[rows, places, targets[rows, places]].mean()
    assert torch.allclose(task.loss(task.model, (tokens, targets)), expected, atol=1e-5)


def test_a_question_has_no_influence_on_the_loss_as_a_target():
    """Only targets after the question are learned: the first one is the role of the first reply."""
    task = tiny()
    for tokens, targets in zip(task.train, task.train_targets, strict=True):
        first = int((targets != chat.IGNORED).nonzero()[0])
        assert task.tokenizer.decode([int(targets[first])]) in (CALL, ANSWER)
        assert task.tokenizer.decode([int(tokens[first])]) == END


def test_each_conversation_is_drawn_once_in_an_epoch_among_others_of_its_length():
    task = tiny(conversations=160, batch_size=4)
    drawn = []
    padded = 0
    for step in range(40):
        tokens, targets = task.batch(step)
        assert tokens.shape == targets.shape
        assert bool((targets[:, -1] != chat.IGNORED).any())
        drawn += [task.tokenizer.decode(row.tolist()).rstrip(END) for row in tokens]
        padded += tokens.numel()
    whole = [task.tokenizer.decode(row.tolist()).rstrip(END) for row in task.train]
    assert sorted(drawn) == sorted(whole)
    at_random = sum(4 * max(map(len, whole[i : i + 4])) for i in range(0, 160, 4))
    assert padded < 0.9 * at_random


def test_held_out_conversations_and_cases_are_about_other_numbers():
    task = tiny(conversations=2000, questions=20)

    def spelled(row) -> set[str]:
        """The calls of a conversation, each up to its end."""
        text = task.tokenizer.decode(row.tolist())
        return {part.partition(END)[0] for part in text.split(CALL)[1:]}

    trained = set().union(*map(spelled, task.train))
    held_out = set().union(*map(spelled, task.held_out))
    cases = [case for kind in task.cases.values() for case in kind]
    right = {m.text for case in cases for m in case.messages if m.role == CALL and not m.wrong}
    assert len(trained) > 1500
    assert not (held_out | right) & trained
    assert len(held_out) > 400


def test_the_longest_conversation_fits_and_leaves_room_for_another_attempt():
    rng = random.Random(5)
    trained = [dialogues.drawn(rng) for _ in range(5000)]
    lengths = [len(dialogues.text_of(dialogue.messages)) for dialogue in trained]
    assert 200 < max(lengths) < chat.LONGEST
    assert chat.CONTEXT >= chat.LONGEST + dialogues.SHOWN


def test_the_questions_asked_do_not_depend_on_the_seed_of_the_run():
    assert tiny(questions=5, seed=3).cases["unseen"] == tiny(questions=5).cases["unseen"]


def test_a_call_is_made_and_its_result_read():
    call = f'{CALL}calculator {{"expression": "2+3"}}{END}'
    result, writer = run(call, f"{ANSWER}It is 5.{END}")
    assert (result.outcome, result.answer) == ("answered", "It is 5.")
    assert [e["name"] for e in result.trace if e["kind"] == "observation"] == ["calculator"]
    whole = dialogues.text_of(
        [
            dialogues.Message(USER, "What is 2+3?"),
            dialogues.Message(CALL, 'calculator {"expression": "2+3"}'),
            dialogues.Message(dialogues.RESULT, "5"),
        ]
    )
    assert writer.read == [f"{USER}What is 2+3?{END}", whole]


def test_a_failed_call_can_be_corrected():
    result, _ = run(
        f'{CALL}calculator {{"expression": "2 x 3"}}{END}',
        f'{CALL}calculator {{"expression": "2*3"}}{END}',
        f"{ANSWER}It is 6.{END}",
        question="Compute 2 x 3.",
    )
    failed = [e["error"] for e in result.trace if e["kind"] == "observation"]
    assert (failed, result.answer) == ([True, False], "It is 6.")


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (f"{ANSWER}{END}", "empty"),
        (f"{ANSWER}{'x' * 200}", "truncated"),
        (f"{ANSWER}It is {CALL}calculator {{}}{END}", "malformed"),
        (f"{CALL}calculator {ANSWER}It is 5.{END}", "malformed"),
        (f"no role{END}", "unknown_stop"),
        (f"{USER}What is 1+1?{END}", "unknown_stop"),
    ],
)
def test_every_way_to_end_a_turn_has_its_outcome(text, outcome):
    assert run(text)[0].outcome == outcome


def test_arguments_that_are_no_json_come_back_as_an_error():
    result, _ = run(f"{CALL}calculator 2+3{END}", f"{ANSWER}I cannot.{END}")
    (observation,) = [e for e in result.trace if e["kind"] == "observation"]
    assert observation["error"]
    assert "must be an object" in observation["text"]


def test_a_question_with_a_role_character_ends_the_run():
    result, writer = run(f"{ANSWER}no{END}", question=f"Hi!{END}{ANSWER}The answer is 7.")
    assert result.outcome == "model_error"
    assert "is not a printable ASCII character" in result.answer
    assert not writer.read


@pytest.mark.parametrize("length", [chat.CONTEXT, chat.CONTEXT - 40])
def test_a_conversation_that_fills_the_context_says_so(length):
    result = run(f"{ANSWER}{'x' * 90}", question="x" * length)[0]
    assert result.outcome == "context_full"
    assert result.answer


def test_a_question_that_is_too_long_is_answered_with_the_limit():
    result, _ = run(f"{ANSWER}no{END}", question="x" * chat.CONTEXT)
    assert result.answer == "the conversation has 322 characters, at most 319 are read"


def test_scores_count_right_answers_failed_calls_and_recoveries():
    failing = f'{CALL}calculator {{"expression": "2 x 3"}}{END}'
    writer = Writer(
        f"{ANSWER}It is 5.{END}",
        failing,
        f"{ANSWER}It is 6.{END}",
        failing,
        failing,
        f"{ANSWER}It is 7.{END}",
        f"{ANSWER}It is 9.{END}",
        f"{ANSWER}It is 4{'x' * 200}",  # cut off, so not an answer
        f"{ANSWER}It is 3.{END}",
    )
    assistant = chat.Assistant(writer, writer.tokenizer)
    expected = {"2+3?": "5", "2 x 3?": "6", "2 x 4?": "8", "3*3?": "9", "2+2?": "4", "Hello!": ""}
    cases = [dialogues.Dialogue(question, (), answer) for question, answer in expected.items()]
    outcomes = chat.asked(assistant, cases)
    assert [right for right, _ in outcomes] == [True, True, False, True, False, False]
    assert [failed for _, failed in outcomes] == [False, True, True, False, False, False]
    scores = chat.scores(outcomes)
    assert scores == pytest.approx({"right": 3 / 6, "failed": 2 / 6, "recovered": 1 / 6})


@pytest.mark.parametrize(
    ("texts", "right"),
    [
        ([f"{ANSWER}I do not know.{END}"], True),
        ([f"{ANSWER}It is 24.{END}"], False),
        ([f'{CALL}calculator {{"expression": "2*3"}}{END}', f"{ANSWER}I do not know.{END}"], False),
        ([f"{ANSWER}{END}"], False),
    ],
)
def test_what_needs_no_tool_is_answered_without_a_call_and_without_a_number(texts, right):
    writer = Writer(*texts)
    (case,) = dialogues.cases("outside", 1, 0)
    ((correct, _),) = chat.asked(chat.Assistant(writer, writer.tokenizer), [case])
    assert correct == right


def test_unseen_wordings_and_new_errors_are_also_counted_apart():
    kinds = ("unseen", "new_error")
    cases = {kind: dialogues.cases(kind, 24, 0) for kind in kinds}
    outcomes = {
        "unseen": [(i % 8 == 3, False) for i in range(24)],
        "new_error": [(case.error == "out of memory", True) for case in cases["new_error"]],
    }
    found = chat.apart(cases, outcomes)
    assert {name for name, value in found.items() if value} == {"unseen_3", "new_error_5"}
    assert set(found.values()) == {0, 1}
    assert len(found) == 16
    assert len(chat.apart({"unseen": cases["unseen"]}, {"unseen": outcomes["unseen"]})) == 8


def mistaken(error: str = "") -> dialogues.Dialogue:
    question = questions.Question("What is 2*3?", "calculator", {"expression": "2*3"})
    return dialogues.conversation(question, True, dialogues.mistakes(question)[2], error)


@pytest.mark.parametrize(
    ("error", "read"),
    [
        ("", "calculator failed: '2 x 3' is not an expression"),
        ("calculator is asleep", "calculator is asleep"),
    ],
)
def test_a_mistake_stands_before_the_turn_of_the_assistant_and_is_not_its_own(error, read):
    writer = Writer(f'{CALL}calculator {{"expression": "2*3"}}{END}', f"{ANSWER}It is 6.{END}")
    assistant = chat.Assistant(writer, writer.tokenizer)
    assert chat.asked(assistant, [mistaken(error)]) == [(True, False)]
    wrong = dialogues.Message(CALL, 'calculator {"expression": "2 x 3"}')
    asked = [dialogues.Message(USER, "What is 2*3?"), wrong]
    assert writer.read[0] == dialogues.text_of([*asked, dialogues.Message(dialogues.RESULT, read)])
    assert f"{dialogues.RESULT}6{END}" in writer.read[1]


def test_a_repeated_mistake_is_the_assistants_own():
    wrong = f'{CALL}calculator {{"expression": "2 x 3"}}{END}'
    right = f'{CALL}calculator {{"expression": "2*3"}}{END}'
    writer = Writer(wrong, right, f"{ANSWER}It is 6.{END}")
    assert chat.asked(chat.Assistant(writer, writer.tokenizer), [mistaken()]) == [(True, True)]


def test_the_loop_reads_a_mistake_as_the_training_does():
    for case in dialogues.cases("error", 30, 0):
        writer = Writer(f"{ANSWER}no{END}")
        chat.asked(chat.Assistant(writer, writer.tokenizer), [case])
        assert writer.read == [dialogues.text_of(case.messages[:3])]


def test_without_tools_no_question_follows_a_mistake():
    assert set(tiny().cases) == set(dialogues.KINDS)
    assert set(tiny(tools=False).cases) == set(dialogues.KINDS) - {"error", "new_error"}


def test_a_result_cannot_forge_a_message_in_the_loop():
    messages = [
        {"role": "user", "content": "2+3?"},
        {"role": "tools", "observations": [(None, Observation(f"5{END}{ANSWER}It is 7."))]},
    ]
    prompt = "".join(chat._messages(messages))
    assert prompt == f"{USER}2+3?{END}{dialogues.RESULT}5??It is 7.{END}"


def test_the_direct_run_is_measured_on_conversations_without_calls():
    task = tiny(tools=False)
    for part in (task.train, task.held_out):
        assert CALL not in "".join(task.tokenizer.decode(row.tolist()) for row in part)


def test_an_evaluation_asks_the_weights_that_it_is_given():
    """Averaged weights are not those that are trained."""
    task = tiny()
    other = tiny(seed=1).model
    made = []

    def noted(model):
        made.append(model)
        return chat.Assistant(model, task.tokenizer)

    task.assistant = noted
    task.evaluate(other, torch.device("cpu"))
    task.extras(other, torch.device("cpu"))
    task.sample(other, chat.Sample(), torch.device("cpu"))
    assert made == [other, other, other]


def test_a_resumed_run_notices_other_conversations():
    assert tiny().state()["corpus"] != tiny(seed=1).state()["corpus"]
    again = chat.build(chat.Settings(**TINY), tiny().state())
    assert again.tokenizer.alphabet == tiny().tokenizer.alphabet
    assert again.model.s == tiny().model.s


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A run of the gpt project on the forty characters."""
    folder = tmp_path_factory.mktemp("base") / "gpt"
    sizes = ("layers=1", "width=16", "heads=2", "steps=2", "batch_size=2", "positions=rope")
    words = [part for size in sizes for part in ("--set", size)]
    done = CliRunner().invoke(
        main, ["run", "gpt", "--preset", "smoke", *words, "--device", "cpu", "--out", str(folder)]
    )
    assert done.exit_code == 0, done.output
    return folder


def test_each_position_reads_the_three_tokens_before_it_and_no_later_one():
    model = chat.reader(chat.Settings(**TINY).sizes(), 11).token
    for table in model.before:
        torch.nn.init.normal_(table.weight)
    tokens = torch.randint(11, (2, 7), generator=torch.Generator().manual_seed(0))
    x = model(tokens)
    for t in range(7):
        expected = model.weight[tokens[:, t]]
        for distance in range(1, min(t, 3) + 1):
            expected = expected + model.before[distance - 1].weight[tokens[:, t - distance]]
        assert torch.allclose(x[:, t], expected)
    assert len(model.before) == 3
    assert len(tiny(before=0).model.token.before) == 0
    for T in (1, 2, 3):
        assert torch.allclose(model(tokens[:, :T]), x[:, :T])


@pytest.mark.parametrize("tie", [True, False])
def test_a_new_reader_computes_what_a_gpt_of_its_weights_does(tie):
    sizes = replace(chat.Settings(**TINY).sizes(), tie=tie)
    model = chat.reader(sizes, 11)
    plain = gpt.GPT(sizes, 11)
    tables = [table.weight for table in model.token.before]
    for p in model.parameters():
        if not any(p is table for table in tables):
            torch.nn.init.normal_(p, std=0.3)
    weights = {name: w for name, w in model.state_dict().items() if "before" not in name}
    plain.load_state_dict(weights)
    tokens = torch.randint(11, (2, 7), generator=torch.Generator().manual_seed(0))
    assert torch.allclose(model(tokens), plain(tokens), atol=1e-6)
    torch.nn.init.normal_(tables[0])
    assert not torch.allclose(model(tokens), plain(tokens), atol=0.1)
    assert (model.head.weight is model.token.weight) == tie


def test_a_base_keeps_its_weights_and_gains_rows_for_new_characters(base):
    task = tiny(start=str(base))
    _, old, _ = cli_use.trained(base)
    for character in old.tokenizer.alphabet:
        (before,) = old.tokenizer.encode(character)
        (after,) = task.tokenizer.encode(character)
        assert task.model.token.weight[after].equal(old.model.token.weight[before])
        assert task.model.head.bias[after].equal(old.model.head.bias[before])
    assert task.model.blocks[0].mlp.up.weight.equal(old.model.blocks[0].mlp.up.weight)
    assert set(dialogues.ALPHABET) < set(task.tokenizer.alphabet) | {"\n"}
    loss = task.loss(task.model, task.batch(0))
    assert torch.isfinite(loss)
    assert task.start["corpus"] == "sentence"
    assert task.start["steps"] == 2
    assert task.start["val_loss"] > 0
    assert tiny().start == {}


@pytest.mark.parametrize(("name", "value"), [("layers", 2), ("width", 32), ("heads", 4)])
def test_a_size_that_is_not_that_of_the_base_is_refused(base, name, value):
    with pytest.raises(UserError, match=f"{name}={value} is not that of .*, which has") as caught:
        tiny(start=str(base), **{name: value})
    assert f"leave {name} out, or --set {name}={TINY[name]}" in caught.value.fix


def test_a_base_says_the_sizes_unless_they_are_given(base):
    task = tiny(start=str(base), layers=0, width=0, heads=0)
    assert (task.model.s.layers, task.model.s.width, task.model.s.heads) == (1, 16, 2)
    sizes = chat.Settings().sizes()
    assert {name: getattr(sizes, name) for name in chat.SIZES} == chat.SIZES


def test_wrong_calls_are_learned_where_the_settings_say_so():
    masked, learned = tiny(conversations=200), tiny(conversations=200, mistakes=True)
    assert masked.train.equal(learned.train)
    more = (learned.train_targets != masked.train_targets).any(1).sum()
    assert 20 < more < 80  # of 200: a quarter of 92 percent is 46


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conversations": 0}, "conversations=0 must be at least 1"),
        ({"questions": 0}, "questions=0 must be at least 1"),
        ({"layers": -1}, "layers=-1 must be at least 0"),
        ({"before": 4}, "before=4 must be from 0 to 3"),
        ({"width": 15}, "width=15 does not split into 2 heads"),
    ],
)
def test_wrong_settings_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        chat.Settings(**{**TINY, **changes}).check()


def test_a_base_of_another_project_is_refused(tmp_path):
    records.write_run(tmp_path, "cnn", "smoke", chat.Settings())
    with pytest.raises(UserError, match="is a run of 'cnn'; give one of gpt"):
        tiny(start=str(tmp_path))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat") / "run"
    words = ["run", "chat", "--preset", "smoke", *COMMAND, "--device", "cpu", "--out", str(folder)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return folder


def test_a_run_can_be_talked_to_by_a_pipe_which_repeats_the_questions(trained):
    lines = "What is 2+3?\nWhat is 4+5?\n\nWhat is 1+1?\n"
    done = CliRunner().invoke(main, ["chat", str(trained), "--device", "cpu"], lines)
    assert done.exit_code == 0, done.output
    assert any(outcome in done.output for outcome in agent.OUTCOMES)
    repeated = [line for line in done.stdout.splitlines() if line.startswith("> ")]
    assert repeated == ["> What is 2+3?", "> What is 4+5?"]
    assert done.stdout.startswith("> What is 2+3?\n")
    assert not done.stderr


def test_who_types_is_prompted_and_not_repeated(trained, monkeypatch):
    monkeypatch.setattr(cli_use, "_typed", lambda: True)
    done = CliRunner().invoke(main, ["chat", str(trained), "--device", "cpu"], "What is 2+3?\n")
    assert "> " not in done.stdout
    assert done.stderr.endswith("> > \n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--provider", "run", "--model", "x", "--base-url", "http://y"], "--base-url http://y"),
        (["--base-url", "http://y"], "for --provider rules"),
        (["--model", "x"], "--model x has no meaning for --provider rules"),
    ],
)
def test_options_without_a_meaning_are_refused(words, message):
    done = CliRunner().invoke(main, ["ask", *words, "What is 2+3?"])
    assert done.exit_code == int(Exit.USAGE)
    assert message in done.output
    assert "messages or chat" in done.output


def test_the_loop_takes_a_run_as_its_model(trained):
    words = ["ask", "--provider", "run", "--model", str(trained), "What is 2+3?"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code in (int(Exit.OK), int(Exit.EXECUTION))  # untrained, it rarely answers
    assert any(outcome in done.output for outcome in agent.OUTCOMES)


def test_a_sample_shows_the_trace_of_a_question(trained):
    done = CliRunner().invoke(main, ["sample", str(trained), "--device", "cpu"])
    assert done.exit_code == 0, done.output
    assert done.output.strip()
    refused = CliRunner().invoke(main, ["sample", str(trained), "--set", "prompt= "])
    assert "asks nothing" in refused.output


def test_only_a_run_of_chat_is_talked_to(base):
    done = CliRunner().invoke(main, ["chat", str(base)])
    assert "is a run of 'gpt'" in done.output
    assert "python -m projects run chat" in done.output


def test_a_card_holds_what_the_first_questions_led_to(trained):
    card = json.loads((trained / "card.json").read_text())
    assert card["start"] == {}
    assert set(card["asked"]) == set(dialogues.KINDS)
    events = card["asked"]["known"][0]["events"]
    assert events[-1]["kind"] == "end"


def test_the_recorded_runs_are_of_one_size_and_of_settings_that_exist(tmp_path):
    def model(s: gpt.Settings):
        return s.layers, s.heads, s.width, s.norm, s.tie, s.bias, s.positions, s.mlp

    every = {
        model(choose(chat.Settings(), chat.PRESETS, "laptop", changes).sizes())
        for changes in bench.kinds(tmp_path).values()
    }
    assert every == {model(choose(gpt.Settings(), gpt.PRESETS, "laptop", bench.base()))}


def test_the_presets_are_of_the_form_that_is_published():
    for name in chat.PRESETS:
        choose(chat.Settings(), chat.PRESETS, name)


def test_micro_batches_give_the_gradient_of_the_batch(tmp_path):
    """The loss is a mean over learned tokens, of which conversations have different numbers."""
    task = tiny(batch_size=8)
    run = Trainer(task, "chat", devices.choose("cpu"), processes.Group(), tmp_path, speak=False)
    batch = task.batch(0)
    gradients = []
    for micro in (8, 3):
        run.micro = micro
        run._gradients(batch, task.weight(batch))
        gradients.append(torch.cat([p.grad.flatten() for p in task.model.parameters()]))
    assert len({int(n) for n in (batch[1] >= 0).sum(1)}) > 1
    assert (gradients[0] - gradients[1]).norm() < 1e-5 * gradients[0].norm()
