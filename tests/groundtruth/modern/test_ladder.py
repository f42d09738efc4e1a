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
