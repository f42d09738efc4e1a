"""chat: a small GPT trained on conversations until it answers with the help of tools.

Instruction tuning in miniature: the loss counts only what the assistant says, never the question, a
result, or a wrong call that stands in a conversation with its error. With `start=FOLDER` the
weights of a gpt run are tuned, whose vocabulary is extended by the characters it lacks; otherwise
the model starts from random ones. At each position it also reads embeddings of the three tokens
before, with which one layer can copy numbers from a question into a call (Olsson et al., 2022, who
mix neighboring keys). For comparison, `before=0` leaves them out, `mistakes=True` learns the wrong
calls too, and with `tools=False` the model must answer from its weights alone. `python -m projects
chat RUN` talks to it, and `python -m projects ask --provider run --model RUN` gives it to the loop
of the agent. The prompt does not contain the schemas of the tools, which would be longer than the
conversation: the model learns the two tools of its training from examples and can call no other.
The conversations are in `dialogues.py`. Read with `book/capstones/agent.md`.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from clikit.errors import Exit, UserError
from groundtruth.modern.tokenizers import Characters
from torch import Tensor, nn

from projects import agent, dialogues, gpt
from projects.conversation import Turn
from projects.dialogues import ALPHABET, ANSWER, CALL, END, RESULT, USER, Dialogue, Message
from projects.questions import NUMBER, UNSEEN
from projects.runner import checkpoints, records
from projects.runner.order import epochs
from projects.runner.rng import generator
from projects.runner.settings import Settings as RunSettings
from projects.runner.settings import wrong
from projects.runner.task import Batch, Task
from projects.toolkit import Call, Observation, Registry

SUMMARY = "a small GPT trained on conversations until it answers with the help of tools"
IGNORED = -100  # the target that torch's cross-entropy leaves out
HELD_OUT = 500  # conversations on which the loss is measured
LONGEST = 256  # characters of a conversation that is trained on
BATCHES = 8  # that are sorted by length together
BEFORE = 3  # tokens before each one that are read with it, at most
SIZES = {"layers": 2, "heads": 4, "width": 64}  # where neither a setting nor a start says another
CONTEXT = 320  # of the model: room for one more attempt than any conversation of the training has
SEED = 10_000_019  # of the held-out conversations: no seed of a run comes near


@dataclass(frozen=True)
class Settings(RunSettings):
    """Settings of the model, the conversations and the training."""

    conversations: int = 20_000
    questions: int = 48  # of each kind that an evaluation asks in the agent's loop
    tools: bool = True  # False: answer without calling any
    before: int = BEFORE  # tokens before each one that are read with it
    mistakes: bool = False  # True: learn wrong calls too
    start: str = ""  # folder of a gpt run to tune; empty: random weights
    layers: int = 0  # 0: as in `start`, or as in SIZES
    heads: int = 0
    width: int = 0

    def check(self) -> None:
        super().check()
        for name, least in {"conversations": 1, "questions": 1, **dict.fromkeys(SIZES, 0)}.items():
            if getattr(self, name) < least:
                raise wrong(name, getattr(self, name), f"must be at least {least}")
        if not 0 <= self.before <= BEFORE:
            raise wrong("before", self.before, f"must be from 0 to {BEFORE}")
        self.sizes().check()

    def sizes(self) -> gpt.Settings:
        """Settings of a model with random weights: those of SIZES where nothing else is said."""
        own = {f.name: getattr(self, f.name) for f in fields(RunSettings)}
        own |= {name: getattr(self, name) or size for name, size in SIZES.items()}
        return gpt.Settings(
            **own,
            context=CONTEXT,
            positions="rope",
            norm="rms",
            tie=False,
            bias=False,
        )


PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "conversations": 400,
        "questions": 2,
        "layers": 2,
        "width": 32,
        "steps": 40,
        "batch_size": 16,
        "learning_rate": 3e-3,
        "eval_every": 20,
        "save_every": 20,
    },
    "laptop": {
        "steps": 1000,
        "batch_size": 16,
        "learning_rate": 5e-3,
        "warmup_steps": 50,
        "weight_decay": 0.01,
        "eval_every": 1000,
        "save_every": 250,
    },
}


@dataclass(frozen=True)
class Sample:
    """Options of `sample`: what the assistant is asked."""

    prompt: str = "What is 23*19+7?"

    def check(self) -> None:
        """Refuse an empty question."""
        if not self.prompt.strip():
            raise wrong("prompt", self.prompt, "asks nothing")


# -- the model ------------------------------------------------------------------------------------


class ShiftedEmbedding(nn.Embedding):
    """Embeddings (B, T, C) of tokens (B, T), to which those of the tokens before are added.

    An induction head looks for the place after an earlier occurrence of a few tokens, so its keys
    must know the tokens before; here they do in the first layer. The `before` tables of the added
    ones, one for each distance, start at zero.
    """

    def __init__(self, V: int, C: int, before: int = BEFORE) -> None:
        super().__init__(V, C)
        tables = [nn.Embedding(V, C) for _ in range(before)]
        nn.init.normal_(self.weight, std=0.02)
        for table in tables:
            nn.init.zeros_(table.weight)
        self.before = nn.ModuleList(tables)

    def forward(self, input: Tensor) -> Tensor:
        """The first positions have fewer tokens before them."""
        x = super().forward(input)
        for distance, table in enumerate(self.before, 1):
            x = x + F.pad(table(input[:, :-distance]), (0, 0, min(distance, input.shape[1]), 0))
        return x


def reader(sizes: gpt.Settings, V: int, before: int = BEFORE) -> gpt.GPT:
    """A GPT whose embeddings are `ShiftedEmbedding`; it must not cache keys and values."""
    model = gpt.GPT(sizes, V)
    model.token = ShiftedEmbedding(V, sizes.width, before)
    if sizes.tie:
        model.head.weight = model.token.weight
    return model


# -- the assistant --------------------------------------------------------------------------------


class Assistant:
    """A trained GPT as the model of the agent's loop: it writes the likeliest text, up to its end.

    Parameters
    ----------
    model : GPT
    tokenizer : Characters, with the role characters of `dialogues`
    longest : int, characters of one turn
    """

    def __init__(self, model: gpt.GPT, tokenizer: Characters, longest: int = 100) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.longest = longest

    def next_turn(self, messages: list[dict[str, Any]], registry: Registry) -> Turn:
        """A call or an answer.

        Raises
        ------
        UserError
            For a question with a character that the vocabulary lacks, such as one of a role.
        """
        tokens = self.tokenizer.encode("".join(_messages(messages)))
        room = self.model.s.context - len(tokens)
        if room < 1:
            full = f"the conversation has {len(tokens)} characters, at most {CONTEXT - 1} are read"
            return Turn(full, tokens_in=len(tokens), stop="context")
        length = min(room, self.longest)
        prompt = torch.tensor([tokens], device=self.model.token.weight.device)
        stream = self.model.stream(prompt, length, temperature=0, cached=False)
        written = (self.tokenizer.decode([int(token)]) for token in stream)
        text = "".join(takewhile(lambda character: character != END, written))
        if len(text) == length:  # without an end
            stop = "context" if length == room else "length"
            return Turn(text[1:], (), len(tokens), length, stop, raw=text)
        return self._turn(text, len(tokens), len(messages))

    def _turn(self, text: str, tokens_in: int, number: int) -> Turn:
        """The text after the prompt as a turn: its first character says of which kind."""
        role, body = text[:1], text[1:]
        spent = (tokens_in, len(text) + 1)
        if any(character in dialogues.ROLES for character in body):  # a message within a message
            return Turn("".join(c for c in body if c not in dialogues.ROLES), (), *spent, "tools")
        if role == CALL:
            name, arguments = dialogues.read_call(body)
            return Turn("", (Call(f"c{number}", name, arguments),), *spent, "tools", raw=text)
        if role == ANSWER:
            return Turn(body, (), *spent, raw=text)
        return Turn(body, (), *spent, stop=f"a message of the role {role!r}", raw=text)


def _messages(messages: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The conversation of the loop as the text that the model was trained on."""
    for message in messages:
        if message["role"] == "user":
            try:
                yield str(Message(USER, dialogues.clean(message["content"])))
            except ValueError as error:
                raise UserError(f"the question cannot be read: {error}", "ask without it") from None
        elif message["role"] == "assistant":
            yield f"{message['raw']}{END}"
        else:
            for _, observation in message["observations"]:
                yield str(Message(RESULT, dialogues.shown(observation.text)))


class AfterMistake:
    """An assistant that finds a wrong call, which is not its own, as the first turn."""

    def __init__(self, assistant: Assistant, mistake: str) -> None:
        self.assistant = assistant
        self.mistake = mistake

    def next_turn(self, messages: list[dict[str, Any]], registry: Registry) -> Turn:
        """The wrong call, and then what the assistant says."""
        if len(messages) > 1:
            return self.assistant.next_turn(messages, registry)
        name, arguments = dialogues.read_call(self.mistake)
        return Turn("", (Call("c0", name, arguments),), stop="tools", raw=CALL + self.mistake)


class FailingFirst(Registry):
    """Tools of which the first call fails with a given text."""

    def __init__(self, registry: Registry, error: str) -> None:
        super().__init__(*registry.tools.values())
        self.errors = [error]

    def call(self, *arguments: Any, **options: Any) -> Observation:
        """The given error, and afterwards what the tool returns."""
        if self.errors:
            return Observation(self.errors.pop(), error=True)
        return super().call(*arguments, **options)


def loop_of(assistant: Assistant, case: Dialogue, isolated: bool = True) -> agent.Agent:
    """The loop that a question is asked in, after its mistake and with its error if it has them."""
    model = AfterMistake(assistant, case.mistake) if case.mistake else assistant
    registry = dialogues.toolbox(isolated)
    return agent.Agent(model, FailingFirst(registry, case.error) if case.error else registry)


def correct(result: agent.Result, case: Dialogue) -> bool:
    """Whether a run ended with the expected answer.

    Where nothing is expected, because the question needs no tool, the answer must have come
    without a call and without a number.
    """
    if case.expected:
        return agent.states(result, case.expected)
    called = any(event["kind"] == "observation" for event in result.trace)
    return result.outcome == "answered" and not called and not NUMBER.search(result.answer)


def asked(assistant: Assistant, cases: Sequence[Dialogue]) -> list[tuple[bool, bool]]:
    """For each question, whether the answer was correct, and whether a call of the assistant's own
    failed before it.
    """
    outcomes = []
    for case in cases:
        result = loop_of(assistant, case, isolated=False).run(case.question)
        observations = [event for event in result.trace if event["kind"] == "observation"]
        own = observations[1:] if case.mistake else observations
        outcomes.append((correct(result, case), any(event["error"] for event in own)))
    return outcomes


def scores(outcomes: Sequence[tuple[bool, bool]]) -> dict[str, float]:
    """Fractions of the questions answered correctly, with a failed call of the assistant's own,
    and with both.
    """
    return {
        "right": sum(right for right, _ in outcomes) / len(outcomes),
        "failed": sum(failed for _, failed in outcomes) / len(outcomes),
        "recovered": sum(right and failed for right, failed in outcomes) / len(outcomes),
    }


def apart(
    cases: Mapping[str, Sequence[Dialogue]], outcomes: Mapping[str, Sequence[tuple[bool, bool]]]
) -> dict[str, float]:
    """Fractions of correct answers for each unseen wording and for each error not trained."""
    groups: dict[str, list[bool]] = {}
    for i, (right, _) in enumerate(outcomes["unseen"]):
        groups.setdefault(f"unseen_{i % len(UNSEEN)}", []).append(right)
    errors = zip(cases.get("new_error", ()), outcomes.get("new_error", ()), strict=True)
    for case, (right, _) in errors:
        number = dialogues.UNTRAINED.index(case.error)
        groups.setdefault(f"new_error_{number}", []).append(right)
    return {name: sum(group) / len(group) for name, group in sorted(groups.items())}


# -- the task -------------------------------------------------------------------------------------


class Conversations(Task[Settings]):
    """Write the assistant's part of a conversation.

    Attributes
    ----------
    tokenizer : Characters
    train, held_out : Tensor (n, LONGEST), tokens of a conversation each, filled up with `END`
    cases : questions by kind, see `dialogues.cases`; their numbers were not trained on
    """

    unit = "tokens"
    model: gpt.GPT
    tokenizer: Characters

    def __init__(self, settings: Settings, state: dict[str, Any] | None = None) -> None:
        super().__init__(settings)
        torch.manual_seed(settings.seed)
        if state is not None:
            self.tokenizer = Characters(state["tokenizer"]["alphabet"])
            self.model = reader(
                gpt.Settings(**state["sizes"]), len(self.tokenizer), settings.before
            )
            return
        self.model, self.tokenizer, self.start = _base(settings)
        rng = random.Random(settings.seed)
        trained = [dialogues.drawn(rng, settings.tools) for _ in range(settings.conversations)]
        rng = random.Random(SEED)
        held_out = [dialogues.drawn(rng, settings.tools, test=True) for _ in range(HELD_OUT)]
        cases = {kind: dialogues.cases(kind, settings.questions, SEED) for kind in dialogues.KINDS}
        self.cases = {  # without tools no call can be a mistake
            kind: drawn for kind, drawn in cases.items() if settings.tools or not drawn[0].mistake
        }
        self.train, self.train_targets = self._tensors(trained)
        self.lengths = LONGEST - (self.train_targets != IGNORED).flip(1).int().argmax(1)
        self.held_out, self.held_out_targets = self._tensors(held_out)

    def _tensors(self, drawn: Sequence[Dialogue]) -> tuple[Tensor, Tensor]:
        """Tokens and targets, (n, LONGEST) each; `IGNORED` is the target where none is learned."""
        end = self.tokenizer.encode(END)[0]
        tokens = torch.full((len(drawn), LONGEST + 1), end)
        learned = torch.zeros(len(drawn), LONGEST + 1, dtype=torch.bool)
        for i, dialogue in enumerate(drawn):
            text = dialogues.text_of(dialogue.messages)
            tokens[i, : len(text)] = torch.tensor(self.tokenizer.encode(text))
            mask = dialogues.learned_mask(dialogue.messages, self.settings.mistakes)
            learned[i, : len(text)] = torch.tensor(mask)
        return tokens[:, :-1], tokens[:, 1:].masked_fill(~learned[:, 1:], IGNORED)

    def batch(self, step: int) -> Batch:
        """(B, T) tokens of whole conversations and their targets; T is that of the longest one.

        Conversations of about one length come together, so that little is filled up: `BATCHES`
        batches are sorted by length, cut, and taken in a random order.
        """
        s = self.settings
        group, turn = divmod(step, BATCHES)
        together = epochs(len(self.train), BATCHES * s.batch_size, group, s.seed)
        by_length = together[self.lengths[together].argsort(stable=True)].view(BATCHES, -1)
        order = torch.randperm(BATCHES, generator=generator(s.seed, group, 1))
        chosen = by_length[order[turn]]
        T = int(self.lengths[chosen].max())
        return self.train[chosen, :T], self.train_targets[chosen, :T]

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Loss on held-out conversations, and what comes of the questions in the agent's loop."""
        total = 0.0
        count = 0
        parts = zip(self.held_out.split(50), self.held_out_targets.split(50), strict=True)
        for tokens, targets in parts:
            learned = int((targets != IGNORED).sum())
            with torch.no_grad():
                loss = model(tokens.to(device), targets.to(device))
            total += float(loss) * learned
            count += learned
        metrics = {"val_loss": total / count}
        assistant = self.assistant(model)
        outcomes = {kind: asked(assistant, cases) for kind, cases in self.cases.items()}
        for kind, pairs in outcomes.items():
            metrics |= {f"{kind}_{name}": value for name, value in scores(pairs).items()}
        return metrics | apart(self.cases, outcomes)

    def assistant(self, model: Any) -> Assistant:
        """The assistant of these weights, which may be the averaged ones."""
        return Assistant(model, self.tokenizer)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean loss, nats per token that the assistant writes."""
        return model(*batch)

    def weight(self, batch: Batch) -> int:
        """Tokens that are learned: the loss is a mean over them, not over conversations."""
        return int((batch[1] != IGNORED).sum())

    def units(self, batch: Batch) -> int:
        return batch[0].numel()

    def state(self) -> dict[str, Any]:
        digest = hashlib.sha256(self.train.numpy().tobytes()).hexdigest()
        sizes = asdict(self.model.s)
        del sizes["ends"]  # no size, and older checkpoints do not have it
        return {
            "corpus": f"{len(self.train):,} conversations, sha256 {digest}",
            "tokenizer": self.tokenizer.state(),
            "sizes": sizes,
        }

    def extras(self, model: nn.Module, device: torch.device) -> dict[str, Any]:
        """Events of the loop for the first questions of each kind, and where the weights began."""
        assistant = self.assistant(model)
        return {
            "start": self.start,
            "asked": {
                kind: [
                    {
                        "question": case.question,
                        "events": list(loop_of(assistant, case).events(case.question)),
                    }
                    for case in cases[:3]
                ]
                for kind, cases in self.cases.items()
            },
        }

    def sample(self, model: nn.Module, options: Any, device: torch.device) -> str:
        """The trace of the loop for one question."""
        options.check()
        loop = agent.Agent(self.assistant(model), dialogues.toolbox())
        return loop.run(options.prompt).pretty()


def _base(settings: Settings) -> tuple[gpt.GPT, Characters, dict[str, Any]]:
    """Random weights, or those of a run, with rows for the characters that its vocabulary lacks.

    The last value says which run: its corpus, its steps and its loss; it is empty for none.
    """
    if not settings.start:
        model = reader(settings.sizes(), len(ALPHABET), settings.before)
        return model, Characters(ALPHABET), {}
    folder = Path(settings.start)
    run = records.read_run(folder)
    if run["project"] != "gpt":
        raise wrong("start", settings.start, f"is a run of {run['project']!r}; give one of gpt")
    for name in SIZES:
        ours, theirs = getattr(settings, name), run["settings"][name]
        if ours not in (0, theirs):
            raise UserError(
                f"{name}={ours} is not that of {folder}, which has {theirs}",
                f"a run is tuned in its own size: leave {name} out, or --set {name}={theirs}",
                Exit.USAGE,
            )
    best = checkpoints.load(folder / "best.pt", "gpt")
    old = gpt.special_tokens.load(best["task"]["tokenizer"])
    sizes = replace(gpt.Settings(**run["settings"]), context=CONTEXT)
    if not isinstance(old, Characters) or sizes.positions == "learned":
        raise wrong(
            "start",
            settings.start,
            "must have characters, no learned positions and ends=false",
        )
    tokenizer = Characters(old.alphabet + ALPHABET)
    model = reader(sizes, len(tokenizer), settings.before)
    weights = best["model"]
    known = tokenizer.encode(old.alphabet)
    for name in ("token.weight", "head.weight", "head.bias"):
        if name in weights:
            extended = model.state_dict()[name].clone()
            extended[known] = weights[name]
            weights[name] = extended
    new = {name: table for name, table in model.state_dict().items() if ".before." in name}
    model.load_state_dict({**weights, **new})
    origin = {"corpus": run["settings"]["corpus"], "steps": best["step"], **best["metrics"]}
    return model, tokenizer, origin


def build(settings: Settings, state: dict[str, Any] | None = None) -> Conversations:
    """The task; with the state of a checkpoint no conversation is drawn."""
    return Conversations(settings, state)
