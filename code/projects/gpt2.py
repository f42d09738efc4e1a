"""A published GPT-2 from a local folder, for `--set init=FOLDER` of the gpt project.

The folder is what Hugging Face's `save_pretrained` and the hub hold: `config.json` with the sizes,
`model.safetensors` with the weights, and `vocab.json` with `merges.txt`, or `tokenizer.json`, with
the byte pairs. Nothing is downloaded, and nothing in the folder is executed. What our model cannot
represent is refused. Special tokens come after the byte pairs; our texts never hold them, so their
rows are left out, but for `<|endoftext|>` where `ends=true` asks for it. Read with
`book/capstones/gpt.md`. Source: Radford et al. (2019).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from clikit.errors import Exit, UserError
from groundtruth.modern.tokenizers import BYTES, BytePairs
from torch import Tensor

from projects.special_tokens import END

if TYPE_CHECKING:
    from projects.gpt import GPT, Settings

PRINTABLE = (
    188  # bytes that a vocabulary spells as themselves; the others as characters from 256 on
)
SYMBOLS = [
    chr(byte) if number < PRINTABLE else chr(256 + number - PRINTABLE)
    for number, byte in enumerate(BYTES)
]
KIND = {  # settings that every GPT-2 has
    "bias": True,
    "tie": True,
    "norm": "layer",
    "positions": "learned",
    "mlp": "gelu",
}
SIZES = {"layers": "n_layer", "heads": "n_head", "width": "n_embd"}
VALUES: dict[str, tuple[Any, ...]] = {  # of config.json; the first is what a missing key means
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "layer_norm_epsilon": (1e-5,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
    "tie_word_embeddings": (True,),
    "quantization_config": (None,),
}
NAMES = {
    "token.weight": "wte.weight",
    "position.weight": "wpe.weight",
    "norm.weight": "ln_f.weight",
    "norm.bias": "ln_f.bias",
}
PARTS = {
    "norm1": "ln_1",
    "norm2": "ln_2",
    "attention.qkv": "attn.c_attn",
    "attention.out": "attn.c_proj",
    "mlp.up": "mlp.c_fc",
    "mlp.out": "mlp.c_proj",
}
MASKS = (".attn.bias", ".attn.masked_bias")  # constants that old files hold beside the weights


def start(folder: Path, settings: Settings) -> BytePairs:
    """The tokenizer of the GPT-2 in a folder, after its sizes were compared with the settings.

    Raises
    ------
    UserError
        When the folder or a file is missing or damaged, when the model has a feature that ours
        lacks, when its sizes are not those of the settings, or when documents shall end with a
        token that its tokenizer does not have.
    """
    config = read_config(folder)
    tokenizer = read_tokenizer(folder)
    needed: dict[str, Any] = {name: config[key] for name, key in SIZES.items()}
    needed |= {"merges": len(tokenizer.merges), **KIND}
    if settings.kv_heads not in (0, config["n_head"]):
        needed["kv_heads"] = 0
    if settings.context > config["n_positions"]:
        needed["context"] = config["n_positions"]
    wrong = {name: value for name, value in needed.items() if getattr(settings, name) != value}
    if wrong:
        differing = ", ".join(
            f"{name}={value!r} (the settings: {getattr(settings, name)!r})"
            for name, value in wrong.items()
        )
        raise UserError(
            f"the GPT-2 in {folder} needs {differing}",
            "add " + " ".join(f"--set {name}={_word(value)}" for name, value in wrong.items()),
            Exit.USAGE,
        )
    if settings.ends:
        _check_end(folder, len(tokenizer))
    count = len(tokenizer) + settings.ends
    if count > config["vocab_size"]:
        raise UserError(
            f"the tokenizer in {folder} has {count:,} tokens, the model {config['vocab_size']:,}",
            "give a folder whose files belong to one model",
            Exit.USAGE,
        )
    return tokenizer


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json, with every size a positive number and no feature that our model lacks."""
    config = _json(folder / "config.json")
    for key, allowed in VALUES.items():
        value = config.get(key, allowed[0])
        if value not in allowed:
            raise UserError(
                f"{folder / 'config.json'} has {key}={value!r}, which our model cannot represent",
                f"it represents {key}={allowed[0]!r}",
                Exit.USAGE,
            )
    for key in (*SIZES.values(), "n_positions", "vocab_size"):
        if type(config.get(key)) is not int or config[key] < 1:
            raise UserError(
                f"{folder / 'config.json'} has {key}={config.get(key)!r}, not a positive number",
                "give the folder of a whole GPT-2",
                Exit.USAGE,
            )
    inner = config.get("n_inner")
    if inner is not None and inner != 4 * config["n_embd"]:
        raise UserError(
            f"{folder / 'config.json'} has n_inner={inner!r}, which our model cannot represent",
            f"its MLP is four times as wide as the stream: {4 * config['n_embd']}",
            Exit.USAGE,
        )
    return config


def read_tokenizer(folder: Path) -> BytePairs:
    """The byte pairs of a folder, numbered as its vocabulary numbers them."""
    if (folder / "merges.txt").is_file():
        vocabulary = _json(folder / "vocab.json")
        lines = _text(folder / "merges.txt").splitlines()
        pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
    else:
        model = _json(folder / "tokenizer.json").get("model")
        model = model if isinstance(model, dict) else {}
        vocabulary = model.get("vocab", {})
        merges = model.get("merges", [])
        pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    number = {symbol: i for i, symbol in enumerate(SYMBOLS)}
    numbered = []
    for pair in pairs:
        if len(pair) != 2 or pair[0] not in number or pair[1] not in number:
            raise _damaged(folder, f"the merge {pair!r} joins tokens that do not exist before it")
        numbered.append((number[pair[0]], number[pair[1]]))
        number[pair[0] + pair[1]] = 255 + len(numbered)
    for token, i in number.items():
        if vocabulary.get(token) != i:
            raise _damaged(
                folder,
                f"the token {token!r} has the number {vocabulary.get(token)}, by GPT-2's order {i}",
            )
    return BytePairs(numbered)


def _check_end(folder: Path, expected: int) -> None:
    """Refuse a tokenizer without `<|endoftext|>` as its first token after the byte pairs."""
    numbers = _numbers_of_end(folder)
    wrong = [number for number in numbers if number != expected]
    if wrong or not numbers:
        has = f"gives {END} the number {wrong[0]}" if wrong else f"has no {END}"
        raise UserError(
            f"the tokenizer in {folder} {has}, with ends=true it needs it as number {expected}",
            "give the folder of a GPT-2 that has the token, or leave it out: --set ends=false",
            Exit.USAGE,
        )


def _numbers_of_end(folder: Path) -> list[Any]:
    """What the files of a folder that name `<|endoftext|>` give as its number."""
    places: list[Any] = [
        _json(folder / name)
        for name in ("vocab.json", "added_tokens.json")
        if (folder / name).is_file()
    ]
    if (folder / "tokenizer.json").is_file():
        whole = _json(folder / "tokenizer.json")
        model = whole.get("model")
        places.append(model.get("vocab") if isinstance(model, dict) else None)
        added = whole.get("added_tokens")
        for token in added if isinstance(added, list) else []:
            if isinstance(token, dict) and token.get("content") == END:
                places.append({END: token.get("id")})
    return [place[END] for place in places if isinstance(place, dict) and END in place]


def _damaged(folder: Path, why: str) -> UserError:
    return UserError(
        f"the tokenizer in {folder} cannot be represented: {why}",
        "give the vocabulary and the merges of one GPT-2",
        Exit.USAGE,
    )


def load(model: GPT, folder: Path) -> None:
    """Copy the weights of a folder's model.safetensors into a model of its sizes."""
    path = folder / "model.safetensors"
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise UserError(
            "init=FOLDER was asked for, but safetensors is not installed",
            "pip install safetensors",
            Exit.ENVIRONMENT,
        ) from None
    if not path.is_file():
        raise UserError(
            f"there is no file {path}",
            "save the model with transformers' save_pretrained, as one file of safetensors",
            Exit.USAGE,
        )
    try:
        copy_weights(model, load_file(path))
    except (SafetensorError, ValueError) as error:
        raise UserError(
            f"{path} does not hold the weights of this GPT-2: {error}",
            "give the folder of a whole GPT-2",
            Exit.USAGE,
        ) from None


@torch.no_grad()
def copy_weights(model: GPT, weights: Mapping[str, Tensor]) -> None:
    """Copy weights named as in `GPT2LMHeadModel.state_dict()` into a model of their sizes.

    A model with a shorter context takes the first positions, one with fewer tokens the first
    tokens.

    Raises
    ------
    ValueError
        When the model is not of GPT-2's kind, or a tensor is missing, of another shape, not
        finite, or has no place in the model.
    """
    for name, value in KIND.items():
        if getattr(model.s, name) != value:
            raise ValueError(
                f"a GPT-2 has {name}={value!r}, this model {name}={getattr(model.s, name)!r}"
            )
    rest = {
        name.removeprefix("transformer."): w
        for name, w in weights.items()
        if not name.endswith(MASKS)
    }
    head = rest.pop("lm_head.weight", None)
    if head is not None and not torch.equal(head, rest.get("wte.weight", head.new_zeros(0))):
        raise ValueError("lm_head.weight is not the embedding, and our head is tied to it")
    for name, parameter in model.named_parameters():
        w = rest.pop(_theirs(name), None)
        if w is None:
            raise ValueError(f"{_theirs(name)} is missing")
        if name in ("token.weight", "position.weight"):
            w = w[: len(parameter)]
        elif parameter.dim() == 2:
            w = w.T  # theirs are stored input by output
        if w.shape != parameter.shape:
            raise ValueError(
                f"{_theirs(name)} has the shape {tuple(w.shape)}, {name} {tuple(parameter.shape)}"
            )
        if not w.is_floating_point() or not bool(torch.isfinite(w).all()):
            raise ValueError(f"{_theirs(name)} holds numbers that are not finite or not floats")
        parameter.copy_(w)
    if rest:
        raise ValueError(f"{min(rest)} has no place in our model")


def _theirs(name: str) -> str:
    """The name in their files of one of our parameters."""
    if name in NAMES:
        return NAMES[name]
    _, block, rest = name.split(".", 2)
    part, kind = rest.rsplit(".", 1)
    return f"h.{block}.{PARTS[part]}.{kind}"


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_text(path))
    except ValueError as error:
        raise UserError(
            f"{path} is damaged: {error}", "give the folder of a whole GPT-2", Exit.USAGE
        ) from None
    if not isinstance(value, dict):
        raise UserError(
            f"{path} is damaged: it holds a {type(value).__name__} and not an object",
            "give the folder of a whole GPT-2",
            Exit.USAGE,
        )
    return value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise UserError(
            f"there is no file {path}",
            "init names a folder with config.json, model.safetensors, vocab.json and merges.txt",
            Exit.USAGE,
        ) from None
