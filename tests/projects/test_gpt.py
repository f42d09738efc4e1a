"""Claims of the gpt project, against Hugging Face GPT-2, against our NumPy library, and against
counting.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from clikit.errors import UserError
from groundtruth.networks.positions import rope
from projects import corpora, gpt, gpt2
from projects.gpt import GPT, Settings
from projects.runner import devices, processes, records
from projects.runner.cli import main
from projects.runner.settings import choose
from projects.runner.training import Trainer
from torch import nn

from tests.bench import writing
from tests.conftest import ROOT

MODERN = {"norm": "rms", "positions": "rope", "mlp": "swiglu", "kv_heads": 2, "bias": False}
KINDS = {
    "plain": {},
    "modern": MODERN,
    "untied": {"tie": False},
    "no positions": {"positions": "none"},
    "one key head": {"kv_heads": 1},
}


def model(V: int = 11, seed: int = 0, **settings) -> GPT:
    torch.manual_seed(seed)
    made = GPT(replace(Settings(width=32, context=16, heads=4), **settings), V).eval()
    for p in (
        made.parameters()
    ):  # the small start hides mistakes: logits would be near 0 whatever is computed
        torch.nn.init.normal_(p, std=0.3)
    return made


def tokens(B: int = 3, T: int = 16, V: int = 11, seed: int = 1) -> torch.Tensor:
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(seed))


def test_the_description_names_every_corpus():
    assert gpt.__doc__ is not None
    missing = [name for name in corpora.NAMES if f"`{name}`" not in gpt.__doc__]
    assert missing == []


def test_the_forward_pass_is_that_of_hugging_faces_gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=101,
            n_positions=32,
            n_embd=48,
            n_layer=3,
            n_head=4,
            attn_pdrop=0,
            embd_pdrop=0,
            resid_pdrop=0,
        )
    ).eval()
    for p in theirs.parameters():
        torch.nn.init.normal_(p, std=0.2)
    ours = GPT(Settings(width=48, context=32, heads=4, layers=3), 101).eval()
    gpt2.copy_weights(ours, theirs.state_dict())
    x = tokens(2, 32, 101)
    with torch.no_grad():
        gap = float((ours(x) - theirs(x).logits).abs().max())
        loss = float(theirs(x, labels=x).loss)  # they shift the targets themselves
        assert gap < 1e-4 * float(theirs(x).logits.abs().max())
        assert float(
            F.cross_entropy(ours(x)[:, :-1].flatten(0, 1), x[:, 1:].flatten())
        ) == pytest.approx(loss, abs=1e-5)


@pytest.fixture
def every_warning():
    """torch says most of its warnings once a process; here each time, and as an error."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    torch.set_warn_always(before)


@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_norms_are_torchs_and_warn_of_nothing_in_bf16(every_warning, norm):
    ours = gpt._norm(Settings(width=32, norm=norm, bias=False))
    theirs = nn.RMSNorm(32, eps=1e-5) if norm == "rms" else nn.LayerNorm(32, bias=False)
    torch.nn.init.normal_(ours.weight)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 5, 32)
    assert torch.equal(ours(x), theirs(x))
    with torch.autocast("cpu", torch.bfloat16):
        found = ours(x.bfloat16())
    torch.testing.assert_close(
        found.float(), theirs(x), rtol=2**-6, atol=2**-6
    )  # three roundings to eight bits
    with torch.autocast("cpu", torch.bfloat16):
        model(norm=norm).train()(tokens(), tokens()).backward()


def test_greedy_text_is_that_of_hugging_faces_generate():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=50,
            n_positions=32,
            n_embd=32,
            n_layer=2,
            n_head=4,
            bos_token_id=0,
            eos_token_id=None,
        )
    ).eval()
    for p in theirs.parameters():
        torch.nn.init.normal_(p, std=0.3)
    ours = GPT(Settings(width=32, context=32, heads=4), 50).eval()
    gpt2.copy_weights(ours, theirs.state_dict())
    start = tokens(1, 5, 50)
    expected = theirs.generate(start, max_new_tokens=20, do_sample=False, pad_token_id=0)
    assert ours.generate(start, 20, temperature=0).tolist() == expected.tolist()


def formula(V: int, T: int, d: int, L: int) -> int:
    return V * d + T * d + L * (12 * d * d + 13 * d) + 2 * d + d * V + V


@pytest.mark.parametrize(("V", "T", "d", "L"), [(13, 32, 64, 2), (7, 5, 8, 1), (100, 64, 32, 6)])
def test_parameters_are_counted_by_the_formula(V, T, d, L):
    made = GPT(Settings(width=d, context=T, layers=L, heads=2, tie=False), V)
    assert sum(p.numel() for p in made.parameters()) == formula(V, T, d, L)


def test_gpt2_small_has_the_parameters_it_is_known_for():
    with torch.device("meta"):
        made = GPT(Settings(width=768, context=1024, layers=12, heads=12), 50257)
    assert sum(p.numel() for p in made.parameters()) == 124_439_808


@pytest.mark.parametrize("kind", KINDS)
def test_the_past_does_not_see_the_future(kind):
    made = model(**KINDS[kind])
    x = tokens()
    changed = x.clone()
    changed[:, 9] = (changed[:, 9] + 1) % 11
    with torch.no_grad():
        before = made(x)
        after = made(changed)
    assert torch.allclose(before[:, :9], after[:, :9], atol=1e-6)
    assert not torch.allclose(before[:, 9:], after[:, 9:], atol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_cached_keys_and_values_give_the_logits_of_recomputation(kind):
    made = model(**KINDS[kind])
    x = tokens()
    with torch.no_grad():
        whole = made(x)
        for cuts in ((0, 5, 6, 16), (0, 1, 2, 16), (0, 15, 16)):
            cache = None
            parts = []
            for a, b in pairwise(cuts):
                keep: gpt.Cache = []
                parts.append(made(x[:, a:b], cache=cache, new_cache=keep))
                cache = keep
            assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-4), cuts


@pytest.mark.parametrize("kind", KINDS)
def test_generation_is_the_same_with_and_without_the_cache_past_the_window_too(kind):
    made = model(**KINDS[kind])
    start = tokens(2, 3)
    texts = [
        made.generate(start, 30, 0.9, rng=torch.Generator().manual_seed(5), cached=cached)
        for cached in (True, False)
    ]
    assert texts[0].shape == (2, 33)
    assert torch.equal(*texts)


def test_rotation_is_the_librarys_and_scores_depend_on_the_distance_alone():
    x = torch.randn(2, 3, 7, 8, generator=torch.Generator().manual_seed(0))
    assert np.allclose(gpt.apply_rope(x, 4).numpy(), rope(x.numpy(), np.arange(4, 11)), atol=1e-5)
    q = x[:1, :1, :1]
    k = x[1:, :1, :1]
    score = [float((gpt.apply_rope(q, s + 3) * gpt.apply_rope(k, s)).sum()) for s in (0, 5, 90)]
    assert score == pytest.approx([score[0]] * 3, abs=1e-4)


def test_attention_is_the_formula_written_out():
    made = model().blocks[0].attention
    x = torch.randn(2, 6, 32, generator=torch.Generator().manual_seed(0))
    q, k, v = made.qkv(x).view(2, 6, 3, 4, 8).permute(2, 0, 3, 1, 4)
    scores = q @ k.transpose(-1, -2) / math.sqrt(8)
    scores = scores.masked_fill(torch.ones(6, 6).triu(1).bool(), -math.inf)
    y = made.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(2, 6, 32))
    assert torch.allclose(made(x)[0], y, atol=1e-5)


@pytest.mark.parametrize("kind", ["plain", "modern"])
def test_the_maps_shown_are_the_weights_used(kind):
    """The attention's output is the maps times the values, and every row is a distribution over the
    past.
    """
    made = model(**KINDS[kind])
    x = tokens()
    seen = []
    module = made.blocks[1].attention
    hook = module.register_forward_hook(
        lambda _, inputs, output: seen.append((inputs[0], output[0]))
    )
    maps = gpt.attention_maps(made, x)
    hook.remove()
    (inside, out) = seen[0]
    KV = module.kv_heads
    v = module.qkv(inside).view(3, 16, -1, 8).transpose(1, 2)[:, -KV:].repeat_interleave(4 // KV, 1)
    assert torch.allclose(
        module.out((maps[1] @ v).transpose(1, 2).reshape(3, 16, 32)), out, atol=1e-5
    )
    assert len(maps) == 2
    assert torch.allclose(maps[0].sum(-1), torch.ones(3, 4, 16))
    assert float(maps[0].triu(1).abs().max()) == 0


def test_the_mean_of_a_batch_does_not_depend_on_its_order():
    made = model()
    x = tokens(5)
    with torch.no_grad():
        a = made(x[:, :-1], x[:, 1:])
        b = made(x.flip(0)[:, :-1], x.flip(0)[:, 1:])
    assert float(a) == pytest.approx(float(b), abs=1e-5)


def test_a_fresh_model_knows_nothing():
    task = gpt.build(choose(Settings(), gpt.PRESETS, "smoke"))
    with torch.no_grad():
        assert float(task.loss(task.model, task.batch(0))) == pytest.approx(math.log(13), abs=0.1)


def test_the_stream_does_not_grow_with_depth_at_the_start():
    """2 L contributions of variance proportional to 1 / 2 L."""
    spread = []
    for L in (2, 8, 32):
        torch.manual_seed(0)
        made = GPT(Settings(layers=L, width=64), 50)
        seen = []
        made.norm.register_forward_pre_hook(
            lambda _, x, seen=seen: seen.append(float(x[0].detach().std()))
        )
        made(tokens(4, 32, 50))
        spread.append(seen[0])
    assert max(spread) < 1.2 * min(spread)


# -- sampling -------------------------------------------------------------------------------------


def test_filters_keep_the_likeliest_tokens_and_their_proportions():
    p = torch.tensor([0.5, 0.25, 0.15, 0.07, 0.03])
    logits = p.log() + 3.0
    assert torch.allclose(gpt.next_token_probs(logits), p)
    assert torch.allclose(
        gpt.next_token_probs(logits, top_k=2), torch.tensor([2 / 3, 1 / 3, 0, 0, 0])
    )
    assert torch.allclose(
        gpt.next_token_probs(logits, top_p=0.7), torch.tensor([2 / 3, 1 / 3, 0, 0, 0])
    )
    assert torch.allclose(
        gpt.next_token_probs(logits, top_p=0.76), torch.tensor([0.5, 0.25, 0.15, 0, 0]) / 0.9
    )
    assert gpt.next_token_probs(logits, top_p=1e-9).tolist() == [1, 0, 0, 0, 0]
    cold = gpt.next_token_probs(logits, temperature=0.5)
    assert torch.allclose(cold, p**2 / (p**2).sum())


def test_filters_agree_with_those_of_transformers():
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    logits = torch.randn(20, 50, generator=torch.Generator().manual_seed(0)) * 2
    theirs = TopPLogitsWarper(0.8)(
        None, TopKLogitsWarper(20)(None, TemperatureLogitsWarper(0.7)(None, logits.clone()))
    )
    assert torch.allclose(gpt.next_token_probs(logits, 0.7, 20, 0.8), theirs.softmax(-1), atol=1e-6)


def test_draws_follow_the_filtered_distribution():
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]]).expand(20_000, 4)
    drawn = gpt.sample_token(logits, 1.0, 3, 1.0, torch.Generator().manual_seed(0)).flatten()
    shares = torch.bincount(drawn, minlength=4) / len(drawn)
    assert torch.allclose(shares, gpt.next_token_probs(logits[0], 1.0, 3), atol=0.015)


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda: gpt.next_token_probs(torch.zeros(3), temperature=0), "temperature > 0"),
        (lambda: gpt.next_token_probs(torch.zeros(3), top_k=-1), "top_k >= 0"),
        (lambda: gpt.next_token_probs(torch.zeros(3), top_p=0), "0 < top_p <= 1"),
        (lambda: model()(tokens(1, 17)), "17 positions, but the model has learned 16"),
        (lambda: model().generate(torch.zeros(1, 0, dtype=torch.long), 3), "the prompt is empty"),
    ],
)
def test_bad_input_is_told(do, message):
    with pytest.raises(ValueError, match=message):
        do()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm": "batch"}, "norm='batch' is not one of"),
        ({"heads": 3}, "does not split into 3 heads"),
        ({"positions": "rope", "width": 60, "heads": 4}, "even size"),
        ({"kv_heads": 3}, "does not divide 4 heads"),
        ({"dropout": 1.0}, "below 1"),
        ({"merges": -1}, "must not be negative"),
        ({"layers": 0}, "at least 1"),
    ],
)
def test_settings_that_make_no_model_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        replace(Settings(), **changes).check()


# -- data -----------------------------------------------------------------------------------------


def test_held_out_sonnets_are_whole_and_not_among_those_trained_on():
    train, held = corpora.split("sonnets")
    poems = corpora.documents("sonnets")
    assert len(poems) == 154
    assert poems[17].startswith("Shall I compare thee to a summer's day?")
    assert [len(p.splitlines()) for p in poems].count(
        14
    ) == 152  # number 99 has 15 lines, 126 has 12
    assert sum(poem in held for poem in poems) == 15
    assert all((poem in train) != (poem in held) for poem in poems)


def test_a_file_gives_its_last_tenth_and_a_folder_every_tenth_document(tmp_path):
    for i in range(20):
        (tmp_path / f"{i:02}.txt").write_text(f"document number {i}")
    train, held = corpora.split(str(tmp_path))
    assert held.split("\n\n") == ["document number 9", "document number 19\n"]
    assert "number 9" not in train
    (tmp_path / "one.txt").write_text("0123456789" * 10)
    train, held = corpora.split(str(tmp_path / "one.txt"))
    assert train + held == "0123456789" * 10 + "\n"
    assert len(held) == 11


def test_the_standard_library_is_a_large_corpus():
    assert sum(map(len, corpora.documents("stdlib"))) > 5_000_000


def test_held_out_documents_quote_the_others_where_the_page_says_so():
    assert corpora.overlap(*corpora.split("sonnets")) == 0
    assert 0.05 < corpora.overlap(*corpora.split("stdlib"), count=100) < 0.25
    assert corpora.overlap("abc", "abcabc", 3, 4) == 0.5
    for bad in (("abc", "ab", 3, 1), ("abc", "abc", 0, 1), ("abc", "abc", 3, 0)):
        with pytest.raises(ValueError, match="at least one stretch"):
            corpora.overlap(*bad)


def test_echoes_repeat_words_of_six_to_twelve_letters_and_nothing_else():
    texts = corpora.documents("echo")
    assert texts == corpora.echoes(4000)
    assert len(set(texts)) > 3990
    assert {len(text) for text in texts} == {40}
    periods = [next(p for p in range(1, 41) if text[p:] == text[:-p]) for text in texts]
    assert set(periods) == set(range(6, 13))
    assert set("".join(texts)) == set("abcdefghijklmnop")
    train, held = corpora.split("echo")
    assert not set(train.split()) & set(held.split())
    for bad in ((0, 40), (3, 12)):
        with pytest.raises(ValueError, match="at least 1 text of 13 letters"):
            corpora.echoes(*bad)


def test_the_published_echo_says_what_the_page_concludes():
    """One layer has stopped falling; two begin no lower, and end far below."""
    one, two = (run["curve"] for run in records.read_card("_assets/results/gpt-echo.json")["runs"])
    assert [step for step, _ in one] == [step for step, _ in two] == list(range(75, 1501, 75))
    assert abs(one[9][1] - one[-1][1]) < 0.03
    assert two[0][1] > one[0][1]
    assert two[-1][1] < one[-1][1] - 0.5


def test_the_published_texts_are_of_the_laptop_run_and_grow_more_like_words():
    card = records.read_card("_assets/results/gpt-writing.json")
    laptop = records.read_card("_assets/results/gpt-laptop.json")
    first = dict(map(tuple, laptop["curve"][0]))
    for key, value in laptop["settings"].items():
        assert key in ("save_every", "keep") or card["settings"][key] == value
    assert [point["val_loss"] for point in card["points"]] == [first[s] for s in (50, 150, 450)]
    for point in card["points"]:
        known = [text["known_words"] for text in point["texts"]]
        assert known == sorted(known, reverse=True)  # the warmer, the fewer words
    for early, late in pairwise(card["points"]):
        for a, b in zip(early["texts"], late["texts"], strict=True):
            assert a["known_words"] < b["known_words"]
            assert a["text"].startswith(card["prompt"])


def test_the_texts_of_the_card_are_known_by_their_whole_words():
    assert writing.known_words(["love loves", "lovely is so"], "Love is") == 2 / 3


def test_the_commands_on_the_page_train_go_on_and_sample(tmp_path, monkeypatch):
    page = (ROOT / "book" / "capstones" / "gpt.md").read_text()
    block = page.split("```{code-block} bash\n")[1].split("```")[0]
    commands = [line.split()[3:] for line in block.splitlines()]
    assert [words[0] for words in commands] == ["run", "resume", "sample", "serve"]
    monkeypatch.chdir(tmp_path)
    Path("my.txt").write_text("it was the best of times, it was the worst of times. " * 40)
    small = ["steps=2", "layers=1", "width=16", "eval_windows=2", "batch_size=2"]
    extra = {
        "run": [word for pair in small for word in ("--set", pair)],
        "resume": ["--set", "steps=3"],
        "sample": ["--set", "length=5"],
    }
    for words in commands[:3]:
        result = CliRunner().invoke(main, [*words, *extra[words[0]], "--device", "cpu"])
        assert result.exit_code == 0, result.output
    assert records.read_run(Path("runs/my"))["settings"]["steps"] == 3
    assert commands[3][1] == "runs/my"


def test_another_text_with_the_same_alphabet_is_noticed_on_resume(tmp_path):
    text = tmp_path / "own.txt"
    overrides = ["steps=2", "context=8", "batch_size=2", f"corpus={text}"]
    folder = tmp_path / "run"
    for content in ("ab" * 400, "ba" * 400):
        text.write_text(content)
        task = gpt.build(choose(Settings(), gpt.PRESETS, "smoke", overrides))
        run = Trainer(task, "gpt", devices.choose("cpu"), processes.Group(), folder, speak=False)
        if content.startswith("ab"):
            folder.mkdir()
            run.run()
    with pytest.raises(UserError, match=r"the corpus of the run .* was 801 tokens, sha256 "):
        run.resume()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: "sonnet", "did you mean 'sonnets'"),
        (lambda p: str(p), "holds no text"),
        (lambda p: (p / "e.txt").write_text("  \n") and str(p / "e.txt"), "is empty"),
        (
            lambda p: (p / "b.txt").write_bytes(b"\xff\xfe\xff") and str(p / "b.txt"),
            "not UTF-8 text .byte 0.",
        ),
    ],
)
def test_a_corpus_that_cannot_be_read_is_told(tmp_path, make, message):
    with pytest.raises(UserError, match=message):
        corpora.split(make(tmp_path))


def test_batches_are_windows_of_the_training_text_with_the_next_token_as_target():
    task = gpt.build(choose(Settings(), gpt.PRESETS, "smoke", ["corpus=sonnets"]))
    x, y = task.batch(3)
    assert x.shape == y.shape == (16, 32)
    assert torch.equal(x[:, 1:], y[:, :-1])
    train = task.tokenizer.decode(task.train.tolist())
    assert all(
        task.tokenizer.decode([*row.tolist(), int(last)]) in train
        for row, last in zip(x, y[:, -1], strict=True)
    )
    assert torch.equal(x, task.batch(3)[0])
    assert not torch.equal(x, task.batch(4)[0])


def test_the_measured_loss_is_that_of_every_window():
    task = gpt.build(choose(Settings(), gpt.PRESETS, "smoke", ["eval_windows=1000"]))
    text = task.held_out
    windows = [text[i : i + 33] for i in range(0, len(text) - 32, 32)]
    with torch.no_grad():
        slow = np.mean([float(task.model(w[None, :-1], w[None, 1:])) for w in windows])
    measured = task.evaluate(task.model, torch.device("cpu"))
    assert measured["val_loss"] == pytest.approx(slow, abs=1e-5)
    assert measured["perplexity"] == pytest.approx(math.exp(slow), rel=1e-4)
    assert measured["bits_per_byte"] == pytest.approx(
        slow / math.log(2), rel=1e-5
    )  # one character, one byte


def test_a_card_shows_what_the_model_expects_next():
    task = gpt.build(choose(Settings(), gpt.PRESETS, "smoke"))
    shown = task.extras(task.model.eval(), torch.device("cpu"))["example"]
    with torch.no_grad():
        logits = task.model(torch.tensor([task.tokenizer.encode(shown["prompt"])]))[0, -1]
    assert shown["prompt"] == corpora.SENTENCE[:21]
    assert shown["logits"] == pytest.approx(sorted(logits.tolist(), reverse=True), abs=1e-4)
    assert task.tokenizer.encode("".join(shown["tokens"]))[0] == int(logits.argmax())


def test_byte_pairs_train_in_the_same_way():
    task = gpt.build(choose(Settings(), gpt.PRESETS, "smoke", ["corpus=sonnets", "merges=100"]))
    assert len(task.tokenizer) == 356
    assert len(task.train) < 0.7 * len(corpora.split("sonnets")[0])
    again = gpt.build(task.settings, task.state())
    assert again.tokenizer.encode("Shall I") == task.tokenizer.encode("Shall I")
    assert not hasattr(again, "train")
    per_token, per_byte = (
        task.evaluate(task.model, torch.device("cpu"))[name]
        for name in ("val_loss", "bits_per_byte")
    )
    assert per_byte < per_token / math.log(2)


def test_decay_falls_on_matrices_alone():
    task = gpt.build(choose(Settings(), gpt.PRESETS, "smoke", ["weight_decay=0.1"]))
    with_decay, without = task.optimizer(fused=False).param_groups
    assert {p.dim() for p in with_decay["params"]} == {2}
    assert {p.dim() for p in without["params"]} == {1}
    assert without["weight_decay"] == 0


def test_operations_are_counted_as_torch_counts_them():
    from torch.utils.flop_counter import FlopCounterMode

    task = gpt.build(choose(Settings(), gpt.PRESETS, "smoke"))
    batch = task.batch(0)
    with FlopCounterMode(display=False) as counter:
        task.loss(task.model, batch).backward()
    ours = task.flops() * task.units(batch)
    assert counter.get_total_flops() == pytest.approx(
        ours, rel=0.15
    )  # they recompute a product of attention backwards


def test_the_smoke_run_reaches_the_floor_of_its_text():
    """Forty characters by heart: what is left is the start of the window, where the place in the
    sentence is not known yet.
    """
    from tests.projects.toy import trainer

    settings = choose(Settings(), gpt.PRESETS, "smoke", ["steps=250"])
    task = gpt.build(settings)
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        card = trainer(Path(folder), task).run()
    assert 0.04 < card["metrics"]["val_loss"] < 0.0447 + 0.03
    assert card["parameters"] == 103_821
