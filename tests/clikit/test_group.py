"""Every error is one message with a fix and a documented code, and no help is cut off."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from clikit.errors import Exit, UserError, nearest
from clikit.group import Choice, CommandGroup, chosen, unknown

LONG = "Describe in one long sentence what this command does so that no terminal could hold it."


def _group():
    @click.group("tool", cls=CommandGroup, interrupted="interrupted, and saved")
    def main():
        pass

    @main.command()
    @click.option("--device", type=Choice(["cuda", "mps", "cpu"]))
    @click.option("--steps", type=int)
    def train(device, steps):
        pass

    @main.command(help=LONG)
    @click.argument("kind")
    def fail(kind):
        if kind == "user":
            raise UserError("there is no run", "name a folder", Exit.EXECUTION)
        if kind == "interrupt":
            raise KeyboardInterrupt
        if kind == "memory":
            raise MemoryError
        if kind == "open":
            open("/no/such/file")
        if kind == "code":
            raise SystemExit(3)

    return main


def _run(*args):
    return CliRunner().invoke(_group(), args)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["trian"], 2, "did you mean 'train'?"),
        (["train", "--devcie", "cpu"], 2, "did you mean '--device'?"),
        (["train", "--device", "cudo"], 2, "did you mean 'cuda'?"),
        (["train", "--steps", "many"], 2, "'many' is not a valid integer"),
        (["fail"], 2, "Missing argument 'KIND'"),
        (["fail", "user"], 3, "there is no run"),
        (["fail", "memory"], 4, "out of memory"),
        (["fail", "open"], 4, "/no/such/file: No such file or directory"),
    ],
)
def test_an_error_is_one_message_with_a_fix(args, code, message):
    done = _run(*args)
    assert done.exit_code == code
    assert message in done.stderr
    assert done.stderr.startswith("tool: ")
    assert "\n    fix: " in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_ctrl_c_says_what_is_saved():
    done = _run("fail", "interrupt")
    assert done.exit_code == Exit.INTERRUPTED
    assert "tool: interrupted, and saved" in done.stderr


def test_a_command_may_leave_with_a_code_of_its_own():
    assert _run("fail", "code").exit_code == 3


def test_success_is_zero():
    assert _run("train").exit_code == 0


def test_the_list_of_commands_is_complete_and_in_the_order_of_definition():
    text = " ".join(_run("--help").output.split())
    assert LONG in text
    assert text.index("train") < text.index("fail")
    assert "..." not in text.split("Commands:")[1]


@pytest.mark.parametrize("code", [code for code in Exit])
def test_the_help_documents_every_exit_code(code):
    assert f" {int(code)} " in " ".join(_run("--help").output.split())


def test_without_arguments_the_help_is_shown():
    done = _run()
    assert done.exit_code == Exit.USAGE
    assert "Commands:" in done.output


@pytest.mark.parametrize(
    ("name", "hint"), [("numers", "; did you mean 'numbers'?"), ("x", ""), ("", "")]
)
def test_the_nearest_name_is_suggested_if_there_is_one(name, hint):
    assert nearest(name, ["numbers", "links"]) == hint


def test_an_unknown_name_is_refused_with_all_names():
    error = unknown("audit", "link", ["numbers", "links"])
    assert error.what == "there is no audit 'link'; did you mean 'links'?"
    assert error.fix == "use one of: numbers, links"
    assert error.code is Exit.USAGE


def test_an_unknown_name_among_those_chosen_is_refused():
    with pytest.raises(UserError, match="there is no audit 'link'; did you mean 'links'"):
        chosen("audit", ["links", "link"], {"links": 1})


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_character_that_the_terminal_lacks_is_escaped(encoding):
    program = (
        "import click\n"
        "from clikit.group import CommandGroup\n"
        "@click.group('tool', cls=CommandGroup)\n"
        "def main(): pass\n"
        "@main.command()\n"
        "def say(): click.echo('\\u2588 \\ud800')\n"
        "main(['say'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0
    assert done.stdout.endswith((b"\\ud800\n", b"?\n", b"\\ud800\r\n"))
    assert done.stderr == b""
