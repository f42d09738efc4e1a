"""chat: a small GPT trained on conversations until it answers with the help of tools.

Instruction tuning in miniature: the loss counts only what the assistant says, never the question or
a result. With `start=FOLDER` the weights of a gpt run are tuned, whose vocabulary is extended by
the characters it lacks; otherwise the model starts from random ones. With `tools=False` it must
answer from its weights alone, for comparison. `python -m projects chat RUN` talks to it, and
`python -m projects ask --provider run --model RUN` gives it to the loop of the agent. The
conversations are in `dialogues.py`. Read with `book/capstones/agent.md`.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from clikit.errors import UserError
from torch import Tensor, nn

from projects import agent, dialogues, gpt
from projects.conversation import Turn
from projects.dialogues import ALPHABET, ANSWER, CALL, END, RESULT, USER, Dialogue, Message
from projects.runner import checkpoints, records
from projects.runner.order import epochs
from projects.runner.rng import generator
from projects.runner.settings import Settings as RunSettings
from projects.runner.settings import wrong
from projects.runner.task import Batch, Task
from projects.toolkit import Call, Registry

SUMMARY = "a small GPT trained on conversations until it answers with the help of tools"
IGNORED = -100  # the target that torch's cross-entropy leaves out
HELD_OUT = 500  # conversations on which the loss is measured
LONGEST = 192  # characters of a conversation that is trained on
BATCHES = 8  # that are sorted by length together
CONTEXT = 256  # of the model: room for one more attempt than any conversation of the training has
SEED = 10_000_019  # of the held-out conversations: no seed of a run comes near


@dataclass(frozen=True)
class Settings(RunSettings):
    """Settings of the model, the conversations and the training."""

    conversations: int = 20_000
    questions: int = 50  # of each kind that an evaluation asks in the agent's loop
    tools: bool = True  # False: answer without calling any
    start: str = ""  # folder of a gpt run to tune; empty: random weights of the sizes below
    layers: int = 3
    heads: int = 4
    width: int = 96

    def check(self) -> None:
        super().check()
        for name in ("conversations", "questions", "layers", "heads", "width"):
            if getattr(self, name) < 1:
                raise wrong(name, getattr(self, name), "must be at least 1")
        self.sizes().check()

    def sizes(self) -> gpt.Settings:
        """Settings of the model: those of gpt's preset for a laptop where nothing else is said."""
        own = {f.name: getattr(self, f.name) for f in fields(RunSettings)}
        return gpt.Settings(
            **own,
            layers=self.layers,
            heads=self.heads,
            width=self.width,
            context=CONTEXT,
            positions="rope",
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
        "steps": 2000,
        "batch_size": 32,
        "learning_rate": 3e-3,
        "warmup_steps": 100,
        "weight_decay": 0.1,
        "eval_every": 1000,
        "save_every": 1000,
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


# -- the assistant --------------------------------------------------------------------------------


class Assistant:
    """A trained GPT as the model of the agent's loop: it writes the likeliest text, up to its end.

    Parameters
    ----------
    model : GPT
    tokenizer : Characters, with the role characters of `dialogues`
    longest : int, characters of one turn
    """

    def __init__(self, model: gpt.GPT, tokenizer: gpt.Characters, longest: int = 100) -> None:
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
            return Turn("", tokens_in=len(tokens), stop="context")
        length = min(room, self.longest)
        prompt = torch.tensor([tokens], device=self.model.token.weight.device)
        stream = self.model.stream(prompt, length, temperature=0)
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


def asked(assistant: Assistant, cases: Sequence[Dialogue]) -> dict[str, float]:
    """Shares of the questions answered right, of those with a failed call, and of the latter that
    were answered right in the end.
    """
    loop = agent.Agent(assistant, dialogues.toolbox(isolated=False))
    results = [loop.run(case.question) for case in cases]
    right = [
        bool(case.expected) and agent.states(result, case.expected)
        for result, case in zip(results, cases, strict=True)
    ]
    failed = [any(event.get("error") for event in result.trace) for result in results]
    recovered = sum(r and f for r, f in zip(right, failed, strict=True))
    return {
        "right": sum(right) / len(cases),
        "failed": sum(failed) / len(cases),
        "recovered": recovered / max(sum(failed), 1),
    }


# -- the task -------------------------------------------------------------------------------------


class Conversations(Task[Settings]):
    """Write the assistant's part of a conversation.

    Attributes
    ----------
    tokenizer : Characters
    train, held_out : Tensor (n, LONGEST), tokens of a conversation each, filled up with `END`
    cases : questions that were not trained on, by kind: in known wordings, in unseen ones, with
        a slip that the calculator refuses, and with numbers longer than any trained on
    """

    unit = "tokens"
    model: gpt.GPT
    tokenizer: gpt.Characters

    def __init__(self, settings: Settings, state: dict[str, Any] | None = None) -> None:
        super().__init__(settings)
        torch.manual_seed(settings.seed)
        if state is not None:
            self.tokenizer = gpt.Characters(state["tokenizer"]["alphabet"])
            self.model = gpt.GPT(gpt.Settings(**state["sizes"]), len(self.tokenizer))
            return
        self.model, self.tokenizer = _base(settings)
        rng = random.Random(settings.seed)
        trained = [dialogues.drawn(rng, settings.tools) for _ in range(settings.conversations)]
        seen = {dialogue.question for dialogue in trained}
        rng = random.Random(SEED)
        held_out = _new(lambda: dialogues.drawn(rng, settings.tools), HELD_OUT, seen, talk=True)
        self.cases = {
            kind: _new(partial(draw, random.Random(f"{SEED} {kind}")), settings.questions, seen)
            for kind, draw in dialogues.KINDS.items()
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
            learned[i, : len(text)] = torch.tensor(dialogues.learned_mask(dialogue.messages))
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
        for kind, cases in self.cases.items():
            scores = asked(assistant, cases)
            metrics |= {f"{kind}_{name}": value for name, value in scores.items()}
        return metrics

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
        return {
            "corpus": f"{len(self.train):,} conversations, sha256 {digest}",
            "tokenizer": self.tokenizer.state(),
            "sizes": asdict(self.model.s),
        }

    def extras(self, model: nn.Module, device: torch.device) -> dict[str, Any]:
        """Events of the loop for the first questions of each kind."""
        loop = agent.Agent(self.assistant(model), dialogues.toolbox())
        return {
            "asked": {
                kind: [
                    {"question": case.question, "events": list(loop.events(case.question))}
                    for case in cases[:3]
                ]
                for kind, cases in self.cases.items()
            }
        }

    def sample(self, model: nn.Module, options: Any, device: torch.device) -> str:
        """The trace of the loop for one question."""
        options.check()
        loop = agent.Agent(self.assistant(model), dialogues.toolbox())
        return loop.run(options.prompt).pretty()


def _new(draw: Any, count: int, seen: set[str], talk: bool = False) -> list[Dialogue]:
    """Conversations whose questions were not trained on; talk has too few to be held out."""
    found: list[Dialogue] = []
    while len(found) < count:
        dialogue = draw()
        if dialogue.question not in seen or (talk and not dialogue.expected):
            found.append(dialogue)
    return found


def _base(settings: Settings) -> tuple[gpt.GPT, gpt.Characters]:
    """Random weights, or those of a run, with rows for the characters that its vocabulary lacks."""
    if not settings.start:
        return gpt.GPT(settings.sizes(), len(ALPHABET)), gpt.Characters(ALPHABET)
    folder = Path(settings.start)
    run = records.read_run(folder)
    if run["project"] != "gpt":
        raise wrong("start", settings.start, f"is a run of {run['project']!r}; give one of gpt")
    best = checkpoints.load(folder / "best.pt", "gpt")
    old = gpt.tokenizers.load(best["task"]["tokenizer"])
    sizes = replace(gpt.Settings(**run["settings"]), context=CONTEXT)
    if not isinstance(old, gpt.Characters) or sizes.positions == "learned":
        raise wrong("start", settings.start, "must have characters and no learned positions")
    tokenizer = gpt.Characters(old.alphabet + ALPHABET)
    model = gpt.GPT(sizes, len(tokenizer))
    weights = best["model"]
    known = tokenizer.encode(old.alphabet)
    for name in ("token.weight", "head.weight", "head.bias"):
        if name in weights:
            extended = model.state_dict()[name].clone()
            extended[known] = weights[name]
            weights[name] = extended
    model.load_state_dict(weights)
    return model, tokenizer


def build(settings: Settings, state: dict[str, Any] | None = None) -> Conversations:
    """The task; with the state of a checkpoint no conversation is drawn."""
    return Conversations(settings, state)
