"""What the history of the project says."""

from __future__ import annotations

import subprocess

from clikit.errors import Exit, UserError

from press.config import Project


def git(project: Project, *arguments: str) -> str:
    """What a git command prints in the project; UserError where it fails."""
    done = subprocess.run(
        ["git", "-C", str(project.root), *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise UserError(
            f"git {arguments[0]}: {done.stderr.strip()}",
            "run the command in a full clone of the repository",
            Exit.USAGE,
        )
    return done.stdout
