"""Figures of the chapter on PyTorch. Read with book/networks/pytorch.md."""

from __future__ import annotations

from typing import Any

import altair as alt
import torch
from matplotlib.figure import Figure

from groundtruth.figures.numbers import number
from groundtruth.figures.style import BLUE, GRAY, ORANGE, figure
from groundtruth.figures.vega import Interactive, show, slider

BOX = {"boxstyle": "round,pad=0.4", "facecolor": "none"}


def tape() -> Figure:
    """What torch records of relu(x w + b).sum(): forward, backward, and what each one saves."""
    fig, ax = figure(3.4)
    steps = [
        ("x * w", "MulBackward0", "x, w"),
        ("+ b", "AddBackward0", "nothing"),
        ("relu", "ReluBackward0", "the result"),
        ("sum", "SumBackward0", "the shape"),
    ]
    for i, (op, back, kept) in enumerate(steps):
        y = 3 - i
        ax.text(
            0.12, y, op, ha="center", va="center", fontsize=12.5, bbox={**BOX, "edgecolor": BLUE}
        )
        ax.text(
            0.5, y, back, ha="center", va="center", fontsize=11.5, bbox={**BOX, "edgecolor": ORANGE}
        )
        ax.text(0.84, y, kept, ha="center", va="center", fontsize=12, color=GRAY)
        ax.annotate("", (0.3, y), (0.21, y), arrowprops={"arrowstyle": "->", "color": GRAY})
        if i:
            ax.annotate(
                "", (0.12, y + 0.3), (0.12, y + 0.7), arrowprops={"arrowstyle": "->", "color": BLUE}
            )
            ax.annotate(
                "", (0.5, y + 0.7), (0.5, y + 0.3), arrowprops={"arrowstyle": "->", "color": ORANGE}
            )
    for x, text, color in (
        (0.12, "you call", BLUE),
        (0.5, "torch records", ORANGE),
        (0.84, "and saves", GRAY),
    ):
        ax.text(x, 3.65, text, ha="center", color=color)
    ax.set_xlim(0, 1)
    ax.set_ylim(-0.5, 3.9)
    ax.axis("off")
    return fig


def modes() -> Figure:
    """Two switches and four states: training or evaluation, with or without a graph."""
    fig, ax = figure(3.4)
    cells = {
        (0, 1): ("training step", "dropout on\ngraph kept"),
        (1, 1): ("Monte-Carlo\ndropout", "dropout on\nno graph"),
        (0, 0): ("slopes of a\nfinished model", "dropout off\ngraph kept"),
        (1, 0): ("evaluation", "dropout off\nno graph"),
    }
    for (x, y), (name, what) in cells.items():
        ax.text(
            0.36 + 0.43 * x,
            0.34 + y,
            f"{name}\n{what}",
            ha="center",
            va="center",
            fontsize=11.5,
            bbox={**BOX, "edgecolor": BLUE if (x, y) in ((0, 1), (1, 0)) else GRAY},
        )
    for at, text in ((0.36, "recording"), (0.79, "no_grad()")):
        ax.text(at, 1.98, text, ha="center", color=ORANGE, fontsize=12)
    for at, text in ((1.34, "train()"), (0.34, "eval()")):
        ax.text(0.0, at, text, va="center", color=ORANGE, fontsize=12)
    ax.set_xlim(0, 1.04)
    ax.set_ylim(-0.1, 2.15)
    ax.axis("off")
    return fig


def iteration() -> Interactive:
    """Two training steps of y = w x + b: the numbers and their gradients after each statement."""
    w = torch.tensor(1.0, requires_grad=True)
    b = torch.tensor(0.0, requires_grad=True)
    x = torch.tensor([1.0, 2.0])
    y = torch.tensor([3.0, 5.0])
    opt = torch.optim.SGD([w, b], lr=0.1)
    rows: list[dict[str, Any]] = []

    def note(call: str, loss: str) -> None:
        rows.append(
            {
                "i": len(rows),
                "call": call,
                "w": f"w = {w.item():.2f}",
                "b": f"b = {b.item():.2f}",
                "loss": f"loss {loss}",
                "gw": "w.grad = " + ("None" if w.grad is None else number(w.grad.item(), 1)),
                "gb": "b.grad = " + ("None" if b.grad is None else number(b.grad.item(), 1)),
            }
        )

    for k in (1, 2):
        if k == 1:
            note("before the first step", "not computed")
        opt.zero_grad()
        note(f"step {k}: opt.zero_grad()", "not computed" if k == 1 else "of the last step")
        loss = ((w * x + b - y) ** 2).mean()
        note(f"step {k}: loss = loss_fn(model(x), y)", f"{loss.item():.2f}, with a graph")
        loss.backward()
        note(f"step {k}: loss.backward()", f"{loss.item():.2f}, its graph is spent")
        opt.step()
        note(f"step {k}: opt.step()", f"{loss.item():.2f}, of the old numbers")
    which = slider("st", "statement ", 0, 0, len(rows) - 1, 1)
    base = alt.Chart(alt.Data(values=rows)).transform_filter("datum.i == st")
    layers = [
        base.mark_text(align="left", fontSize=16, fontWeight="bold", color=BLUE).encode(
            x=alt.value(10), y=alt.value(14), text="call:N"
        )
    ]
    for i, name in enumerate(("w", "b", "gw", "gb", "loss")):
        layers.append(
            base.mark_text(align="left", fontSize=15).encode(
                x=alt.value(10 + 190 * (1 if name in ("gw", "gb") else 0)),
                y=alt.value(44 + 26 * (i % 2 if i < 4 else 2)),
                text=f"{name}:N",
            )
        )
    return show(
        alt.layer(*layers).add_params(which).properties(width=380, height=120),
        "Two parameters, their gradients and the loss as text; a slider walks through the "
        "statements of two training steps and shows what each one changed.",
    )
