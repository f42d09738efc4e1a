"""Neural language models below the transformer: causality, losses, training, the recorded card."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from groundtruth.modern import ladder
from groundtruth.modern.ngrams import KneserNey
from torch.optim.optimizer import register_optimizer_step_pre_hook

CARD = Path(__file__).parents[3] / "book/_assets/results/language-models-ladder.json"
MODELS = {
    "bigram": lambda: ladder.Bigram(7),
    "window": lambda: ladder.Window(7, 3, 4, 8),
    "recurrent": lambda: ladder.Recurrent(7, 4, 8),
}


@pytest.mark.parametrize("name", MODELS)
def test_no_model_sees_the_future(name):
    torch.manual_seed(0)
    model = MODELS[name]()
    for p in model.parameters():
        torch.nn.init.normal_(p)
    x = torch.randint(7, (2, 9))
    changed = x.clone()
    changed[:, 5] = (x[:, 5] + 1) % 7
    difference = (model(x) - model(changed)).abs().amax((0, 2))
    assert difference[:5].max() == 0
    assert difference[5] > 1e-3


@pytest.mark.parametrize(("name", "reach"), [("bigram", 1), ("window", 3), ("recurrent", 9)])
def test_how_far_each_model_looks_back(name, reach):
    torch.manual_seed(1)
    model = MODELS[name]()
    for p in model.parameters():
        torch.nn.init.normal_(p)
    x = torch.zeros(1, 9, dtype=torch.long)
    changed = x.clone()
    changed[0, 0] = 3
    moved = (model(x) - model(changed)).abs().amax(-1)[0] > 0
    assert moved.tolist() == [t < reach for t in range(9)]


def test_padding_is_not_a_token():
    torch.manual_seed(6)
    model = ladder.Window(7, 3, 4, 8)
    torch.nn.init.normal_(model.token.weight)
    logits = model(torch.zeros(1, 4, dtype=torch.long))[0]
    assert (logits[2] - logits[3]).abs().max() == 0  # three zeros are seen
    assert (logits[0] - logits[3]).abs().max() > 1e-3


def test_the_mean_loss_is_that_of_whole_windows():
    torch.manual_seed(2)
    model = ladder.Bigram(5)
    torch.nn.init.normal_(model.table.weight)
    tokens = torch.randint(5, (23,))
    expected = F.cross_entropy(model(tokens[:20]), tokens[1:21])  # two windows of 10
    assert ladder.mean_loss(model, tokens, 10) == pytest.approx(expected.item(), abs=1e-6)


def test_targets_are_the_next_tokens():
    x, y = ladder.batch(torch.arange(50), 4, 8, torch.Generator().manual_seed(0))
    assert x.shape == (4, 8)
    assert (y == x + 1).all()


def test_the_trained_table_is_the_counted_one():
    rng = torch.Generator().manual_seed(3)
    tokens = torch.multinomial(torch.tensor([0.5, 0.3, 0.2]), 3000, True, generator=rng)
    model = ladder.Bigram(3)
    ladder.train(model, tokens, 300, 0.1, T=16)
    counted = KneserNey(tokens.tolist(), 2, 3).loss(tokens.tolist())
    assert ladder.mean_loss(model, tokens, 16) == pytest.approx(counted, abs=0.02)


def test_training_repeats_with_its_seed_and_lowers_the_loss():
    tokens = torch.arange(60) % 7
    runs = []
    for _ in range(2):
        torch.manual_seed(4)
        runs.append(ladder.train(MODELS["window"](), tokens, 60, 0.02, seed=5, B=4, T=8))
    assert runs[0] == runs[1]
    assert runs[0][0] == pytest.approx(math.log(7), abs=0.5)
    assert runs[0][-1] < 0.3


def test_a_curve_is_measured_at_every_so_many_steps():
    tokens = torch.arange(60) % 7
    curve = ladder.train(ladder.Bigram(7), tokens, 10, 0.1, T=8, held_out=tokens, every=5)
    assert len(curve) == 2


def test_the_better_rate_is_chosen():
    tokens = torch.arange(900) % 7
    run = ladder.tuned(
        lambda: ladder.Bigram(7), tokens, tokens, (1e-6, 0.3), (0, 1), steps=20, every=10
    )
    assert run["rate"] == 0.3
    assert run["parameters"] == 49
    assert len(run["curves"]) == 2


@pytest.mark.parametrize("name", ["bigram", "window of 8", "recurrent", "transformer"])
def test_the_recorded_rate_is_inside_its_grid(name):
    run = json.loads(CARD.read_text())["runs"][name]
    least = run["tried"][0]
    assert run["tried"] == pytest.approx([least, 2 * least, 4 * least, 8 * least])
    assert run["rate"] in run["tried"][1:3]


def test_the_recorded_table_is_reproduced():
    from groundtruth.modern.tokenizers import Characters
    from projects import corpora

    card = json.loads(CARD.read_text())
    train, held = corpora.split("sonnets")
    characters = Characters(train + held)
    x, y = (torch.tensor(characters.encode(part)) for part in (train, held))
    torch.manual_seed(0)
    run = card["runs"]["bigram"]
    curve = ladder.train(
        ladder.Bigram(len(characters)),
        x,
        card["steps"],
        run["rate"],
        0,
        held_out=y,
        every=card["every"],
    )
    assert curve == pytest.approx(run["curves"][0], abs=2e-3)  # sums differ between CPUs


@pytest.mark.parametrize(
    "call",
    [
        lambda: ladder.Window(3, 0, 2, 2),
        lambda: ladder.batch(torch.zeros(5, dtype=torch.long), 1, 5, torch.Generator()),
        lambda: ladder.mean_loss(ladder.Bigram(2), torch.zeros(4, dtype=torch.long), 4),
        lambda: ladder.train(ladder.Bigram(2), torch.zeros(99, dtype=torch.long), 0, 0.1),
        lambda: ladder.train(ladder.Bigram(2), torch.zeros(99, dtype=torch.long), 1, 0.0),
        lambda: ladder.tuned(lambda: ladder.Bigram(2), None, None, (), (0,), 1, 1),
        lambda: ladder.tuned(lambda: ladder.Bigram(2), None, None, (0.1,), (), 1, 1),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()


def test_an_untrained_table_gives_every_token_the_same_probability():
    model = ladder.Bigram(6)
    assert model.table.weight.shape == (6, 6)
    assert not model(torch.arange(6)[None]).any()


def test_a_window_is_an_mlp_on_the_embeddings_in_their_order():
    torch.manual_seed(7)
    model = ladder.Window(5, 3, 4, 8)
    x = torch.tensor([[4, 0, 2, 1]])
    logits = model(x)
    padded = [5, 5, 4, 0, 2, 1]
    for t in range(4):
        embedded = torch.cat([model.token.weight[k] for k in padded[t : t + 3]])
        hidden = (model.hidden.weight @ embedded + model.hidden.bias).clamp(min=0)
        expected = model.head.weight @ hidden + model.head.bias
        assert torch.allclose(logits[0, t], expected, atol=1e-6)
    assert model.token.weight.shape == (6, 4)


def test_a_window_of_one_token_is_the_least():
    assert ladder.Window(5, 1, 2, 3)(torch.zeros(1, 2, dtype=torch.long)).shape == (1, 2, 5)
    with pytest.raises(ValueError, match="at least 1 token, got 0"):
        ladder.Window(5, 0, 2, 3)


def test_a_recurrent_model_treats_sequences_by_themselves():
    torch.manual_seed(8)
    model = ladder.Recurrent(7, 4, 8)
    x = torch.randint(7, (3, 5))
    logits = model(x)
    for row, expected in zip(x, logits, strict=True):
        assert torch.allclose(model(row[None])[0], expected, atol=1e-6)
    cell = torch.nn.GRUCell(4, 8)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in model.rnn.state_dict().items()})
    state = torch.zeros(3, 8)
    for t in range(5):
        state = cell(model.token(x[:, t]), state)
        assert torch.allclose(model.head(state), logits[:, t], atol=1e-6)


def test_every_place_of_the_text_is_drawn():
    rng = torch.Generator().manual_seed(1)
    x, y = ladder.batch(torch.arange(7), 200, 4, rng)
    assert {row[0] for row in x.tolist()} == {0, 1, 2}
    assert y.max() == 6
    x, y = ladder.batch(torch.arange(5), 2, 4, rng)  # one window and its next token
    assert x.tolist() == [[0, 1, 2, 3]] * 2
    assert y.tolist() == [[1, 2, 3, 4]] * 2


def test_batches_are_those_of_the_generator():
    tokens = torch.arange(1000)
    first, again, other = (
        ladder.batch(tokens, 4, 8, torch.Generator().manual_seed(s))[0] for s in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("windows", [1, 127, 128, 129, 300])
def test_every_window_counts_the_same_in_the_mean_loss(windows):
    torch.manual_seed(9)
    model = ladder.Bigram(5)
    torch.nn.init.normal_(model.table.weight, std=3.0)
    tokens = torch.randint(5, (2 * windows + 2,))
    expected = F.cross_entropy(model(tokens[: 2 * windows]), tokens[1 : 2 * windows + 1])
    assert ladder.mean_loss(model, tokens, 2) == pytest.approx(expected.item(), rel=1e-5)


def test_the_mean_loss_keeps_no_graph_and_runs_parts_of_128_windows():
    sizes = []

    def model(x):
        sizes.append(len(x))
        assert not torch.is_grad_enabled()
        return torch.zeros(*x.shape, 4)

    loss = ladder.mean_loss(model, torch.zeros(601, dtype=torch.long), 2)
    assert loss == pytest.approx(math.log(4))
    assert sizes == [128, 128, 44]


class Note:
    """Notes what the optimizer is given before each step."""

    def __init__(self):
        self.rates = []
        self.norms = []
        self.group = {}

    def __call__(self, optimizer, *_):
        self.group = optimizer.param_groups[0]
        self.rates.append(self.group["lr"])
        grads = [p.grad.ravel() for p in self.group["params"]]
        self.norms.append(float(torch.cat(grads).norm()))
        assert isinstance(optimizer, torch.optim.AdamW)


def noted(model, tokens, *args, **options):
    note = Note()
    handle = register_optimizer_step_pre_hook(note)
    try:
        losses = ladder.train(model, tokens, *args, **options)
    finally:
        handle.remove()
    return note, losses


CYCLE = torch.arange(60) % 7


def test_the_rate_rises_over_a_tenth_of_the_steps_and_falls_to_a_tenth():
    note, _ = noted(ladder.Bigram(7), CYCLE, 40, 0.2, B=2, T=4)
    assert len(note.rates) == 40
    # a half cosine from 1 to 0.1, times 1/4, 2/4 and 3/4 in the first steps
    falling = [0.1 + 0.9 * (1 + math.cos(math.pi * k / 40)) / 2 for k in range(40)]
    assert note.rates[20] == pytest.approx(0.2 * 0.55)
    for k, (rate, share) in enumerate(zip(note.rates, falling, strict=True)):
        assert rate == pytest.approx(0.2 * share * min(1.0, (k + 1) / 4)), k
    assert note.group["weight_decay"] == 0.1
    assert note.group["betas"] == (0.9, 0.95)


@pytest.mark.parametrize("steps", [1, 5, 10, 19])
def test_a_short_run_starts_at_its_full_rate(steps):
    note, losses = noted(ladder.Bigram(7), CYCLE, steps, 0.2, B=2, T=4)
    assert note.rates[0] == pytest.approx(0.2)
    assert len(losses) == steps


def test_gradients_are_clipped_to_a_norm_of_one():
    model = ladder.Bigram(2)
    with torch.no_grad():
        model.table.weight[0] = torch.tensor([-30.0, 30.0])
    # every next token is wrong: the gradient of the only row is (-1, 1), of the norm root 2
    note, _ = noted(model, torch.zeros(40, dtype=torch.long), 3, 1e-3, B=2, T=4)
    assert note.norms == pytest.approx([1.0] * 3, rel=1e-4)
    note, _ = noted(ladder.Bigram(7), CYCLE, 1, 1e-3, B=50, T=7)
    assert note.norms[0] < 0.9  # smaller ones stay as they are


class Seen(ladder.Bigram):
    """A bigram table that notes its inputs and whether it is training."""

    def __init__(self, V):
        super().__init__(V)
        self.inputs = []
        self.modes = []

    def forward(self, x):
        self.inputs.append(x)
        self.modes.append(self.training)
        return super().forward(x)


def test_a_step_sees_32_windows_of_64_tokens_unless_others_are_given():
    tokens = torch.arange(200) % 7
    model = Seen(7)
    ladder.train(model, tokens, 2, 0.1)
    assert [tuple(x.shape) for x in model.inputs] == [(32, 64)] * 2
    model = Seen(7)
    ladder.train(model, tokens, 2, 0.1, B=3, T=5)
    assert [tuple(x.shape) for x in model.inputs] == [(3, 5)] * 2


def test_batches_follow_the_seed():
    tokens = torch.arange(500) % 97
    models = []
    for options in ({}, {"seed": 0}, {"seed": 1}):
        models.append(Seen(97))
        ladder.train(models[-1], tokens, 2, 0.1, B=3, T=5, **options)
    assert torch.equal(models[0].inputs[1], models[1].inputs[1])
    assert not torch.equal(models[1].inputs[1], models[2].inputs[1])
    assert not torch.equal(models[0].inputs[0], models[0].inputs[1])


def test_old_gradients_are_gone_before_a_step():
    a, b = ladder.Bigram(7), ladder.Bigram(7)
    a(CYCLE[None]).square().sum().backward()
    a.table.weight.grad = torch.ones(7, 7)
    losses = [ladder.train(model, CYCLE, 3, 0.1, B=2, T=4) for model in (a, b)]
    assert losses[0] == losses[1]
    assert torch.equal(a.table.weight, b.table.weight)


def test_losses_are_those_of_the_batches_before_their_steps():
    model = Seen(7)
    losses = ladder.train(model, CYCLE, 3, 0.1, B=2, T=4)
    assert losses[0] == pytest.approx(math.log(7))
    assert losses[2] < losses[1] < losses[0]


def test_held_out_losses_are_measured_in_evaluation_mode():
    model = Seen(7)
    curve = ladder.train(model, CYCLE, 5, 0.1, B=2, T=4, held_out=CYCLE[:9], every=2)
    assert len(curve) == 2
    assert model.modes == [True, True, False, True, True, False, True]
    assert model.training
    # the loss after all steps is that of the model as it is left
    last = ladder.train(Seen(7), CYCLE, 4, 0.1, B=2, T=4, held_out=CYCLE, every=4)
    other = Seen(7)
    ladder.train(other, CYCLE, 4, 0.1, B=2, T=4)
    assert last == [ladder.mean_loss(other, CYCLE, 4)]


def test_nothing_is_measured_without_held_out_text():
    assert ladder.train(ladder.Bigram(7), CYCLE, 4, 0.1, B=2, T=4, every=2) == []
    losses = ladder.train(ladder.Bigram(7), CYCLE, 4, 0.1, B=2, T=4, held_out=CYCLE)
    assert len(losses) == 4


@pytest.mark.parametrize(("steps", "rate"), [(0, 0.1), (-1, 0.1), (1, 0.0), (1, -0.1)])
def test_the_error_of_training_names_steps_and_rate(steps, rate):
    with pytest.raises(ValueError, match=f"got {steps} and {rate}"):
        ladder.train(ladder.Bigram(7), CYCLE, steps, rate, T=4)


@pytest.mark.parametrize("size", [4, 5])
def test_a_text_shorter_than_a_window_and_its_next_token_is_refused(size):
    tokens = torch.zeros(size, dtype=torch.long)
    with pytest.raises(ValueError, match=f"need 6, got {size}"):
        ladder.mean_loss(ladder.Bigram(2), tokens, 5)
    with pytest.raises(ValueError, match=f"need 6, got {size}"):
        ladder.batch(tokens, 1, 5, torch.Generator())


def test_rates_are_tried_on_nine_tenths_and_the_best_is_run_with_every_seed(monkeypatch):
    calls = []
    made = []

    def make():
        made.append(torch.initial_seed())
        return ladder.Bigram(3)

    def train(model, tokens, steps, rate, seed=0, **options):
        calls.append((len(tokens), steps, rate, seed, len(options["held_out"]), options["every"]))
        # the lowest point of a curve counts, not its end
        return {0.1: [3.0, 2.0, 2.5], 0.2: [1.0, 9.0, 9.0], 0.3: [2.0, 1.5, 1.23456]}[rate]

    monkeypatch.setattr(ladder, "train", train)
    tokens = torch.arange(107)
    result = ladder.tuned(make, tokens, tokens[:50], (0.1, 0.2, 0.3), (4, 5), 60, 20)
    trials = [(96, 60, rate, 4, 11, 20) for rate in (0.1, 0.2, 0.3)]
    assert calls == [*trials, (107, 60, 0.2, 4, 50, 20), (107, 60, 0.2, 5, 50, 20)]
    assert made == [4, 4, 4, 4, 5]
    assert result == {"rate": 0.2, "parameters": 9, "curves": [[1.0, 9.0, 9.0]] * 2}
    curves = ladder.tuned(make, tokens, tokens, (0.3,), (1,), 60, 20)["curves"]
    assert curves == [[2.0, 1.5, 1.2346]]


@pytest.mark.parametrize(("rates", "seeds"), [((), (0,)), ((0.1,), ()), ((), ())])
def test_a_search_without_a_rate_or_a_seed_is_refused(rates, seeds):
    with pytest.raises(ValueError, match="at least one rate and one seed"):
        ladder.tuned(None, None, None, rates, seeds, 1, 1)
