"""The book under other configurations: each profile is one, and what differs is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from press import config as project
from press.config import kernel_env
from press.machines import matrix, profiles
from press.machines.drift import CellDrift, ChapterDrift

from tests.conftest import ROOT
from tests.press import sample_book
from tests.press.test_drift import snapshot

DEPENDS = ("code/press/**", "code/clikit/**")

pytestmark = pytest.mark.slow
PROJECT = project.load(ROOT)
CPU = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
BITS = """
import hashlib, numpy as np
rng = np.random.default_rng(0)
product = rng.normal(size=(150, 333)) @ rng.normal(size=(333, 150))
print(hashlib.sha256(product.tobytes()).hexdigest()[:8])
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """One page for each thing a machine may change, and one that is as it should be."""
    pages = {
        "index": sample_book.chapter("Home", "print(1 + 1)"),
        "a/order": sample_book.chapter(
            "Order", "print(list({'one', 'two', 'three', 'four', 'five', 'six'}))"
        ),
        "a/threads": sample_book.chapter(
            "Threads", "import os\nprint(os.environ['OMP_NUM_THREADS'])"
        ),
        "a/folder": sample_book.chapter("Folder", "import os\nprint(os.getcwd())"),
        "a/zone": sample_book.chapter("Zone", "import time\nprint(time.localtime(0).tm_hour)"),
        "a/bits": sample_book.chapter("Bits", BITS.strip()),
    }
    return sample_book.accepted(sample_book.make(tmp_path_factory.mktemp("machines") / "b", pages))


@pytest.mark.parametrize(
    ("profile", "differing"),
    [
        ("plain", []),
        ("hash-1", ["a/order"]),
        ("two-threads", ["a/threads"]),
        ("abroad", ["a/folder", "a/zone"]),
    ],
)
def test_each_profile_finds_what_depends_on_it_and_nothing_else(book, tmp_path, profile, differing):
    before = snapshot(book)
    pages = (
        "index",
        "a/order",
        "a/threads",
        "a/folder",
        "a/zone",
    )  # last bits depend on threads as well; they are looked at below
    done = sample_book.press(
        book,
        "profiles",
        *pages,
        "--profile",
        profile,
        "--json",
        "--markdown",
        str(tmp_path / "m.md"),
        "--report",
        str(tmp_path / "m.json"),
    )
    [row] = json.loads(done.stdout)["profiles"]
    assert sorted(c["slug"] for c in row["chapters"] if c["cells"]) == differing
    assert row["mismatches"] == len(differing)
    assert done.returncode == (1 if differing else 0), done.stderr
    assert json.loads((tmp_path / "m.json").read_text())["profiles"] == [row]
    text = (tmp_path / "m.md").read_text()
    assert f"1 profiles, 5 chapters, {len(differing)} mismatches" in text
    assert text.count("```diff") == len(differing)
    assert snapshot(book) == before


@pytest.mark.skipif(
    "avx512f" not in CPU, reason="these two profiles take AVX-512 away, and this CPU has none"
)
@pytest.mark.parametrize("profile", ["avx2", "sse"])
def test_printed_last_bits_are_found_by_another_instruction_set(book, profile):
    done = sample_book.press(book, "profiles", "--profile", profile, "--json", "a/bits", "a/zone")
    [row] = json.loads(done.stdout)["profiles"]
    assert [c["slug"] for c in row["chapters"] if c["cells"]] == ["a/bits"]
    assert done.returncode == 1


def row(name: str, *chapters: str, cells: int = 0, unmoved: tuple[str, ...] = ()) -> profiles.Row:
    drifts = [CellDrift(1, 1, "", None)] * cells
    pages = [ChapterDrift(slug, list(drifts)) for slug in chapters]
    return profiles.Row(name, name, {"hash": name}, 1, list(unmoved), pages)


OLD = matrix.Matrix("One CPU", [row("plain", "a", "b"), row("hash-1", "a", "gone")])
ORDER = ["b", "a", "c"]


@pytest.mark.parametrize(
    ("rows", "pages"),
    [
        ([row("plain", "c")], {"plain": ["b", "a", "c"], "hash-1": ["a"]}),
        ([row("sse", "a")], {"plain": ["b", "a"], "sse": ["a"], "hash-1": ["a"]}),
        ([row("hash-1", unmoved=("hash",))], {"plain": ["b", "a"], "hash-1": ["a"]}),
        ([], {"plain": ["b", "a"], "hash-1": ["a"]}),
    ],
    ids=["another page", "another profile", "a profile without effect here", "nothing"],
)
def test_what_was_run_is_merged_into_the_matrix_and_the_rest_stays(rows, pages):
    result = matrix.merged(OLD, matrix.Matrix("Another CPU", rows), ORDER)
    assert {row.name: [page.slug for page in row.chapters] for row in result.rows} == pages
    assert result.processor == "One CPU; Another CPU"


def test_a_page_that_was_run_again_has_its_new_mismatches():
    new = matrix.Matrix("One CPU", [row("plain", "a", cells=2)])
    result = matrix.merged(OLD, new, ORDER)
    assert [r.mismatches for r in result.rows] == [2, 0]
    assert result.processor == "One CPU"


def test_a_matrix_that_was_run_as_a_whole_owes_nothing_to_another_cpu():
    new = matrix.Matrix("Another CPU", [row("plain", "b", "a"), row("hash-1", "b", "a")])
    assert matrix.merged(OLD, new, ORDER).processor == "Another CPU"


def test_a_report_of_one_page_keeps_those_of_the_others(book, tmp_path):
    file = tmp_path / "m.json"
    command = ("profiles", "--profile", "plain", "--report", str(file))
    sample_book.press(book, *command, "index", "a/zone")
    whole = matrix.read(file)
    done = sample_book.press(book, *command, "a/zone")
    assert done.returncode == 0, done.stderr
    assert matrix.read(file) == whole
    assert [chapter.slug for chapter in whole.rows[0].chapters] == ["index", "a/zone"]


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"processor": "x", "profiles": [{}]}'])
def test_a_file_that_is_not_a_report_is_not_overwritten(book, tmp_path, text):
    file = tmp_path / "m.json"
    file.write_text(text)
    done = sample_book.press(book, "profiles", "index", "--report", str(file))
    assert done.returncode == 2
    assert "is not a report of profiles" in done.stderr
    assert file.read_text() == text


def test_the_committed_matrix_is_read_as_it_is_written():
    file = ROOT / "book" / "_assets" / "reports" / "profiles.json"
    assert matrix.read(file).as_dict() == json.loads(file.read_text(encoding="utf-8"))


def test_a_knob_that_moves_nothing_cannot_pass(book, tmp_path):
    """The canary of this book is blind, as on a CPU that ignores a knob: reported, not passed."""
    sample_book.write(
        book / "code" / "press" / "machines" / "canary.py",
        "import json; print(json.dumps(dict.fromkeys(['hash', 'torch threads'], 'same')))\n",
    )
    try:
        done = sample_book.press(book, "profiles", "--profile", "hash-1", "index", "--json")
    finally:
        (book / "code" / "press" / "machines" / "canary.py").unlink()
    [row] = json.loads(done.stdout)["profiles"]
    assert row["unmoved"] == ["hash"]
    assert row["chapters"] == []
    assert done.returncode == 1
    assert "had no effect on hash" in done.stderr


def test_an_unknown_profile_is_refused_with_the_names(book):
    done = sample_book.press(book, "profiles", "--profile", "pentium")
    assert done.returncode == 2
    assert "pentium" in done.stderr
    assert "avx2" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_profiles_are_listed(book):
    names = [
        line.split()[0]
        for line in sample_book.press(book, "profiles", "--list").stdout.splitlines()
    ]
    assert names == list(profiles.ALL)
    assert len(names) >= 10


@pytest.fixture(scope="module")
def plain():
    return profiles.facts(PROJECT, kernel_env(PROJECT))


@pytest.mark.parametrize("name", [name for name in profiles.ALL if name != "plain"])
def test_every_profile_moves_on_this_machine_what_it_claims(name, plain, measured):
    profile = profiles.ALL[name]
    with profiles.environment(PROJECT, profile) as (copy, env):
        facts = profiles.facts(copy, env)
    unchanged = profiles.unmoved(profile, plain, facts)
    changed = sorted(name for name in facts if facts[name] != plain[name])
    measured(f"profile {name}: moved {', '.join(changed)}")
    of_cpu = {"openblas", "numpy", "aten", "onednn", "mkl"}
    if "avx512f" not in CPU or "OPENBLAS_CORETYPE" in os.environ:
        # an older CPU is already what the profile would make of it
        unchanged = [fact for fact in unchanged if fact not in of_cpu]
    assert unchanged == []
    assert profile.moves


def test_the_plain_environment_is_steady(plain):
    assert profiles.facts(PROJECT, kernel_env(PROJECT)) == plain
