"""A GPT-2 from a folder: logits and tokens of Hugging Face's libraries, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from clikit.errors import UserError
from projects import corpora, gpt, gpt2
from projects.gpt import GPT, Settings
from projects.runner import records
from projects.runner.cli import main
from projects.runner.cli_use import trained

MERGES = 60
TOKENS = 256 + MERGES
SETS = ["layers=2", "heads=4", "width=32", "context=24", f"merges={MERGES}", "eval_windows=4"]
SIZES = Settings(layers=2, heads=4, width=32, context=24, merges=MERGES)
TEXT = "Shall I compare thee to a summer's day? It's 1609, naïve — “thou art”\n\n  more  lovely"


def published(folder: Path, **changes) -> torch.nn.Module:
    """A GPT-2 with weights of ordinary size, one special token and the files of the hub."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=TOKENS + 1,
        n_positions=32,
        n_embd=32,
        n_layer=2,
        n_head=4,
        bos_token_id=TOKENS,
        eos_token_id=TOKENS,
        **changes,
    )
    theirs = GPT2LMHeadModel(config).eval()
    for name, p in theirs.named_parameters():
        torch.nn.init.normal_(p, mean=float("ln_" in name and "weight" in name), std=0.3)
    theirs.save_pretrained(folder)
    pairs = ByteLevelBPETokenizer()
    pairs.train_from_iterator([corpora.split("sonnets")[0]], vocab_size=TOKENS, show_progress=False)
    pairs.save_model(str(folder))
    vocabulary = json.loads((folder / "vocab.json").read_text())
    vocabulary["<|endoftext|>"] = TOKENS
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    return theirs


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt2")
    return folder, published(folder)


@pytest.fixture
def copy(hub, tmp_path):
    return Path(shutil.copytree(hub[0], tmp_path / "copy"))


def loaded(folder: Path) -> GPT:
    tokenizer = gpt2.start(folder, SIZES)
    ours = GPT(SIZES, len(tokenizer)).eval()
    gpt2.load(ours, folder)
    return ours


def test_logits_are_those_of_transformers_with_weights_of_ordinary_size(hub):
    folder, theirs = hub
    ours = loaded(folder)
    x = torch.randint(TOKENS, (3, 24), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = theirs(x).logits[..., :TOKENS]
        gap = float((ours(x) - expected).abs().max())
    assert float(expected.std()) > 1  # at the small start a wrong activation would pass
    assert gap < 1e-4


def test_the_comparison_of_logits_notices_the_other_gelu(hub, monkeypatch):
    folder, theirs = hub
    ours = loaded(folder)
    x = torch.randint(TOKENS, (3, 24), generator=torch.Generator().manual_seed(1))
    exact = F.gelu
    monkeypatch.setattr(F, "gelu", lambda h, approximate: exact(h))
    with torch.no_grad():
        assert float((ours(x) - theirs(x).logits[..., :TOKENS]).abs().max()) > 1e-3


def test_tokens_are_those_of_the_tokenizers_library(hub):
    from tokenizers import ByteLevelBPETokenizer

    folder, _ = hub
    theirs = ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    ours = gpt2.read_tokenizer(folder)
    text = corpora.split("sonnets")[1] + TEXT
    assert ours.encode(text) == theirs.encode(text).ids
    assert len(ours) == TOKENS


def test_one_file_of_the_tokenizer_says_the_same_as_the_two(copy):
    from tokenizers import ByteLevelBPETokenizer

    both = gpt2.read_tokenizer(copy)
    pairs = ByteLevelBPETokenizer(str(copy / "vocab.json"), str(copy / "merges.txt"))
    pairs.save(str(copy / "tokenizer.json"))
    (copy / "merges.txt").unlink()
    assert gpt2.read_tokenizer(copy).merges == both.merges
    whole = json.loads((copy / "tokenizer.json").read_text())
    whole["model"]["merges"] = [" ".join(pair) for pair in whole["model"]["merges"]]
    (copy / "tokenizer.json").write_text(json.dumps(whole))  # as older files spell them
    assert gpt2.read_tokenizer(copy).merges == both.merges


def test_a_run_starts_from_the_folder_and_samples_without_it(copy, tmp_path):
    """At the first step the weights are theirs; a trained run carries its tokenizer itself."""
    out = tmp_path / "run"
    words = ["run", "gpt", "--preset", "smoke", "--device", "cpu", "--out", str(out)]
    sets = [*SETS, "corpus=sonnets", "tie=true", "steps=1", "learning_rate=1e-12", f"init={copy}"]
    for pair in sets:
        words += ["--set", pair]
    assert CliRunner().invoke(main, words).exit_code == 0
    assert records.read_run(out)["settings"]["init"] == str(copy)
    before = loaded(copy)
    shutil.rmtree(copy)
    _, task, _ = trained(out)
    x = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.allclose(task.model.eval()(x), before(x), atol=1e-4)
    assert task.sample(task.model, gpt.Sample("Shall", 4), torch.device("cpu")).startswith("Shall")


def test_sizes_that_differ_are_told_with_what_to_set(hub):
    folder, _ = hub
    with pytest.raises(UserError) as caught:
        gpt2.start(folder, replace(SIZES, layers=3, tie=False, context=64, kv_heads=2))
    assert "layers=2 (the settings: 3)" in caught.value.what
    assert "--set layers=2 --set tie=true --set kv_heads=0 --set context=32" in caught.value.fix


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_type", "gpt_neo"),
        ("activation_function", "relu"),
        ("layer_norm_epsilon", 1e-6),
        ("scale_attn_weights", False),
        ("scale_attn_by_inverse_layer_idx", True),
        ("add_cross_attention", True),
        ("tie_word_embeddings", False),
        ("quantization_config", {"bits": 4}),
        ("n_inner", 64),
        ("n_layer", "two"),
        ("n_head", 0),
        ("n_positions", None),
        ("vocab_size", True),
    ],
)
def test_a_model_that_ours_cannot_represent_is_refused(copy, key, value):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(UserError, match=rf"config\.json has {key}="):
        gpt2.start(copy, SIZES)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "is damaged"),
        ("config.json", "[]", "holds a list and not an object"),
        ("config.json", None, "there is no file"),
        ("vocab.json", None, "there is no file"),
        ("merges.txt", "#version: 0.2\nĠ t\nno such\n", "joins tokens that do not exist"),
        ("merges.txt", "#version: 0.2\nt Ġ\n", "has the number None"),
        ("merges.txt", "#version: 0.2\na b c\n", "joins tokens that do not exist"),
    ],
)
def test_a_damaged_folder_is_refused(copy, name, content, message):
    (copy / name).unlink() if content is None else (copy / name).write_text(content)
    with pytest.raises(UserError, match=message):
        gpt2.start(copy, SIZES)


def test_another_order_of_the_vocabulary_is_refused(copy):
    vocabulary = json.loads((copy / "vocab.json").read_text())
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    (copy / "vocab.json").write_text(json.dumps(vocabulary))
    with pytest.raises(UserError, match="the token 'a' has the number"):
        gpt2.start(copy, SIZES)


def test_a_tokenizer_of_another_model_is_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "vocab_size": 300}))
    with pytest.raises(UserError, match="has 316 tokens, the model 300"):
        gpt2.start(copy, SIZES)


@pytest.mark.parametrize("content", [b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}", b"x" * 300, None])
def test_a_damaged_file_of_weights_is_refused(copy, content):
    path = copy / "model.safetensors"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(UserError, match="there is no file|does not hold the weights"):
        loaded(copy)


@pytest.mark.parametrize("names", [{}, {"bias": False}, {"positions": "rope"}, {"norm": "rms"}])
def test_weights_are_copied_only_into_a_model_that_holds_all_of_them(hub, names):
    weights = hub[1].state_dict()
    model = GPT(replace(SIZES, **names), TOKENS)
    if not names:
        gpt2.copy_weights(model, weights)
        return
    with pytest.raises(ValueError, match="a GPT-2 has"):
        gpt2.copy_weights(model, weights)


def test_a_wrong_tensor_is_named(hub):
    weights = hub[1].state_dict()
    name = "transformer.h.1.mlp.c_fc.bias"
    for value, message in (
        (None, "h.1.mlp.c_fc.bias is missing"),
        (torch.zeros(3), r"has the shape \(3,\)"),
        (torch.full_like(weights[name], torch.nan), "not finite"),
        (torch.zeros(128, dtype=torch.int8), "not floats"),
    ):
        changed = {k: v for k, v in {**weights, name: value}.items() if v is not None}
        with pytest.raises(ValueError, match=message):
            gpt2.copy_weights(GPT(SIZES, TOKENS), changed)
    with pytest.raises(ValueError, match="extra has no place"):
        gpt2.copy_weights(GPT(SIZES, TOKENS), {**weights, "extra": torch.zeros(1)})
    untied = {**weights, "lm_head.weight": torch.zeros(2)}
    with pytest.raises(ValueError, match="is not the embedding"):
        gpt2.copy_weights(GPT(SIZES, TOKENS), untied)


def test_masks_of_old_files_are_passed_over(hub):
    weights = {**hub[1].state_dict(), "transformer.h.0.attn.bias": torch.ones(1, 1, 32, 32)}
    gpt2.copy_weights(GPT(SIZES, TOKENS), weights)
