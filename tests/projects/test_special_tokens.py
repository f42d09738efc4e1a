"""Documents that end with a special token: its number and place, what is drawn, what is refused."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from clikit.errors import UserError
from fastapi.testclient import TestClient
from groundtruth.modern.tokenizers import BytePairs, Characters
from hypothesis import given
from hypothesis import strategies as st
from projects import chat, corpora, gpt, lora, serving, special_tokens, token_files
from projects.corpora import streams
from projects.runner import checkpoints, records
from projects.runner.cli import main
from projects.runner.cli_use import trained
from projects.runner.settings import choose
from projects.special_tokens import END, DocumentTokenizer

from tests.projects.test_gpt2 import SETS, TOKENS, hub
from tests.projects.test_gpt2 import copy as copied

CPU = torch.device("cpu")
SMALL = ["layers=1", "width=16", "heads=2", "context=8", "batch_size=4", "eval_windows=3"]
_ = hub, copied  # fixtures


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GROUNDTRUTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path) -> Path:
    """Twenty documents; the last spells the name of the token."""
    path = tmp_path / "texts"
    path.mkdir()
    for i in range(20):
        text = f"ab{i} naïve it's\n\nso{' ' * (i % 3)}!\n" * 9
        (path / f"{i:02}.txt").write_text(text if i < 19 else f"a {END}b", encoding="utf-8")
    return path


def build(corpus, *more: str) -> gpt.Language:
    sets = [*SMALL, f"corpus={corpus}", *more]
    return gpt.build(choose(gpt.Settings(), gpt.PRESETS, "smoke", sets))


def drawing(task: gpt.Language, tokens: list[int], monkeypatch) -> list[list[int]]:
    """Let the model draw these tokens and the end for ever; what it was given is returned."""
    given_tokens: list[list[int]] = []

    def stream(self, prompt, length, *rest):
        given_tokens.append(prompt[0].tolist())
        drawn = [*tokens, *[special_tokens.end(task.tokenizer) or 0] * length][:length]
        return (torch.tensor([[token]]) for token in drawn)

    monkeypatch.setattr(gpt.GPT, "stream", stream)
    return given_tokens


# -- the tokenizer --------------------------------------------------------------------------------


def test_two_documents_by_hand():
    t = DocumentTokenizer(Characters("abc"))
    assert (t.end, len(t)) == (3, 4)
    assert t.encode_documents(["ab", "c"]) == [0, 1, 3, 2, 3]
    assert t.encode_documents([]) == []
    assert t.decode([3, 0, 1, 3, 3, 2]) == f"{END}ab{END}{END}c"
    pairs = DocumentTokenizer(BytePairs.train("low low lower", 2))
    assert pairs.encode_documents(["low", " low"]) == [
        257,
        258,
        *BytePairs([]).encode(" "),
        257,
        258,
    ]


@given(text=st.text("a<|>endoftxé " + END, max_size=30), merges=st.integers(0, 30))
def test_no_text_is_encoded_as_the_special_token(text, merges):
    learned = BytePairs.train((text + END) * 3, merges)
    for ordinary in (learned, Characters(text + END)):
        t = DocumentTokenizer(ordinary)
        for injected in (text, END, text + END, END * 2, f"{END}\n\n{text}"):
            if isinstance(ordinary, Characters):
                injected = injected.replace("\n", "")
            assert t.end not in t.encode(injected)
            assert t.decode(t.encode(injected)) == injected
            assert t.encode_documents([injected]).count(t.end) == 1


@pytest.mark.parametrize("ordinary", [Characters("abc"), BytePairs.train("low low lower", 2)])
def test_the_state_makes_the_same_tokenizer(ordinary):
    t = DocumentTokenizer(ordinary)
    again = special_tokens.load(json.loads(json.dumps(t.state())))
    assert isinstance(again, DocumentTokenizer)
    assert again.state() == t.state()
    assert (again.end, special_tokens.end(again)) == (t.end, t.end)
    plain = special_tokens.load(ordinary.state())
    assert type(plain) is type(ordinary)
    assert special_tokens.end(plain) is None


@pytest.mark.parametrize(
    "state", [{"kind": "documents"}, {"kind": "documents", "ordinary": {}}, {"kind": "x"}, None]
)
def test_a_state_that_is_not_whole_is_refused(state):
    with pytest.raises(ValueError, match="state of a tokenizer|no tokenizer of kind"):
        special_tokens.load(state)


def test_a_number_out_of_range_is_refused():
    t = DocumentTokenizer(Characters("abc"))
    for token in (4, -1):
        with pytest.raises(ValueError, match=f"token {token} is not in a vocabulary"):
            t.decode([0, token])


# -- the corpus -----------------------------------------------------------------------------------


@pytest.mark.parametrize("merges", [0, 40])
def test_every_document_is_followed_by_one_token_and_held_out_whole(folder, merges):
    task = build(folder, "ends=true", f"merges={merges}")
    plain = build(folder, f"merges={merges}")
    t = task.tokenizer
    assert t.ordinary.state() == plain.tokenizer.state()
    assert t.end == len(plain.tokenizer)
    assert task.model.token.num_embeddings == len(plain.tokenizer) + 1
    documents = corpora.documents(str(folder))
    for part, chosen in (
        (task.train, [d for i, d in enumerate(documents) if i % 10 != 9]),
        (task.held_out, [documents[9], documents[19]]),
    ):
        ends = [-1, *(part == t.end).nonzero().flatten().tolist()]
        assert ends[-1] == len(part) - 1
        assert [t.decode(part[a + 1 : b].tolist()) for a, b in pairwise(ends)] == chosen
    assert task.held_out_bytes == len((documents[9] + documents[19]).encode())


def test_the_end_is_a_target_and_its_loss_is_counted_in_bits_of_the_text(folder):
    """A model that is certain of the wrong token everywhere but at ends pays more bits there."""
    task = build(folder, "ends=true", "eval_windows=100000", "context=4")
    batches = torch.cat([torch.cat(task.batch(i)) for i in range(60)])
    assert bool((batches == task.tokenizer.end).any())
    bits = []
    for bias in (0.0, -9.0):  # of the end's logit
        torch.nn.init.zeros_(task.model.head.weight)
        torch.nn.init.zeros_(task.model.head.bias)
        task.model.head.bias.data[task.tokenizer.end] = bias
        bits.append(task.evaluate(task.model.eval(), CPU)["bits_per_byte"])
    V = len(task.tokenizer)
    count = len(task.held_out)
    assert bits[0] == pytest.approx(math.log2(V) * count / task.held_out_bytes, rel=1e-5)
    windows = (count - 1) // 4 * 4
    n = int((task.held_out[1 : windows + 1] == task.tokenizer.end).sum())
    total = math.log(V - 1 + math.exp(-9))
    loss = total + 9 * n / windows
    assert n > 0
    assert bits[1] == pytest.approx(loss / math.log(2) * count / task.held_out_bytes, rel=1e-4)


@pytest.mark.parametrize("merges", [0, 40])
def test_documents_in_a_file_are_those_in_memory(folder, merges, cache, monkeypatch):
    monkeypatch.setattr(streams, "PIECE", 7)
    monkeypatch.setattr(token_files, "STEP", 11)
    monkeypatch.setattr(token_files, "WORDS_KEPT", 2)
    sets = ["ends=true", f"merges={merges}"]
    memory = build(folder, *sets)
    monkeypatch.setattr(token_files, "IN_MEMORY", 0)
    disk = build(folder, *sets)
    assert isinstance(disk.train, token_files.Tokens)
    for ours, theirs in ((disk.train, memory.train), (disk.held_out, memory.held_out)):
        assert torch.equal(ours[:], theirs)
    for ours, theirs in zip(disk.batch(3), memory.batch(3), strict=True):
        assert torch.equal(ours, theirs)
    assert disk.state() == memory.state()
    assert disk.evaluate(disk.model, CPU) == memory.evaluate(memory.model, CPU)
    assert disk.extras(disk.model.eval(), CPU) == memory.extras(memory.model.eval(), CPU)
    again = build(folder, *sets)
    assert again.tokenizer.end == disk.tokenizer.end
    plain = build(folder, f"merges={merges}")
    assert len(plain.tokenizer) == len(disk.tokenizer) - 1
    assert len(list(cache.rglob("tokens.json"))) == 2


def test_words_of_many_small_documents_are_forgotten_in_time(monkeypatch):
    monkeypatch.setattr(token_files, "STEP", 10)
    monkeypatch.setattr(token_files, "WORDS_KEPT", 2)
    seen: list[BytePairs] = []
    encode = token_files.pieces_encoded

    def watched(tokenizer, pieces):
        seen.append(tokenizer)
        yield from encode(tokenizer, pieces)

    monkeypatch.setattr(token_files, "pieces_encoded", watched)
    learned = BytePairs.train("to be or not", 4)
    t = DocumentTokenizer(BytePairs(learned.merges))
    texts = [f"word{i} be" for i in range(40)]
    parts = token_files.documents_encoded(t, ([text] for text in texts))
    expected = DocumentTokenizer(learned).encode_documents(texts)
    assert [token for part in parts for token in part] == expected
    assert len(seen) == 40
    assert max(len(tokenizer._encoded) for tokenizer in seen) <= 8


@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.parametrize("in_memory", [0, 10**9])
def test_too_few_documents_are_refused_with_the_way_out(tmp_path, count, in_memory, monkeypatch):
    monkeypatch.setattr(token_files, "IN_MEMORY", in_memory)
    few = tmp_path / "few"
    few.mkdir()
    for i in range(count):
        (few / f"{i}.txt").write_text("a text " * 90)
    with pytest.raises(UserError, match=rf"needs 10 of them .*few' has {count}") as caught:
        build(few, "ends=true")
    assert "--set ends=false" in caught.value.fix
    assert len(build(few).train)


def test_the_sentence_is_refused_and_bad_values_are_told():
    with pytest.raises(UserError, match="the corpus 'sentence' has 1"):
        build("sentence", "ends=true")
    with pytest.raises(UserError, match="ends='2' is not true or false"):
        build("sentence", "ends=2")


# -- sampling -------------------------------------------------------------------------------------


@pytest.mark.parametrize("merges", [0, 40])
def test_a_text_stops_at_the_token_which_is_not_printed(folder, merges, monkeypatch):
    task = build(folder, "ends=true", f"merges={merges}")
    t = task.tokenizer
    asked = drawing(task, t.encode("so naï"), monkeypatch)
    drawn: list[int] = []
    parts = list(task.pieces(task.model, gpt.Sample("ab", 30), CPU, drawn))
    assert "".join(parts) == "so naï"
    assert drawn == t.encode("so naï")
    assert task.sample(task.model, gpt.Sample("ab", 30), CPU) == "abso naï"
    assert task.sample(task.model, gpt.Sample(length=30), CPU) == "so naï"
    assert task.sample(task.model, gpt.Sample(END, 2), CPU).startswith(END)
    assert asked == [t.encode("ab")] * 2 + [[t.end], t.encode(END)]


def test_the_end_within_a_character_shows_the_cut(folder, monkeypatch):
    task = build(folder, "ends=true", "merges=1")
    drawing(task, task.tokenizer.encode("é")[:1], monkeypatch)
    assert task.sample(task.model, gpt.Sample("ab", 5), CPU) == "ab\ufffd"


def test_a_text_that_ends_at_once_is_empty(folder, monkeypatch):
    task = build(folder, "ends=true")
    drawing(task, [], monkeypatch)
    assert list(task.pieces(task.model, gpt.Sample(length=5), CPU)) == []
    assert task.sample(task.model, gpt.Sample(length=5), CPU) == ""


def test_without_the_setting_a_plain_sample_starts_as_before(folder, monkeypatch):
    task = build(folder)
    asked = drawing(task, task.tokenizer.encode("so"), monkeypatch)
    assert task.sample(task.model, gpt.Sample(length=2), CPU) == "\nso"
    assert asked == [task.tokenizer.encode("\n")]


def served(task) -> TestClient:
    return TestClient(serving.application(task, CPU), base_url="http://127.0.0.1")


def test_the_endpoint_and_its_stream_stop_at_the_token(folder, monkeypatch):
    task = build(folder, "ends=true")
    asked = drawing(task, task.tokenizer.encode("so it"), monkeypatch)
    with served(task) as client:
        for prompt in ("", "ab"):
            request = {"prompt": prompt, "length": 20}
            answer = client.post("/generate", json=request).json()
            assert (answer["text"], answer["tokens"]) == (f"{prompt}so it", 5)
            lines = client.post("/generate", json={**request, "stream": True}).text.split("\n")
            events = [json.loads(line.removeprefix("data: ")) for line in lines if line]
            assert "".join(event["piece"] for event in events[:-1]) == "so it"
            assert (events[-1]["done"], events[-1]["tokens"]) == (True, 5)
        assert client.get("/health").json()["vocabulary"] == len(task.tokenizer)
    assert asked[0] == [task.tokenizer.end]


def test_the_endpoint_refuses_an_empty_prompt_where_nothing_can_begin_a_text(folder):
    with served(build(folder)) as client:
        answer = client.post("/generate", json={"prompt": ""})
        assert answer.status_code == 422
        assert answer.json()["detail"] == [
            {
                "loc": ["body", "prompt"],
                "msg": "String should have at least 1 character",
                "type": "string_too_short",
            }
        ]


# -- runs -----------------------------------------------------------------------------------------


def run(out: Path, *sets: str) -> None:
    words = ["run", "gpt", "--preset", "smoke", "--device", "cpu", "--out", str(out)]
    for pair in [*SMALL, *sets]:
        words += ["--set", pair]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output


def resume(out: Path, steps: int):
    return CliRunner().invoke(main, ["resume", str(out), "--set", f"steps={steps}"])


def weights(out: Path) -> dict[str, torch.Tensor]:
    return checkpoints.load(checkpoints.list_newest_first(out)[0], "gpt")["model"]


@pytest.mark.parametrize("in_memory", [0, 10**9])
def test_a_run_is_resumed_to_the_bit_and_sampled_without_its_corpus(
    folder, tmp_path, in_memory, monkeypatch
):
    monkeypatch.setattr(token_files, "IN_MEMORY", in_memory)
    sets = [f"corpus={folder}", "ends=true", "final_rate=1", "save_every=2", "eval_every=2"]
    run(tmp_path / "whole", *sets, "steps=4")
    run(tmp_path / "parts", *sets, "steps=2")
    assert resume(tmp_path / "parts", 4).exit_code == 0
    left, right = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(left[name], right[name]) for name in left)
    for path in folder.iterdir():
        path.unlink()
    _, task, _ = trained(tmp_path / "parts")
    assert task.tokenizer.end == len(task.tokenizer) - 1
    assert END not in task.sample(task.model.eval(), gpt.Sample(length=50), CPU)


def test_a_run_cannot_be_resumed_with_the_other_value(folder, tmp_path):
    out = tmp_path / "run"
    run(out, f"corpus={folder}", "ends=true", "steps=2")
    path = out / "run.json"
    path.write_text(path.read_text().replace('"ends": true', '"ends": false'))
    refused = resume(out, 4)
    assert refused.exit_code != 0
    assert "the corpus of the run" in refused.output


def test_a_run_of_before_the_setting_goes_on(tmp_path):
    """Neither run.json nor the checkpoint knows the setting."""
    sets = ["corpus=sonnets", "final_rate=1", "save_every=2", "eval_every=2"]
    run(tmp_path / "whole", *sets, "steps=4")
    out = tmp_path / "old"
    run(out, *sets, "steps=2")
    about = json.loads((out / "run.json").read_text())
    del about["settings"]["ends"]
    (out / "run.json").write_text(json.dumps(about))
    for path in [*checkpoints.list_newest_first(out), out / "best.pt"]:
        saved = checkpoints.load(path, "gpt")
        if path.name != "best.pt":
            del saved["settings"]["ends"]
        assert set(saved["task"]) == {"corpus", "tokenizer"}
        torch.save(saved, path)
    assert resume(out, 4).exit_code == 0
    left, right = weights(tmp_path / "whole"), weights(out)
    assert all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize(
    ("merges", "corpus", "batch"),
    [
        (
            0,
            "94,038 tokens, sha256 "
            "d5b923f9e51d79734a73b956d85716c59e79f33b3b6e66324a6592df0b6dd162",
            "109553dfac1501a5",
        ),
        (
            40,
            "65,850 tokens, sha256 "
            "76e3f0e71a42af7a1b7ba22b8799142f4b7cfac02bb6e9ad35c60346167fccbe",
            "85a830f51d8b3a67",
        ),
    ],
)
def test_without_the_setting_tokens_and_batches_are_those_of_before(merges, corpus, batch):
    """Whole numbers, computed by the edition that did not have it."""
    task = gpt.build(
        gpt.Settings(corpus="sonnets", context=16, batch_size=4, layers=1, width=16, merges=merges)
    )
    assert task.corpus_digest == corpus
    numbers = torch.stack(task.batch(3)).numpy().tobytes()
    assert hashlib.sha256(numbers).hexdigest()[:16] == batch
    assert set(task.state()) == {"corpus", "tokenizer"}
    assert task.held_out_bytes == 9254


def test_settings_of_published_cards_mean_no_special_token():
    settings = gpt.Settings(**records.read_card("_assets/results/gpt-laptop.json")["settings"])
    assert settings.ends is False


# -- projects that start from a gpt run -----------------------------------------------------------


def test_an_adapter_is_trained_on_a_run_with_the_token_and_chat_refuses_it(folder, tmp_path):
    out = tmp_path / "run"
    run(out, f"corpus={folder}", "ends=true", "steps=2", "positions=rope")
    task = lora.build(lora.Settings(start=str(out), corpus=str(folder), eval_every=1))
    assert task.tokenizer.end not in task.train.tolist()
    assert math.isfinite(task.loss(task.model, task.batch(0)).item())
    with pytest.raises(UserError, match="ends=false"):
        chat.build(chat.Settings(start=str(out), conversations=5, questions=1))


def test_the_state_of_a_chat_run_is_that_of_before():
    task = chat.build(chat.Settings(conversations=5, questions=1))
    names = set(asdict(gpt.Settings())) - {"ends"}
    assert set(task.state()["sizes"]) == names


# -- a GPT-2 --------------------------------------------------------------------------------------


def pretrained(path: Path) -> gpt.Language:
    sets = [*SETS, "corpus=sonnets", "tie=true", f"init={path}", "ends=true"]
    return gpt.build(choose(gpt.Settings(), gpt.PRESETS, "smoke", sets))


def test_a_gpt2_brings_its_own_token_and_its_row(hub):
    path, theirs = hub
    task = pretrained(path)
    assert task.tokenizer.end == TOKENS
    assert torch.equal(task.model.token.weight, theirs.transformer.wte.weight)
    x = torch.tensor([[TOKENS, 5, 7, TOKENS, 9]])
    with torch.no_grad():
        torch.testing.assert_close(task.model.eval()(x), theirs(x).logits, rtol=1e-4, atol=1e-4)


def without(path: Path) -> None:
    vocabulary = json.loads((path / "vocab.json").read_text())
    del vocabulary[END]
    (path / "vocab.json").write_text(json.dumps(vocabulary))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("added_tokens.json", {END: TOKENS}),
        ("tokenizer.json", {"added_tokens": [{"id": TOKENS, "content": END}]}),
        ("tokenizer.json", {"model": {"vocab": {END: TOKENS}}, "added_tokens": [1, {}]}),
    ],
)
def test_the_token_may_be_named_in_another_file(copied, name, content):
    without(copied)
    with pytest.raises(UserError, match=r"has no <\|endoftext\|>") as caught:
        pretrained(copied)
    assert "--set ends=false" in caught.value.fix
    (copied / name).write_text(json.dumps(content))
    assert pretrained(copied).tokenizer.end == TOKENS


def test_a_token_with_another_number_or_no_row_is_refused(copied):
    (copied / "added_tokens.json").write_text(json.dumps({END: TOKENS + 1}))
    with pytest.raises(UserError, match=rf"the number {TOKENS + 1}, .* as number {TOKENS}"):
        pretrained(copied)
    (copied / "added_tokens.json").unlink()
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "vocab_size": TOKENS}))
    with pytest.raises(UserError, match=f"has {TOKENS + 1} tokens, the model {TOKENS}"):
        pretrained(copied)


@pytest.mark.parametrize(
    "content", [{"model": {"vocab": [1]}}, {"model": 1}, {"added_tokens": 1}, {"added_tokens": [1]}]
)
def test_a_file_that_names_no_token_is_passed_over(copied, content):
    (copied / "tokenizer.json").write_text(json.dumps(content))
    assert pretrained(copied).tokenizer.end == TOKENS
    without(copied)
    with pytest.raises(UserError, match=r"has no <\|endoftext\|>"):
        pretrained(copied)
