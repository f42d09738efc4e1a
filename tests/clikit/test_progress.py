"""A log gets plain lines, a terminal a bar, and nobody anything when quiet was asked for."""

from __future__ import annotations

import io
import sys

import pytest
from clikit.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def _printed(monkeypatch, stream, quiet=False):
    monkeypatch.setattr(sys, "stderr", stream)
    progress = Progress(3, "steps", quiet=quiet)
    progress.update(1, "loss 0.5")
    progress.log("a line")
    progress.update(3)
    progress.close()
    return stream.getvalue()


def test_a_log_has_only_plain_lines(monkeypatch):
    assert _printed(monkeypatch, io.StringIO()) == "a line\n"


@pytest.mark.parametrize("part", ["1/3", "loss 0.5", "a line\n"])
def test_a_terminal_has_a_bar_with_the_note_and_the_line(monkeypatch, part):
    assert part in _printed(monkeypatch, Terminal())


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_quiet_prints_nothing(monkeypatch, stream):
    assert _printed(monkeypatch, stream(), quiet=True) == ""


def test_the_time_left_counts_the_steps_of_this_session_only(monkeypatch):
    progress = Progress(10, "steps", quiet=True, initial=6)
    progress.update(8)
    progress.start -= 4.0
    assert progress.clock() == "elapsed 4 s, left about 4 s"


def test_no_time_left_is_claimed_before_the_first_step():
    assert "left" not in Progress(10, "steps", quiet=True).clock()
