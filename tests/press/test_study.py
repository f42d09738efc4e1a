"""What readers study with: the schedule of cards, the minutes of pages, the scripts."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsrs
import pytest
from press import config
from press.site import minutes, study
from press.source import chapter

from tests.conftest import ROOT
from tests.press import sample_book

DEPENDS = ("code/press/**", "package-lock.json")

PROJECT = config.load(ROOT)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HISTORIES = {  # each card is rated on the moment it is due
    "always good": [3, 3, 3, 3, 3],
    "missed at first": [1, 3, 3, 2, 4],
    "forgotten later": [4, 3, 1, 3, 3, 3],
}
# the script of the site, asked as a page asks it, with a clock of its own
OURS = """
const { readFileSync } = require("fs"), vm = require("vm");
const [, , script, grades] = process.argv;
const window = {}, memory = { version: 1, cards: {} };
let now = Date.parse("2026-03-02T09:00:00Z");
class Clock extends Date {
  constructor(...of) { super(...(of.length ? of : [now])); }
  static now() { return now; }
}
vm.runInNewContext(readFileSync(script, "utf8"), { window, Date: Clock });
const tools = { memory: { get: () => memory }, dayOf: (time) => new Date(time).toISOString() };
const { outcomes } = window.bookStudy(tools), states = [];
for (const grade of JSON.parse(grades)) {
  const { state } = outcomes("card")[grade - 1];
  states.push([(state.due - now) / 60000, state.stability, state.difficulty]);
  memory.cards.card = JSON.parse(JSON.stringify(state));
  now = state.due;
}
console.log(JSON.stringify(states));
"""
THEIRS = """
const { fsrs, createEmptyCard } = require("ts-fsrs");
let now = new Date("2026-03-02T09:00:00Z"), card = createEmptyCard(now);
const states = [];
for (const grade of JSON.parse(process.argv[2])) {
  card = fsrs({ request_retention: 0.9, enable_fuzz: false }).next(card, now, grade).card;
  states.push([(card.due - now) / 60000, card.stability, card.difficulty]);
  now = card.due;
}
console.log(JSON.stringify(states));
"""
PAGE = """# Title

Four plain words only.

A formula $x$ counts.

```{code-cell} ipython3
print(1)
```

## Exercises

Words that nobody counts as reading.

```{solution-start} ex
```

The answer.

```{solution-end}
```
"""
CARD = """
<details class="folded admonition flashcard" id="card-a-b"><summary class="admonition-title">
Is <em>x</em> odd? <span class="card-level">expert · math</span></summary>
<p>No &lt; 2.</p></details>
"""


def node(folder: Path, program: str, *arguments: str, zone: str = "UTC") -> list[list[float]]:
    """What a program for node prints, as JSON; it finds the packages of this checkout."""
    path = folder / "program.cjs"
    path.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [str(Path(config.node_folder() or "") / "node"), str(path), *arguments],
        capture_output=True,
        text=True,
        env={"NODE_PATH": str(ROOT / "node_modules"), "TZ": zone},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("study") / "study.js"
    path.write_text(study.scheduler(PROJECT) + study.session(), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_the_site_schedules_a_card_as_ts_fsrs_does(tmp_path, script, history, zone):
    grades = json.dumps(history)
    ours = node(tmp_path, OURS, script, grades, zone=zone)
    theirs = node(tmp_path, THEIRS, grades)
    for (wait, *memory), (expected, *expected_memory) in zip(ours, theirs, strict=True):
        assert wait == pytest.approx(expected, abs=60), "an hour where summer time begins"
        assert memory == pytest.approx(expected_memory)


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_the_site_schedules_a_card_as_the_implementation_in_python_does(tmp_path, script, history):
    ours = node(tmp_path, OURS, script, json.dumps(history))
    scheduler = fsrs.Scheduler(enable_fuzzing=False)  # version 6 of the algorithm in both
    card = fsrs.Card()
    now = START
    for (wait, *memory), grade in zip(ours, history, strict=True):
        card, _ = scheduler.review_card(card, fsrs.Rating(grade), now)
        assert timedelta(minutes=wait) == card.due - now
        assert memory == pytest.approx([card.stability, card.difficulty], rel=1e-4)
        now = card.due


def read(text: str, tmp_path: Path) -> chapter.Chapter:
    path = tmp_path / "page.md"
    path.write_text(sample_book.HEAD + text, encoding="utf-8")
    return chapter.read("page", path)


def test_reading_counts_words_formulas_and_lines_outside_the_exercises(tmp_path):
    page = read(PAGE.replace("Four plain words only.", "word " * 204), tmp_path)
    # 204 words, Title, A formula maths counts (4), the formula (10), the line (10), the output (10)
    assert minutes.of(page, ["1"], ["Exercises"], cards=0).read == 2
    shorter = read(PAGE.replace("Four plain words only.", "word " * 203), tmp_path)
    assert minutes.of(shorter, ["1"], ["Exercises"], cards=0).read == 1


def test_practice_counts_cells_exercises_and_cards(tmp_path):
    page = read(PAGE, tmp_path)
    assert minutes.of(page, ["1"], ["Exercises"], cards=4).practice == 1 + 10 + 2


def test_a_page_without_the_outputs_of_all_its_cells_is_refused(tmp_path):
    with pytest.raises(ValueError, match="shorter"):
        minutes.of(read(PAGE, tmp_path), [], [], cards=0)


@pytest.mark.parametrize(
    ("length", "words"), [(0, "0 min"), (59, "59 min"), (60, "1 h"), (135, "2 h 15 min")]
)
def test_minutes_are_spoken_as_hours(length, words):
    assert minutes.spoken(length) == words


def test_a_card_is_taken_from_its_page_as_the_page_shows_it():
    [(name, card)] = study.rendered(CARD).items()
    assert name == "a-b"
    assert card["question"].strip() == "Is <em>x</em> odd?"
    assert card["answer"] == "<p>No &lt; 2.</p>"


def test_a_page_without_cards_has_none():
    assert study.rendered("<p>text</p>") == {}
