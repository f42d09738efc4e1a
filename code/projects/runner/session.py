"""One training run from its settings to its result card, as `run` and `resume` start it.

Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from clikit import files
from clikit.errors import Exit, UserError

from projects import registry
from projects.runner import checkpoints, devices, own, processes, records
from projects.runner.settings import Settings
from projects.runner.signals import OnSignals
from projects.runner.training import Interrupted, Trainer

LOCK = "run.lock"


@dataclass(frozen=True)
class Session:
    """What a run is: everything that `run.json` records, and where it records it."""

    project: str
    preset: str
    settings: Settings
    folder: Path
    device: str = "auto"
    precision: str = "auto"
    compiled: bool | None = None
    tensorboard: bool = False

    def write(self) -> None:
        """run.json."""
        records.write_run(
            self.folder,
            self.project,
            self.preset,
            self.settings,
            device=self.device,
            precision=self.precision,
            compiled=self.compiled,
        )

    def train(self, group: processes.Group, resume: bool) -> dict[str, Any] | None:
        """Train, and write the card; the card, in the first process.

        Raises
        ------
        UserError
            When another process trains in the same folder, and whatever `Trainer.run` raises.
        """
        if group.first:
            self.folder.mkdir(parents=True, exist_ok=True)
        with alone(self.folder, group):
            trainer = self._trainer(group)
            if resume and self._saved(trainer):
                trainer.resume()
            finished = trainer.step == self.settings.steps and (self.folder / "card.json").exists()
            if finished:
                trainer.progress.log(f"the run is at its last step, {trainer.step}: nothing to do")
                return None
            if group.first:
                self.write()
            return self._run(trainer, group)

    def _saved(self, trainer: Trainer) -> bool:
        """Whether there is anything to resume; a run that had saved nothing starts at step 0."""
        if checkpoints.list_newest_first(self.folder) or (self.folder / "best.pt").exists():
            return True
        trainer.progress.log(f"{self.folder} holds no checkpoint yet: starting at step 0")
        return False

    def _trainer(self, group: processes.Group) -> Trainer:
        config = devices.choose(self.device, self.precision, group.local_rank)
        processes.init_group(group, config.device)
        if group.first:
            click.echo(
                f"{self.project} ({self.preset}): {config.name}, {config.reason}; "
                f"{config.precision}; {group.size} process(es); seed {self.settings.seed}; "
                f"in {self.folder}",
                err=True,
            )
        task = own.task(registry.load(self.project), self.settings)
        compiled = config.device.type == "cuda" if self.compiled is None else self.compiled
        return Trainer(
            task, self.project, config, group, self.folder, compiled, tensorboard=self.tensorboard
        )

    def _run(self, trainer: Trainer, group: processes.Group) -> dict[str, Any] | None:
        try:
            card = trainer.run()
        except Interrupted:
            if group.first:
                click.echo(
                    f"projects: stopped at step {trainer.step}, saved; resume with: "
                    f"{resume_command(self.folder, group)}",
                    err=True,
                )
            processes.destroy_group()
            sys.exit(int(Exit.INTERRUPTED))
        if card is not None:
            card["preset"] = self.preset
            card["settings"] = asdict(self.settings)
            card["curve"] = records.curve(self.folder, trainer.task.target)
            records.write_curve(self.folder, f"{self.project}, {self.preset}")
            checkpoints.write_text(self.folder / "card.json", json.dumps(card, indent=1) + "\n")
        return card


def resume_command(folder: Path, group: processes.Group) -> str:
    """The command that resumes a run in as many processes as it had.

    Examples
    --------
    >>> resume_command(Path("runs/gpt"), processes.Group(size=2))
    'python -m projects resume runs/gpt --processes 2'
    """
    local = int(os.environ.get("LOCAL_WORLD_SIZE", str(group.size)))
    if group.size > local:  # several computers
        return f"torchrun, with the options it was started with, -m projects resume {folder}"
    count = f" --processes {group.size}" if group.size > 1 else ""
    return f"python -m projects resume {folder}{count}"


@contextmanager
def alone(folder: Path, group: processes.Group) -> Iterator[None]:
    """Refuse a second run that writes into a folder; the first process holds it for its group."""
    if not group.first:
        yield
        return
    with files.lock(folder / LOCK, lambda _: None, wait_s=0, holder="run"):
        yield


def occupied(folder: Path) -> bool:
    """Whether a folder holds anything but the lock of a run that failed before it began."""
    return folder.is_dir() and any(not p.name.startswith(LOCK) for p in folder.iterdir())


def new_folder(base: Path, shared: bool) -> Path:
    """Make `base`, or `base-2`, `base-3`, ...: the first that does not exist.

    The folder is made at once, so that two runs started together get two.

    Raises
    ------
    UserError
        For several processes, which could not agree on one.
    """
    if shared:
        raise UserError(
            "several processes need one folder that all of them know",
            "add --out FOLDER to the command that torchrun starts",
            Exit.USAGE,
        )
    number = 1
    while True:
        folder = base if number == 1 else base.with_name(f"{base.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
            continue
        except OSError as error:
            raise files.disk_error(folder, error, checkpoints.DISK_FIX) from error
        return folder


def launch(count: int, arguments: list[str]) -> None:
    """Start this command again in several processes, by torchrun.

    Ctrl-C and SIGTERM are passed on, and waited for: the processes save and end.

    Raises
    ------
    UserError
        When one of them fails.
    """
    passed = []
    value_follows = False
    for argument in arguments:
        option = argument == "--processes"
        if not (value_follows or option or argument.startswith("--processes=")):
            passed.append(argument)
        value_follows = option
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    process = subprocess.Popen(
        [sys.executable, *torchrun, "-m", "projects", *passed],
        start_new_session=True,  # a terminal's Ctrl-C comes here only, and is passed on once
    )
    with OnSignals(process.terminate, repeat=True) as signals:
        code = process.wait()
    if signals.asked:  # the first process has saved, and said how to resume
        click.echo("projects: stopped; the command that resumes stands above", err=True)
        sys.exit(int(Exit.INTERRUPTED))
    if code:
        raise UserError(
            f"a process of {count} ended with code {code}",
            "its message is printed above; a single process says more: leave --processes out",
            Exit.EXECUTION,
        )
