"""The parsers of the projects and of the library on damaged input: an answer or a clear error, and
nothing wrong is let through.
"""

from __future__ import annotations

import ast
import json
import math
import random
import time
from itertools import pairwise

import jsonschema
from clikit.errors import UserError
from groundtruth.modern import tokenizers
from projects import agent, calculator, gpt
from projects.runner.settings import choose

from tests.fuzz.mutate import BATCH, cases, fuzz, rewrite

EXPRESSIONS = [
    "23*19+7",
    "sqrt(16) / 2",
    "(1 + 2.5)**3 - 4//3 % 2",
    "min(1, 2, max(3, 4)) * pi",
    "-(-e) + abs(-3.0) - round(2.5)",
    "2**10**2",
    "1e300 * 10",
    "log(10) + sin(0.5)",
]
ARITHMETIC = [
    "**",
    "9**9",
    "//",
    "%",
    "(",
    ")",
    "((",
    "sqrt(",
    "log(",
    "-",
    "~",
    "1e9",
    "0x10",
    "1j",
    "0.1",
    ",",
    "lambda: 0",
    "__import__('os')",
    "[1]",
    "'a'",
    "x",
    "True",
    "if",
    "and",
    ":=",
    ".real",
    "*[1]",
    "**{}",
    "9" * 30,
]
KINDS = (
    ast.Expression,
    ast.Constant,
    ast.Name,
    ast.Load,
    ast.UnaryOp,
    ast.UAdd,
    ast.USub,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Mod,
    ast.Pow,
    ast.Call,
)


@fuzz
def test_the_calculator_computes_arithmetic_and_refuses_the_rest_at_once(seed):
    known = {**calculator.FUNCTIONS, **calculator.NAMES}
    for text in cases(seed, EXPRESSIONS, ARITHMETIC):
        started = time.thread_time()
        try:
            value = calculator.evaluate(text)
        except calculator.CalculatorError as error:
            assert str(error)
            continue
        finally:
            assert time.thread_time() - started < 1.0, text
        tree = ast.parse(text.strip(), mode="eval")
        assert all(isinstance(node, KINDS) for node in ast.walk(tree)), text
        assert math.isfinite(value), text
        pythons = eval(compile(tree, "", "eval"), {"__builtins__": {}}, known)  # noqa: S307 (ours)
        assert type(value) is type(pythons), text
        assert value == pythons, text


OVERRIDES = [
    "steps=10",
    "learning_rate=3e-4",
    "batch_size=16",
    "dropout=0.1",
    "tokenizer=characters",
    "context=32",
    "warmup_steps=5",
    "ema=0.5",
    "tie=true",
    "clip_norm=1.0",
    "final_rate=0.1",
    "seed=3",
]


@fuzz
def test_settings_of_a_run_are_taken_or_refused_with_a_remedy(seed):
    texts = list(
        cases(
            seed,
            OVERRIDES,
            [
                "=",
                "==",
                "nan",
                "inf",
                "-inf",
                "1e400",
                "-1",
                "0",
                "1_000",
                "٣",
                "true",
                "steps",
                "learning_rate=",
            ],
        )
    )
    for first, second in pairwise(texts):
        try:
            chosen = choose(gpt.Settings(), gpt.PRESETS, "smoke", [first, second])
        except UserError as error:
            assert error.what
            assert error.fix
            continue
        assert type(chosen.steps) is int
        assert chosen.steps >= 1
        assert chosen.batch_size >= 1
        assert 0 < chosen.learning_rate < math.inf
        assert 0 <= chosen.final_rate <= 1
        assert 0 <= chosen.ema < 1
        assert chosen.clip_norm >= 0
        assert not math.isnan(chosen.clip_norm)


TEXTS = [
    "To be, or not to be, that is the question:\n",
    "a  b\tc\n\n\n d's we'll 12.5 %",
    "naïve café, 漢字 and 🙂🙂 mixed",
    "x" * 50,
]
PAIRS = tokenizers.BytePairs.train("".join(TEXTS) * 3, 60)


@fuzz
def test_byte_pairs_spell_every_text_and_read_it_back(seed):
    for text in cases(seed, TEXTS):
        tokens = PAIRS.encode(text)
        assert PAIRS.decode(tokens) == text
        assert all(0 <= token < len(PAIRS) for token in tokens)
        assert len(tokens) <= len(text.encode())


@fuzz
def test_a_tokenizer_is_loaded_whole_or_refused(seed):
    whole = [json.dumps(PAIRS.state()), json.dumps(tokenizers.Characters("hello").state())]
    for text in cases(
        seed,
        [whole[0][:400] + "]}", *whole],
        [
            '"kind": "byte pairs"',
            '"merges": [[1, 2]]',
            "[300, 1]",
            "-1",
            "1.5",
            "null",
            '"alphabet": ""',
            "[1]",
            "[1, 2, 3]",
        ],
    ):
        try:
            state = json.loads(text)
        except ValueError:
            continue
        try:
            loaded = tokenizers.load(state)
        except ValueError as error:
            assert str(error)
            continue
        sample = "hello" if loaded.kind == "byte pairs" else loaded.alphabet
        assert loaded.decode(loaded.encode(sample)) == sample
        assert tokenizers.load(loaded.state()).state() == loaded.state()


TRACE = (
    '{"kind": "turn", "step": 1, "text": "Arithmetic.", '
    '"calls": [{"id": "c1", "name": "calculator", '
    '"arguments": {"expression": "6*7"}}], "tokens": 0, "stop": "tools"}\n'
    '{"kind": "observation", "step": 1, "id": "c1", "name": "calculator", '
    '"text": "42", "error": false}\n'
    '{"kind": "end", "outcome": "answered", "answer": "42"}\n'
)


@fuzz
def test_a_trace_is_read_whole_or_refused(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("fuzz") / "trace.jsonl"
    for text in cases(
        seed,
        [TRACE],
        [
            '"kind": "end"',
            '"outcome": "lost"',
            "null",
            "[]",
            "{}",
            "\n",
            '"calls": 3',
            '"text": null',
            '"answer": 4',
        ],
    ):
        rewrite(path, text)
        try:
            result = agent.load_trace(path)
        except UserError as error:
            assert str(path) in error.what
            assert error.fix
            continue
        assert result.outcome in agent.OUTCOMES
        assert isinstance(result.answer, str)
        result.pretty()
        agent.Scripted.of(result)


def value(rng: random.Random, depth: int = 0):
    """A JSON value at random."""
    kind = rng.randrange(8 if depth < 2 else 6)
    if kind < 6:
        return (
            None,
            True,
            rng.randint(-3, 3),
            rng.choice((0.5, -1e9, 2.0)),
            rng.choice(("", "6*7", "km", "é")),
            False,
        )[kind]
    if kind == 6:
        return [value(rng, depth + 1) for _ in range(rng.randrange(3))]
    return {
        rng.choice(("expression", "value", "unit", "to", "query", "expresion")): value(
            rng, depth + 1
        )
        for _ in range(rng.randrange(4))
    }


@fuzz
def test_arguments_are_taken_just_when_the_full_validator_takes_them(seed):
    rng = random.Random(seed)
    registry = agent.registry()
    validators = {
        name: jsonschema.Draft202012Validator(tool.schema) for name, tool in registry.tools.items()
    }
    for _ in range(BATCH):
        name = rng.choice(list(validators))
        arguments = value(rng)
        ours = registry.problem(name, arguments)
        assert (ours is None) == validators[name].is_valid(arguments), (name, arguments, ours)
