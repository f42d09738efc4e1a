"""Claims of the adapters and of the lora project, against the peft library where it has the same
thing.
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import pytest
import torch
from clikit.errors import UserError
from projects import adapter_files, adapters, gpt, lora, nf4
from projects.lora import Settings
from projects.runner import records
from projects.runner.settings import choose
from torch import nn

from tests.projects.test_gpt2 import published
from tests.projects.toy import trainer

BLOCK = ("attention.qkv", "attention.out", "mlp.up", "mlp.out")


def net(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 4)
    )


def stirred(model: nn.Module, seed: int = 5) -> nn.Module:
    """Adapters as after training: the zero update of the start would agree with anything."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in adapters.layers(model).values():
            layer.A.copy_(torch.randn(layer.A.shape, generator=rng))
            layer.B.copy_(torch.randn(layer.B.shape, generator=rng))
    return model


X = torch.randn(7, 64, generator=torch.Generator().manual_seed(1))


def test_the_first_step_starts_at_the_base_and_only_b_has_a_gradient():
    base = net()
    model = net()
    adapters.inject(model, ["0", "2"], r=4)
    assert torch.equal(base(X), model(X))
    model(X).square().sum().backward()
    for layer in adapters.layers(model).values():
        assert float(layer.A.grad.abs().max()) == 0
        assert float(layer.B.grad.abs().max()) > 0
    assert all(
        p.grad is None for name, p in model.named_parameters() if not name.endswith((".A", ".B"))
    )


def test_with_both_zero_nothing_ever_moves():
    model = net()
    adapters.inject(model, ["0"], r=2)
    layer = adapters.layers(model)["0"]
    nn.init.zeros_(layer.A)
    model(X).square().sum().backward()
    assert float(layer.A.grad.abs().max()) == float(layer.B.grad.abs().max()) == 0


def test_forward_merge_and_counts_are_those_of_peft():
    from peft import LoraConfig, get_peft_model

    ours = net()
    theirs = get_peft_model(
        net(), LoraConfig(r=4, lora_alpha=12, target_modules=["0", "2"], lora_dropout=0.0)
    )
    adapters.inject(ours, ["0", "2"], r=4, alpha=12)
    stirred(ours)
    with torch.no_grad():
        for name, layer in adapters.layers(ours).items():
            peft = theirs.base_model.model.get_submodule(name)
            peft.lora_A["default"].weight.copy_(layer.A)
            peft.lora_B["default"].weight.copy_(layer.B)
    assert torch.allclose(ours(X), theirs(X), atol=1e-6)
    assert (
        adapters.count(ours)[0]
        == theirs.get_nb_trainable_parameters()[0]
        == 4 * (64 + 32 + 32 + 16)
    )
    ours(X).square().sum().backward()
    theirs(X).square().sum().backward()
    for name, layer in adapters.layers(ours).items():
        peft = theirs.base_model.model.get_submodule(name)
        assert torch.allclose(
            layer.A.grad, peft.lora_A["default"].weight.grad, rtol=1e-5, atol=1e-5
        )
    adapters.merge(ours)
    merged = theirs.merge_and_unload()
    assert torch.allclose(
        adapters.layers(ours)["0"].base.weight, merged.get_submodule("0").weight, atol=1e-6
    )
    assert torch.allclose(ours(X), merged(X), atol=1e-5)


def test_peft_adapts_our_gpt_to_the_same_logits():
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    ours = gpt.GPT(gpt.Settings(tie=False), 13).eval()
    theirs = get_peft_model(
        copy.deepcopy(ours), LoraConfig(r=2, lora_alpha=2, target_modules=["qkv"], lora_dropout=0.0)
    ).eval()
    assert adapters.inject(ours, ["qkv"], r=2, alpha=2) == [
        "blocks.0.attention.qkv",
        "blocks.1.attention.qkv",
    ]
    stirred(ours)
    with torch.no_grad():
        for name, layer in adapters.layers(ours).items():
            theirs.base_model.model.get_submodule(name).lora_A["default"].weight.copy_(layer.A)
            theirs.base_model.model.get_submodule(name).lora_B["default"].weight.copy_(layer.B)
        tokens = torch.arange(13)[None]
        assert torch.allclose(ours(tokens), theirs(tokens), atol=1e-5)


def test_merged_is_unmerged_and_merging_twice_is_merging_once():
    model = net()
    adapters.inject(model, ["0", "2", "4"], r=3)
    stirred(model).eval()
    before = model(X).detach()
    weight = adapters.layers(model)["0"].base.weight.clone()
    adapters.merge(model)
    adapters.merge(model)
    assert torch.allclose(model(X), before, atol=1e-4 * float(before.abs().max()))
    adapters.unmerge(model)
    adapters.unmerge(model)
    assert torch.equal(adapters.layers(model)["0"].base.weight, weight)
    assert torch.equal(model(X), before)


def test_adapters_are_saved_swapped_and_refused_on_another_base():
    model = net()
    adapters.inject(model, ["0", "2"], r=2)
    saved = []
    answers = []
    for seed in (5, 6):
        stirred(model, seed)
        saved.append(adapter_files.adapter_state(model))
        answers.append(model(X).detach())
    adapter_files.load_adapter(model, saved[0])
    assert torch.equal(model(X), answers[0])
    assert not torch.equal(answers[0], answers[1])
    other = net(seed=1)
    adapters.inject(other, ["0", "2"], r=2)
    with pytest.raises(UserError, match="the adapter belongs to base"):
        adapter_files.load_adapter(other, saved[0])
    small = net()
    adapters.inject(small, ["0"], r=2)
    with pytest.raises(UserError, match="has the layers 0, 2, the model has adapters on 0"):
        adapter_files.load_adapter(small, {**saved[0], "base": adapters.base_hash(small)})
    adapters.merge(model)
    with pytest.raises(ValueError, match="an adapter is merged"):
        adapter_files.adapter_state(model)


def test_stacked_adapters_add_their_updates():
    model = net()
    adapters.inject(model, ["0"], r=2, alpha=6)
    states = []
    updates = []
    for seed in (5, 6):
        stirred(model, seed)
        states.append(adapter_files.adapter_state(model))
        updates.append(adapters.layers(model)["0"].update().detach())
    adapter_files.stack(model, states, [0.5, 2.0])
    assert torch.allclose(
        adapters.layers(model)["0"].update(), 0.5 * updates[0] + 2 * updates[1], atol=1e-4
    )
    assert adapters.layers(model)["0"].r == 4
    with pytest.raises(ValueError, match="one weight for each"):
        adapter_files.stack(model, states, [1.0])
    other = net(seed=1)
    adapters.inject(other, ["0"], r=2)
    with pytest.raises(UserError, match="the adapter belongs to base"):
        adapter_files.stack(other, states, [1.0, 1.0])


def test_switched_off_the_base_answers():
    model = net()
    adapters.inject(model, ["0", "2"], r=2)
    stirred(model)
    for layer in adapters.layers(model).values():
        layer.enabled = False
    assert torch.equal(model(X), net()(X))


def test_rank_stable_scaling_divides_by_the_root():
    assert adapters.LoRALinear(
        nn.Linear(64, 64), 16, alpha=8, rank_stable=True
    ).scale == pytest.approx(2.0)
    assert adapters.LoRALinear(nn.Linear(64, 64), 16, alpha=8).scale == 0.5


def test_the_best_update_of_a_rank_leaves_the_tail_of_the_spectrum():
    """Eckart and Young: with whitened inputs the excess error of rank r is the energy of the
    singular values left out.
    """
    torch.manual_seed(0)
    U, _, V = torch.linalg.svd(torch.randn(8, 8, dtype=torch.float64))
    s = torch.tensor([4.0, 2, 1, 0.5, 0, 0, 0, 0], dtype=torch.float64)
    D = U @ torch.diag(s) @ V
    for r in (1, 2):
        base = nn.Linear(8, 8, bias=False).double()
        layer = adapters.LoRALinear(base, r, alpha=r).double()
        target = base.weight.detach() + D
        optimizer = torch.optim.LBFGS(
            list(p for p in layer.parameters() if p.requires_grad),
            max_iter=500,
            line_search_fn="strong_wolfe",
        )
        nn.init.normal_(layer.B, std=0.1)

        def closure(layer=layer, optimizer=optimizer, target=target):
            optimizer.zero_grad()
            loss = (layer(torch.eye(8, dtype=torch.float64)) - target.T).square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        assert closure().item() == pytest.approx(float((s[r:] ** 2).sum()), rel=0.02)


# -- four bits ------------------------------------------------------------------------------------


def test_levels_are_the_published_normalfloat():
    """The table printed in the appendix of Dettmers et al. (2023)."""
    published = [
        -1.0,
        -0.6961928009986877,
        -0.5250730514526367,
        -0.39491748809814453,
        -0.28444138169288635,
        -0.18477343022823334,
        -0.09105003625154495,
        0.0,
        0.07958029955625534,
        0.16093020141124725,
        0.24611230194568634,
        0.33791524171829224,
        0.44070982933044434,
        0.5626170039176941,
        0.7229568362236023,
        1.0,
    ]
    assert adapters.levels().tolist() == pytest.approx(published, abs=1e-6)


def test_codes_are_the_nearest_levels_and_cost_half_a_byte():
    w = torch.randn(32, 64, generator=torch.Generator().manual_seed(0))
    codes, scales = adapters.quantize(w)
    back = adapters.dequantize(codes, scales, (32, 64))
    table = adapters.levels()
    blocks = w.reshape(-1, 64)
    nearest = (
        table[(blocks[..., None] / blocks.abs().amax(1)[:, None, None] - table).abs().argmin(-1)]
        * blocks.abs().amax(1)[:, None]
    )
    assert torch.allclose(back, nearest.reshape(32, 64), atol=1e-6)
    assert codes.numel() == w.numel() // 2
    assert codes.dtype == torch.uint8
    assert scales.numel() == w.numel() // 64
    assert float((back - w).abs().mean()) < 0.1


def test_normal_levels_beat_even_ones_on_normal_weights():
    w = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    codes, scales = adapters.quantize(w)
    ours = float((adapters.dequantize(codes, scales, (64, 64)) - w).square().mean())
    blocks = w.reshape(-1, 64)
    even = (blocks / scales[:, None] * 7).round() / 7 * scales[:, None]
    assert ours < float((even - blocks).square().mean())


def test_adapters_train_over_a_four_bit_base_and_cannot_be_merged_into_it():
    model = net()
    adapters.inject(model, ["0", "2"], r=2, four_bit=True)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 2 * (64 + 32 + 32 + 16)
    near = net()(X)
    assert float((model(X) - near).abs().mean()) < 0.15 * float(near.abs().mean())
    model(X).sum().backward()
    with pytest.raises(ValueError, match="four-bit base cannot take the update in"):
        adapters.merge(model)


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (
            lambda: adapters.LoRALinear(nn.Linear(4, 8), 5),
            "rank 5 does not fit a layer from 4 to 8; give 1 to 4",
        ),
        (lambda: adapters.LoRALinear(nn.Linear(4, 8), 0), "rank 0"),
        (lambda: adapters.quantize(torch.zeros(3, 5)), "15 weights do not split into blocks of 64"),
        (lambda: adapters.quantize(torch.full((64,), math.nan)), "not finite"),
    ],
)
def test_bad_input_is_told(do, message):
    with pytest.raises(ValueError, match=message):
        do()


def test_targets_that_match_nothing_are_told_with_the_layers_there_are():
    with pytest.raises(
        UserError,
        match=r"no linear layer ends in 'qvk'; did you mean 'qkv'(.|\n)*blocks.0.attention.qkv",
    ):
        adapters.inject(gpt.GPT(gpt.Settings(), 5), ["qvk"], r=2)


def test_each_target_has_to_match_a_layer():
    model = net()
    with pytest.raises(UserError, match="no linear layer ends in '7'\n"):
        adapters.inject(model, ["0", "7"], r=2)
    assert not adapters.layers(model)
    with pytest.raises(UserError, match="no linear layer ends in nothing"):
        adapters.inject(model, [], r=2)
    assert adapters.inject(model, ["2", "0"], r=2) == ["0", "2"]


# -- the project ----------------------------------------------------------------------------------


def made(**settings):
    return lora.build(choose(replace(Settings(), **settings), lora.PRESETS, "smoke"))


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("head", 128 * 10 + 10),
        ("bias", 128 + 128 + 10),
        ("lora", 4 * (64 + 128 + 128 + 128 + 128 + 10)),
        ("full", 26_122),
        ("none", 0),
    ],
)
def test_each_method_trains_what_it_says_and_nothing_else(tmp_path, method, expected):
    task = made(method=method)
    before = {name: p.clone() for name, p in task.model.named_parameters()}
    frozen = {
        name for name, p in task.model.named_parameters() if not p.requires_grad or method == "none"
    }
    card = trainer(tmp_path, task).run()
    assert card["trained"] == expected
    assert card["of"] == 26_122 + (expected if method == "lora" else 0)
    after = dict(task.model.named_parameters())
    assert all(torch.equal(after[name], before[name]) for name in frozen)
    assert all(not torch.equal(after[name], before[name]) for name in set(before) - frozen)


def test_training_helps_the_new_task_and_the_base_knew_the_old_one(tmp_path):
    task = made(method="full")
    before = task.evaluate(task.model.eval(), torch.device("cpu"))
    card = trainer(tmp_path, task).run()["metrics"]
    assert before["old_accuracy"] > 0.9 > 0.4 > before["new_accuracy"]
    assert card["new_accuracy"] > before["new_accuracy"] + 0.3
    assert "label" in task.sample(task.model, lora.Sample(), torch.device("cpu"))
    with pytest.raises(UserError, match="index=900 is not a test image"):
        task.sample(task.model, lora.Sample(index=900), torch.device("cpu"))


def test_without_pretraining_the_base_has_random_weights_and_the_same_images():
    changes = ["method=none", "pretrain_steps=0"]
    task = lora.build(choose(Settings(), lora.PRESETS, "smoke", changes))
    other = made(method="none")
    torch.manual_seed(0)
    fresh = lora.cnn.network("mlp", 8, lora.WIDTH, 10)
    assert all(
        torch.equal(p, q) for p, q in zip(task.model.parameters(), fresh.parameters(), strict=True)
    )
    assert torch.equal(task.few[0], other.few[0])
    assert task.evaluate(task.model.eval(), torch.device("cpu"))["old_accuracy"] < 0.4


def test_a_gpt_base_is_adapted_to_another_text(tmp_path):
    base = gpt.build(
        choose(
            gpt.Settings(),
            gpt.PRESETS,
            "smoke",
            ["corpus=sonnets", "layers=1", "width=16", "steps=30", "tie=true"],
        )
    )
    (tmp_path / "base").mkdir()
    run = trainer(tmp_path / "base", base)
    run.project = "gpt"
    run.run()
    from projects.runner import records

    records.write_run(tmp_path / "base", "gpt", "smoke", base.settings)
    task = made(start=str(tmp_path / "base"), corpus="sentence", steps=60)
    before = task.evaluate(task.model.eval(), torch.device("cpu"))
    after = trainer(tmp_path / "adapted", task).run()
    assert after["metrics"]["val_loss"] < before["val_loss"] - 0.1
    assert after["metrics"]["old_loss"] > before["old_loss"]
    assert set(adapters.layers(task.model)) == {
        "blocks.0.attention.qkv",
        "blocks.0.attention.out",
        "blocks.0.mlp.up",
        "blocks.0.mlp.out",
        "head",
    }
    tied = task.model.head.base.weight is not task.model.token.weight
    assert tied
    assert torch.equal(task.model.token.weight, base.model.token.weight)
    head = made(start=str(tmp_path / "base"), corpus="sentence", method="head")
    assert [name for name, p in head.model.named_parameters() if p.requires_grad] == ["head.weight"]
    assert head.model.head.weight is not head.model.token.weight
    with pytest.raises(UserError, match="cannot spell the corpus"):
        made(start=str(tmp_path / "base"), corpus="stdlib")


def test_the_published_comparison_is_of_one_base_and_says_what_the_page_concludes():
    """Every run starts from one base and one text; for each adapter run there is a full one that is
    better at old and new.
    """
    card = records.read_card("_assets/results/lora-gpt.json")
    runs = {run["name"]: run for run in card["runs"]}
    assert card["project"] == "lora"
    assert card["settings"]["corpus"] == "sonnets"
    assert runs["none"]["trained"] == 0
    full = [run["metrics"] for name, run in runs.items() if name.startswith("full")]
    for name, run in runs.items():
        if name.startswith(
            "r"
        ):  # r (d + k) of each of the four matrices of eight blocks, and of the head
            r = run["settings"]["rank"]
            assert run["trained"] == r * (
                8 * (512 + 1536 + 512 + 512 + 512 + 2048 + 2048 + 512) + 512 + 8192
            ), name
        if name.startswith(("r", "head")):
            assert any(
                f["val_loss"] < run["metrics"]["val_loss"]
                and f["old_loss"] < run["metrics"]["old_loss"]
                for f in full
            ), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "adapter"}, "method='adapter' is not one of"),
        ({"rank": 0}, "at least 1"),
        ({"labels_per_class": 0}, "at least 1"),
        ({"pretrain_steps": -1}, "pretrain_steps=-1 must be at least 0"),
        ({"alpha": 0.0}, "must be positive"),
        ({"four_bit": True, "method": "full"}, "needs method=lora"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        replace(Settings(), **changes).check()


# -- the review's mutants and hostile input --------------------------------------------------------


def adapted_net(r: int = 2, **options) -> nn.Sequential:
    model = net()
    adapters.inject(model, ["0", "2"], r=r, **options)
    return model


def test_the_fingerprint_is_that_of_the_base_whatever_the_targets():
    plain = adapters.base_hash(net())
    assert adapters.base_hash(adapted_net()) == plain
    one = net()
    adapters.inject(one, ["0"], r=2)
    assert adapters.base_hash(one) == plain
    assert adapters.base_hash(net(seed=1)) != plain
    assert adapters.base_hash(net().bfloat16()) != plain
    other_bias = net()
    with torch.no_grad():
        other_bias[0].bias[0] += 1
    assert adapters.base_hash(other_bias) != plain
    adapters.merge(one)
    with pytest.raises(ValueError, match="unmerge first"):
        adapters.base_hash(one)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_base_of_another_precision_is_adapted_saved_and_merged(tmp_path, dtype):
    model = net().to(dtype)
    adapters.inject(model, ["0", "2"], r=2)
    stirred(model)
    with torch.no_grad():  # of ordinary size: sums of large terms round more
        for adapted in adapters.layers(model).values():
            adapted.A /= adapted.A.shape[1] ** 0.5
    layer = adapters.layers(model)["0"]
    assert layer.A.dtype == torch.promote_types(dtype, torch.float32)
    x = X.to(dtype)
    y = model(x)
    assert y.dtype == dtype
    y.float().square().sum().backward()
    assert bool(layer.B.grad.abs().max() > 0)
    wide = net().to(dtype).double()
    adapter = adapter_files.adapter_state(model)
    adapters.inject(wide, ["0", "2"], r=2)
    adapter_files.load_adapter(wide, {**adapter, "base": adapters.base_hash(wide)})
    exact = wide(x.double())
    error = float((y - exact).abs().max() / exact.abs().max())
    assert error < 8 * torch.finfo(dtype).eps
    adapters.merge(model)
    assert layer.base.weight.dtype == dtype
    assert float((model(x) - exact).abs().max() / exact.abs().max()) < 8 * torch.finfo(dtype).eps
    adapters.unmerge(model)
    assert torch.equal(model(x), y)


def test_a_second_group_of_adapters_leaves_the_first_trainable():
    model = net()
    adapters.inject(model, ["0"], r=2)
    assert adapters.inject(model, ["2"], r=3) == ["2"]
    assert adapters.count(model)[0] == 2 * (64 + 32) + 3 * (32 + 16)
    with pytest.raises(UserError, match="no linear layer ends in 'base'"):
        adapters.inject(model, ["base"], r=2)


def test_an_injection_that_does_not_fit_changes_nothing():
    model = net()
    with pytest.raises(UserError, match="rank=5 does not fit the layer 4, from 16 to 4"):
        adapters.inject(model, ["0", "2", "4"], r=5)
    odd = nn.Sequential(nn.Linear(64, 32), nn.Linear(32, 3))
    with pytest.raises(UserError, match="the layer 1 cannot be stored in four bits"):
        adapters.inject(odd, ["0", "1"], r=2, four_bit=True)
    for untouched in (model, odd):
        assert not adapters.layers(untouched)
        assert all(p.requires_grad for p in untouched.parameters())


class Twice(nn.Module):
    """One layer in two places."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a = nn.Linear(8, 8)
        self.b = self.a

    def forward(self, x):
        return self.b(self.a(x).tanh())


@pytest.mark.parametrize("target", ["a", "b"])
def test_a_layer_in_two_places_has_one_adapter_in_both(target):
    model = Twice()
    plain = adapters.base_hash(model)
    assert adapters.inject(model, [target], r=2) == ["a"]
    assert model.a is model.b
    assert adapters.base_hash(model) == plain
    stirred(model)
    x = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    before = model(x)
    adapters.unload(model)
    assert type(model.a) is nn.Linear
    assert model.a is model.b
    assert torch.allclose(model(x), before, atol=1e-4)


def test_a_merged_model_is_not_saved_as_if_it_were_not():
    model = stirred(adapted_net())
    adapters.merge(model)
    with pytest.raises(ValueError, match="unmerge first, or unload"):
        model.state_dict()
    with pytest.raises(ValueError, match="unmerge before switching"):
        adapters.switch(model, on=False)
    adapters.unmerge(model)
    fresh = adapted_net()
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh(X), model(X))


def test_unloaded_is_a_plain_model_with_the_adapted_answers():
    model = stirred(adapted_net())
    before = model(X).detach()
    adapters.unload(model)
    plain = net(seed=1)
    plain.load_state_dict(model.state_dict())
    assert torch.allclose(plain(X), before, atol=1e-4 * float(before.abs().max()))


def test_a_head_that_shares_its_weight_is_not_unloaded():
    model = gpt.GPT(gpt.Settings(tie=True, layers=1), 11)
    adapters.inject(model, ["head"], r=2)
    with pytest.raises(ValueError, match=r"the weight of head is shared: .*token.weight"):
        adapters.unload(model)


def test_a_switched_off_adapter_is_not_merged():
    model = stirred(adapted_net())
    adapters.switch(model, on=False)
    adapters.merge(model)
    assert torch.equal(model(X), net()(X))
    adapters.switch(model, on=True)
    assert not torch.equal(model(X), net()(X))


def test_a_target_matches_whole_names_only():
    model = nn.ModuleDict({str(i): nn.Linear(8, 8) for i in range(11)})
    assert adapters.inject(model, ["0"], r=2) == ["0"]


def test_dropout_acts_on_the_update_in_training_only():
    layer = adapters.LoRALinear(nn.Linear(64, 32), r=2, dropout=0.5)
    nn.init.normal_(layer.B)
    torch.manual_seed(0)
    assert not torch.equal(layer(X), layer(X))
    layer.eval()
    assert torch.equal(layer(X), layer(X))


def test_the_first_factor_starts_uniform_within_one_over_the_root_of_d():
    A = adapters.LoRALinear(nn.Linear(1024, 64), r=64).A.detach()
    assert float(A.abs().max()) <= 1024**-0.5
    assert float(A.std()) == pytest.approx(1024**-0.5 / math.sqrt(3), rel=0.02)


def test_a_four_bit_layer_counts_its_weights():
    assert adapters.count(adapted_net(four_bit=True))[1] == (
        adapters.count(net())[1] + 2 * (64 + 32 + 32 + 16)
    )


# -- files -----------------------------------------------------------------------------------------


def test_a_file_holds_the_adapter_its_rank_and_its_scale(tmp_path):
    model = stirred(adapted_net(r=3, alpha=12))
    path = tmp_path / "first.pt"
    adapter_files.save(model, path)
    state = adapter_files.read(path)
    answers = model(X)
    plain = net()
    assert adapter_files.attach(plain, state) == ["0", "2"]
    assert torch.equal(plain(X), answers)
    assert adapters.layers(plain)["0"].scale == 4
    swapped = adapted_net(r=2, alpha=8)
    adapter_files.stack(swapped, [adapter_files.adapter_state(swapped)] * 2, [1.0, 1.0])
    adapter_files.load_adapter(swapped, state)
    assert torch.equal(swapped(X), answers)


def spoiled(**changes):
    return {"format": adapter_files.FORMAT, **adapter_files.adapter_state(adapted_net()), **changes}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (b"PK\x03\x04 cut off", "is damaged or not an adapter"),
        ({"format": "another"}, "its format is not"),
        (spoiled(base=7), "needs the parts base, scale and tensors"),
        (spoiled(scale={}), "each layer needs a scale, A and B"),
        (spoiled(scale={"0": math.nan, "2": 1.0}), "the scale of 0 is nan"),
        (
            spoiled(tensors={f"{n}.{p}": torch.tensor([[math.nan]]) for n in "02" for p in "AB"}),
            "0.A holds a number that is not finite",
        ),
    ],
)
def test_a_file_that_is_not_an_adapter_is_refused(tmp_path, content, message):
    path = tmp_path / "adapter.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(UserError, match=message):
        adapter_files.read(path)


def test_factors_that_do_not_fit_the_layer_are_refused():
    state = adapter_files.adapter_state(adapted_net())
    state["tensors"]["2.A"] = torch.zeros(2, 31)
    with pytest.raises(UserError, match=r"2 has A \(2, 31\)"):
        adapter_files.load_adapter(adapted_net(), state)


# -- four bits, memory -----------------------------------------------------------------------------


def test_a_block_of_zeros_and_a_tiny_one_are_stored():
    w = torch.zeros(2, 64)
    w[1] = 1e-20
    back = nf4.dequantize(*nf4.quantize(w), (2, 64))
    assert torch.equal(back, w)
    with pytest.raises(ValueError, match="blocks of 0"):
        nf4.quantize(w, 0)


def test_only_codes_and_scales_wait_for_the_backward_pass():
    layer = nf4.FourBitLinear(nn.Linear(64, 32))
    x = X.clone().requires_grad_()
    shapes = []

    def note(tensor):
        shapes.append(tensor.numel() * tensor.element_size())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        y = layer(x)
    assert sum(shapes) == 64 * 32 // 2 + 4 * 64 * 32 // 64
    G = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    y.backward(G)
    assert torch.allclose(x.grad, G @ layer.weight, atol=1e-6)


# -- settings reach the adapter --------------------------------------------------------------------


def test_the_settings_of_the_adapter_reach_it():
    layer = adapters.layers(made(alpha=16.0, adapter_dropout=0.25).model)["head"]
    assert (layer.scale, layer.drop.p) == (4, 0.25)
    packed = adapters.layers(made(four_bit=True, targets="body.1,body.3").model)
    assert set(packed) == {"body.1", "body.3"}
    assert all(isinstance(layer.base, nf4.FourBitLinear) for layer in packed.values())
    with pytest.raises(UserError, match="rank=20 does not fit the layer head, from 128 to 10"):
        made(rank=20)


def test_old_and_new_accuracy_are_of_the_test_images_upright_and_rotated():
    task = made(method="none")
    metrics = task.evaluate(task.model.eval(), torch.device("cpu"))
    images, y = task.parts["test"]
    for name, turns in (("old", 0), ("new", 1)):
        x = (images.rot90(turns, (2, 3)) - task.mean) / task.sd
        accuracy = float((task.model(x).argmax(1) == y).float().mean())
        assert metrics[f"{name}_accuracy"] == pytest.approx(accuracy)


def test_an_adapter_of_a_run_is_saved_and_started_from(tmp_path):
    task = made()
    stirred(task.model)
    path = tmp_path / "adapter.pt"
    text = task.sample(task.model, lora.Sample(save=str(path)), torch.device("cpu"))
    assert "2,344 numbers" in text
    again = made(adapter=str(path), rank=1)
    assert torch.equal(
        adapters.layers(again.model)["head"].update(), adapters.layers(task.model)["head"].update()
    )
    assert adapters.count(made(adapter=str(path), method="none").model)[0] == 0
    with pytest.raises(UserError, match="no adapter to save"):
        made(method="head").sample(net(), lora.Sample(save=str(path)), torch.device("cpu"))


# -- a published GPT-2 -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt2")
    return folder, published(folder)


def over(folder, **settings):
    return made(base=str(folder), corpus="sonnets", context=24, **settings)


def test_a_published_gpt2_starts_at_its_own_logits_and_is_adapted(hub, tmp_path):
    folder, theirs = hub
    task = over(folder, steps=2, save_every=2, eval_every=2)
    tokens = torch.randint(300, (2, 24), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = theirs(tokens).logits[..., :-1]
        assert float(expected.std()) > 1
        assert float((task.model(tokens) - expected).abs().max()) < 1e-4
    blocks = [f"blocks.{i}.{part}" for i in (0, 1) for part in BLOCK]
    assert list(adapters.layers(task.model)) == blocks
    assert task.model.head.weight is task.model.token.weight
    card = trainer(tmp_path, task).run()
    assert card["trained"] == 4 * 2 * (32 + 96 + 32 + 32 + 32 + 128 + 128 + 32)
    assert "old_loss" not in card["metrics"]
    stirred(task.model)
    path = tmp_path / "adapter.pt"
    adapter_files.save(task.model, path)
    with torch.no_grad():
        adapted = task.model(tokens)
        again = over(folder, adapter=str(path)).model
        assert torch.equal(again(tokens), adapted)
        adapters.unload(again)
        gap = float((again(tokens) - adapted).abs().max())
    assert gap < 1e-3 * float(adapted.abs().max())
    assert again.head.weight is again.token.weight


def test_a_head_named_as_target_is_untied_and_another_text_is_the_old_one(hub, monkeypatch):
    folder, _ = hub
    task = over(folder, targets="head", old_corpus="sonnets")
    assert task.model.head.base.weight is not task.model.token.weight
    assert set(task.evaluate(task.model, torch.device("cpu"))) >= {"old_loss", "val_loss"}
    with pytest.raises(UserError, match="needs context=32"):
        made(base=str(folder), corpus="sonnets", context=40)
    monkeypatch.setattr(gpt.corpora, "split", lambda name: ("too short", "too"))
    with pytest.raises(UserError, match=r"training text has \d tokens, a window needs 25"):
        over(folder)


def test_a_published_gpt2_in_16_bits_trains_adapters_in_32(hub):
    folder, _ = hub
    task = over(folder, half=True)
    layer = adapters.layers(task.model)["blocks.0.attention.qkv"]
    assert (layer.base.weight.dtype, layer.B.dtype) == (torch.bfloat16, torch.float32)
    loss = task.loss(task.model, task.batch(0))
    loss.backward()
    assert bool(layer.B.grad.abs().max() > 0)
    plain = over(folder)
    assert float(loss) == pytest.approx(float(plain.loss(plain.model, plain.batch(0))), rel=0.02)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base": "a", "start": "b"}, "name a base each"),
        ({"context": 8}, "with base=FOLDER only"),
        ({"half": True}, "needs method=lora and a language model"),
        ({"adapter": "a", "method": "full"}, "needs method=lora, or none"),
    ],
)
def test_bases_and_adapters_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        replace(Settings(), **changes).check()


def test_a_damaged_base_is_told_as_a_base(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    records.write_run(folder, "gpt", "smoke", gpt.Settings(corpus="sentence"))
    (folder / "best.pt").write_bytes(b"PK cut off")
    with pytest.raises(UserError, match="is damaged") as caught:
        made(start=str(folder), corpus="sonnets")
    assert caught.value.fix == "start from another run of gpt"
