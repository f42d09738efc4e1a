"""The wheel that readers install carries the recorded result cards; see pyproject.toml."""

import json
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CARDS = Path("_assets/results")


class BuildWithCards(build_py):
    """`build_py`, then the cards of book/_assets/results without indentation, for `projects`."""

    def run(self):
        super().run()
        if not self.editable_mode:
            for card in sorted(("book" / CARDS).iterdir()):
                copy = Path(self.build_lib) / "projects" / CARDS / card.name
                copy.parent.mkdir(parents=True, exist_ok=True)
                text = json.loads(card.read_text(encoding="utf-8"))
                copy.write_text(json.dumps(text, separators=(",", ":")), encoding="utf-8")


setup(cmdclass={"build_py": BuildWithCards})
