"""A click group whose errors are one message with a fix, and whose help is complete."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeVar

import click

from clikit.errors import EXIT_CODES, Exit, UserError, nearest

T = TypeVar("T")


class CommandGroup(click.Group):
    """Commands in the order of use; every error is one message with a `fix:` line.

    Parameters
    ----------
    interrupted : str, what to say after Ctrl-C
    out_of_memory : str, the fix when memory runs out
    """

    def __init__(
        self,
        *args: Any,
        interrupted: str = "interrupted",
        out_of_memory: str = "close other programs or use a smaller input",
        **options: Any,
    ) -> None:
        options.setdefault("epilog", EXIT_CODES)
        super().__init__(*args, **options)
        self.interrupted = interrupted
        self.out_of_memory = out_of_memory

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List every command with its whole first sentence, wrapped and never cut off."""
        rows = [
            (name, command.get_short_help_str(limit=1000))
            for name, command in self.commands.items()
            if not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def main(  # type: ignore[override]
        self, *args: Any, standalone_mode: bool = True, **options: Any
    ) -> Any:
        """Run the command and leave with an exit code of `Exit`."""
        run: Any = partial(super().main, standalone_mode=False)
        if not standalone_mode:
            return run(*args, **options)
        for output in (sys.stdout, sys.stderr):
            if hasattr(output, "reconfigure"):  # a character the terminal lacks must not raise
                output.reconfigure(errors="backslashreplace")
        sys.exit(int(self._exit_code(partial(run, *args, **options))))

    def _exit_code(self, run: Callable[[], Any]) -> int:
        try:
            result = run()
        except UserError as error:
            return self._fail(error.what, error.fix, error.code)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return Exit.USAGE
        except click.UsageError as error:
            return self._fail(*explain(error), Exit.USAGE)
        except click.ClickException as error:
            return self._fail(error.format_message(), "see --help", Exit.USAGE)
        except click.Abort:  # click's answer to Ctrl-C
            click.echo(f"{self.name}: {self.interrupted}", err=True)
            return Exit.INTERRUPTED
        except MemoryError:
            return self._fail("out of memory", self.out_of_memory, Exit.ENVIRONMENT)
        except OSError as error:
            return self._fail(
                f"{error.filename or 'the operating system'}: {error.strerror or error}",
                "check that the path exists, may be read and written, and that the disk has space",
                Exit.ENVIRONMENT,
            )
        return result if isinstance(result, int) else Exit.OK

    def _fail(self, what: str, fix: str, code: Exit) -> int:
        click.echo(f"{self.name}: {what}\n    fix: {fix}", err=True)
        return code


def explain(error: click.UsageError) -> tuple[str, str]:
    """What is wrong with a command line (with the nearest valid name), and the fix."""
    what = error.message.rstrip(".") if error.message else error.format_message()
    if isinstance(error, click.BadParameter):
        what = error.format_message().rstrip(".")
    command = error.ctx.command_path if error.ctx else ""
    names = list(getattr(error, "possibilities", None) or [])
    if isinstance(error, click.NoSuchOption) and error.ctx and not names:
        options = [name for p in error.ctx.command.params for name in p.opts if name[:2] == "--"]
        names = get_close_matches(error.option_name, options, n=1, cutoff=0.5)
    if names:
        what += f"; did you mean {names[0]!r}?"
    return what, f"{command} --help lists what is possible".strip()


class Choice(click.Choice):
    """A choice of words that names the nearest one when a word is unknown."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """The message of a word that is not among the choices."""
        words = [str(choice) for choice in self.choices]
        return f"{value!r} is not one of {', '.join(words)}{nearest(str(value), words)}"


def unknown(kind: str, name: str, names: Sequence[str]) -> UserError:
    """The error of a name that is not among `names`, with the nearest one.

    Examples
    --------
    >>> print(unknown("audit", "numers", ["numbers", "links"]))
    there is no audit 'numers'; did you mean 'numbers'?
        fix: use one of: numbers, links
    """
    return UserError(
        f"there is no {kind} {name!r}{nearest(name, names)}",
        f"use one of: {', '.join(names)}",
        Exit.USAGE,
    )


def chosen(kind: str, names: Sequence[str], table: Mapping[str, T]) -> list[T]:
    """The entries of `table` with these names, each once; refuses an unknown name.

    Examples
    --------
    >>> chosen("audit", ["b", "a", "b"], {"a": 1, "b": 2})
    [2, 1]
    """
    for name in names:
        if name not in table:
            raise unknown(kind, name, tuple(table))
    return [table[name] for name in dict.fromkeys(names)]
