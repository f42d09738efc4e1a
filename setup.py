"""The wheel that readers install carries the recorded result cards; pyproject.toml says the rest."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CARDS = Path("_assets/results")


class BuildWithCards(build_py):
    """`build_py`, then the cards of book/_assets/results beside the package that reads them."""

    def run(self):
        super().run()
        if not self.editable_mode:
            shutil.copytree(
                "book" / CARDS, Path(self.build_lib) / "projects" / CARDS, dirs_exist_ok=True
            )


setup(cmdclass={"build_py": BuildWithCards})
