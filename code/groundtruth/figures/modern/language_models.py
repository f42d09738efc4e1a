"""Figures of the chapter on language models. Read with book/modern/language-models.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
from matplotlib.figure import Figure

from groundtruth.arrays import Array
from groundtruth.figures.style import BLUE, CYCLE, GRAY, GREEN, INK, ORANGE, PURPLE, figure, label
from groundtruth.figures.vega import Interactive, choose, menu, note, one_row, show, slider

TEXT = "Shall I compare thee to a summer's day ? Thou art more lovely and more temperate"
WORDS = TEXT.split(" ")
PROMPT = 5  # words of the prompt of the stepper
HEADS = 4
SIZE = 64  # width of a head
READABLE = 11.7  # points: 12 pixels where the drawing is 356 pixels wide, on a phone
LATENT = 96  # latent vector of 64 and rotated part of 32
ROWS = {
    "multi-head": HEADS,
    "grouped-query": 2,
    "multi-query": 1,
    "latent": 1,
    "sliding window": HEADS,
}
STATES = ["not computed", "read from the cache", "written in this step", "dropped"]


def text_path() -> Figure:
    """From a string to token ids, vectors, logits, a distribution, and the loop of generation."""
    fig, ax = figure(2.7)
    ax.set_axis_off()
    ax.set_xlim(0, 10)
    ax.set_ylim(0, 5)
    upper = (
        ('string\n"to be or"', 1.1),
        ("token ids\n(T,)", 3.65),
        ("vectors\n(T, C)", 6.3),
        ("blocks\n(T, C)", 9.0),
    )
    lower = (
        ("next token\nid", 1.1),
        ("choice\nby a rule", 3.55),
        ("probabilities\n(V,)", 6.45),
        ("logits\n(V,)", 9.0),
    )
    for y, boxes, color in ((4.1, upper, BLUE), (0.9, lower, ORANGE)):
        for name, x in boxes:
            style = {"boxstyle": "round,pad=0.3", "facecolor": "none", "edgecolor": color}
            ax.text(x, y, name, ha="center", va="center", fontsize=READABLE, bbox=style)
    arrow = {"arrowstyle": "->", "color": INK, "linewidth": 1.3}
    for start, end in ((2.25, 2.65), (4.65, 5.4), (7.2, 8.15)):
        ax.annotate("", (end, 4.1), (start, 4.1), arrowprops=arrow)
    for start, end in ((8.25, 7.75), (5.15, 4.6), (2.6, 2.2)):
        ax.annotate("", (end, 0.9), (start, 0.9), arrowprops=arrow)
    ax.annotate("", (9.0, 1.75), (9.0, 3.25), arrowprops=arrow)
    ax.annotate("", (3.4, 3.25), (1.4, 1.75), arrowprops={**arrow, "linestyle": "--"})
    ax.text(2.9, 2.4, "append, repeat", color=INK, fontsize=READABLE)
    return fig


def ladder(
    steps: Sequence[int], curves: Mapping[str, Sequence[float]], levels: Mapping[str, float]
) -> Figure:
    """Held-out loss of networks over their training, and levels of n-gram models."""
    fig, ax = figure(3.5)
    styles = (("-o", ORANGE), ("--s", PURPLE), (":^", GREEN), ("-D", BLUE))
    for (name, values), (style, color) in zip(curves.items(), styles, strict=False):
        ax.plot(steps, values, style, color=color, label=name, markersize=4.5)
    for name, level in levels.items():
        ax.axhline(level, color=GRAY, linewidth=1)
        ax.text(1.01, level, name, transform=ax.get_yaxis_transform(), va="center", color=INK)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    label(ax, "training steps", "held-out loss (nats per character)")
    return fig


def speculation(
    g: Sequence[int], measured: Mapping[str, Sequence[float]], rates: Mapping[str, float]
) -> Figure:
    """Tokens per pass of the target against drafted tokens, with the formula for equal rates."""
    fig, ax = figure(3.2)
    markers = ("o", "s", "^")
    for (name, values), marker, color in zip(measured.items(), markers, CYCLE, strict=False):
        rate = rates[name]
        ax.plot(g, [sum(rate**i for i in range(n + 1)) for n in g], color=color, linestyle="--")
        ax.plot(g, values, marker, color=color, label=name, markersize=6)
    ax.set_ylim(1, None)
    ax.legend(loc="upper left")
    label(ax, "drafted tokens per pass", "tokens per pass of the target")
    return fig


def hacking(kl: Array, proxy: Array, true: Array) -> Figure:
    """Reward that is optimized and reward that is meant, against the distance of the policy."""
    fig, ax = figure(3.1)
    ax.plot(kl, proxy - proxy[0], "--", color=ORANGE, label="reward model")
    ax.plot(kl, true - true[0], "-", color=BLUE, label="true reward")
    ax.axhline(0, color=GRAY, linewidth=1)
    ax.set_xscale("log")
    ax.set_xlim(0.01, None)
    ax.legend(loc="lower left")
    label(ax, "divergence from the reference (nats)", "gain in mean reward")
    return fig


def abstention(curves: Mapping[str, tuple[Array, Array]]) -> Figure:
    """Accuracy among the answers that are given, against the fraction that is given."""
    fig, ax = figure(3.0)
    styles = (("-", BLUE), ("--", ORANGE))
    for (name, (coverage, accuracy)), (style, color) in zip(curves.items(), styles, strict=False):
        ax.plot(coverage, accuracy, style, color=color, label=name)
    ax.set_ylim(0, 1.03)
    ax.set_xlim(0, 1)
    ax.legend(loc="lower left")
    label(ax, "fraction of questions answered", "accuracy of the answers")
    return fig


def cache_stepper() -> Interactive:
    """The cache of one layer, step by step, for five kinds of attention."""
    controls = [
        slider("step", "step ", 0, 0, len(WORDS) - PROMPT - 1, 1),
        menu("kind", "attention ", list(ROWS)),
        slider("window", "window, tokens ", 6, 3, 8, 1),
    ]
    n = f"({PROMPT} + step)"
    cells = [{"t": t, "row": row} for t in range(len(WORDS)) for row in range(1, HEADS + 1)]
    grid = alt.Chart(alt.Data(values=cells)).transform_calculate(
        here=f"datum.row <= {choose('kind', {k: str(v) for k, v in ROWS.items()})} ? 1 : 0",
        state=f"datum.t >= {n} ? '{STATES[0]}' :"
        f" step == 0 || datum.t == {n} - 1 ? '{STATES[2]}' :"
        f" kind == 'sliding window' && datum.t > 0 && datum.t <= {n} - window"
        f" ? '{STATES[3]}' : '{STATES[1]}'",
    )
    # of a prompt that is longer than the window, the first pass drops what later steps cannot see
    x = alt.X("t:O", title="position of the token", axis=alt.Axis(labelAngle=0))
    y = alt.Y(
        "row:O",
        title="cached head",
        scale=alt.Scale(domain=list(range(1, HEADS + 1))),
        axis=alt.Axis(labelAngle=0),
    )
    legend = alt.Legend(orient="bottom", columns=2, symbolSize=90)
    color = alt.Color(
        "state:N",
        title=None,
        legend=legend,
        scale=alt.Scale(domain=STATES, range=["#d9dee2", BLUE, ORANGE, GRAY]),
    )
    shape = alt.Shape(
        "state:N",
        title=None,
        legend=legend,
        scale=alt.Scale(domain=STATES, range=["circle", "square", "diamond", "cross"]),
    )
    kept = f"(kind == 'sliding window' ? min({n}, window) : {n})"
    width = choose(
        "kind",
        {
            "latent": str(LATENT),
            "grouped-query": str(2 * 2 * SIZE),
            "multi-query": str(2 * SIZE),
            "other": str(2 * HEADS * SIZE),
        },
    )
    words = "['" + "','".join(w.replace("'", "\\'") for w in WORDS) + "']"
    totals = one_row(
        phase="step == 0 ? 'prefill' : 'decode'",
        new=f"step == 0 ? {PROMPT} : 1",
        kept=kept,
        numbers=f"{kept} * {width}",
        fraction=f"{kept} * {width} / ({n} * {2 * HEADS * SIZE})",
        seen=f"min({n}, window)",
        word=f"{words}[{n}]",
        n=n,
        without=f"{n} * ({n} + 1) / 2 - {PROMPT * (PROMPT - 1) // 2}",
    )
    return show(
        alt.layer(
            grid.mark_point(filled=True, size=150).encode(
                x=x,
                y=y,
                color=color,
                shape=shape,
                opacity=alt.condition("datum.here == 1", alt.value(1), alt.value(0)),
            ),
            note(totals, "{phase}: computes {new}, stores {kept}, next: {word}", y=-44),
            note(totals, "{numbers} numbers, {fraction:.0%} of multi-head", y=-26),
            note(totals, "computed {n}, without cache {without}, in window {seen}", y=-8),
        )
        .add_params(*controls)
        .properties(width=310, height=120),
        "A grid of cached heads by token positions; a slider steps through prefill and generation,"
        " a menu chooses the kind of attention, and another slider the length of a sliding window."
        " Marks show which keys and values are written, read or dropped in each step.",
    )
