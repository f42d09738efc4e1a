"""Several machines execute one book.

And their records are taken over only where they are worth the same.
"""

from __future__ import annotations

import json

import pytest
from clikit.errors import UserError
from press import config
from press.execute import shards

from tests.press import sample_book

SLUGS = [f"p{i}" for i in range(7)]


def timed(tmp_path, limits_s):
    root = sample_book.make(tmp_path)
    sample_book.write(root / "tests" / "expected" / "seconds.json", json.dumps(limits_s))
    return config.load(root)


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_every_page_is_in_one_shard(tmp_path, count):
    project = timed(tmp_path, {"p0": 300})
    parts = [shards.pages(project, SLUGS, f"{k}/{count}") for k in range(1, count + 1)]
    assert sorted(slug for part in parts for slug in part) == SLUGS


def test_the_longest_page_is_alone_and_the_rest_is_shared(tmp_path):
    project = timed(tmp_path, {"p0": 300, **dict.fromkeys(SLUGS[1:], 10)})
    assert shards.pages(project, SLUGS, "1/2") == ["p0"]


@pytest.mark.parametrize("text", ["", "2", "0/2", "3/2", "a/b", "1/0", "1/2/3", "-1/2"])
def test_a_shard_that_is_not_a_part_is_refused(tmp_path, text):
    with pytest.raises(UserError, match="not a part of a whole"):
        shards.pages(timed(tmp_path, {}), SLUGS, text)


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """Two copies of one book, each of which executed its half."""
    base = tmp_path_factory.mktemp("machines")
    roots = [sample_book.make(base / name) for name in ("one", "two")]
    for number, root in enumerate(roots, 1):
        sample_book.press(root, "execute", "--shard", f"{number}/2")
    return [root / "_build" / "press" / "store" / "runs" for root in roots]


@pytest.mark.slow
def test_gathered_records_are_current_and_nothing_is_executed_again(machines, tmp_path):
    root = sample_book.make(tmp_path)
    done = sample_book.press(root, "gather", *map(str, machines))
    assert done.returncode == 0
    assert "3 of 3 pages are current" in done.stdout
    assert sample_book.report(sample_book.press(root, "check", "--json"))["executed"] == []


@pytest.mark.slow
def test_a_missing_shard_is_named(machines, tmp_path):
    root = sample_book.make(tmp_path)
    done = sample_book.press(root, "gather", str(machines[1]))
    assert done.returncode == 1
    assert "no record of it" in done.stderr


@pytest.mark.slow
def test_records_of_other_code_are_not_taken(machines, tmp_path):
    root = sample_book.make(tmp_path)
    sample_book.write(root / "code" / "toy" / "deep.py", "FACTOR = 3\n")
    done = sample_book.press(root, "gather", *map(str, machines))
    assert done.returncode == 1
    assert "a/one: not taken" in done.stderr
    assert "2 of 3 pages are current" in done.stdout


@pytest.mark.slow
def test_damaged_records_are_not_taken(machines, tmp_path):
    root = sample_book.make(tmp_path / "book")
    for runs in machines:
        for path in runs.glob("*.json"):
            sample_book.write(tmp_path / "runs" / path.name, path.read_text()[:-9])
    done = sample_book.press(root, "gather", str(tmp_path / "runs"))
    assert done.returncode == 1
    assert "is damaged" in done.stderr


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path):
    done = sample_book.press(sample_book.make(tmp_path), "gather", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "is not a folder" in done.stderr
