"""What a page says of itself in its front matter: its kind and the reading paths it belongs to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clikit.errors import nearest

from press.source.settings import NAME, Kind, Settings


@dataclass(frozen=True)
class FrontMatter:
    """The kind and the paths of a page, and what is wrong with them."""

    kind: str = ""
    paths: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()  # what is wrong, how to fix it

    def rules(self, settings: Settings) -> Kind:
        """The rules of the page's kind; of a kind without rules where it has none."""
        return settings.kinds.get(self.kind, Kind(about=""))


def front_matter(metadata: Mapping[str, Any], settings: Settings) -> FrontMatter:
    """`kind` and `paths` out of the front matter of a page, with a problem for each wrong value."""
    problems: list[tuple[str, str]] = []
    kind = metadata.get("kind", "")
    kinds = settings.kinds
    if kinds and not (isinstance(kind, str) and kind in kinds):
        fix = f"write `kind:` and one of {', '.join(kinds)} in the front matter"
        if kind == "":
            problems.append(("the page has no kind", fix))
        else:
            hint = nearest(str(kind), kinds)
            problems.append((f"there is no kind of page {kind!r}{hint}", fix))
        kind = ""
    paths = metadata.get("paths", [])
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        what = f"paths is {paths!r}, not a list of names"
        problems.append((what, "write, for example, `paths: [deep-learning]`"))
        paths = []
    for path in paths:
        if path not in settings.paths:
            what = f"there is no reading path {path!r}{nearest(path, settings.paths)}"
            fix = f"use some of: {', '.join(settings.paths)}; {NAME} declares them"
            problems.append((what, fix))
    return FrontMatter(str(kind), tuple(paths), tuple(problems))


def reading_paths(
    settings: Settings, pages: Sequence[tuple[str, FrontMatter]], with_cards: Collection[str]
) -> list[dict[str, Any]]:
    """Each path of the settings that has pages: its key, name, subject, pages in order.

    `pages` are slugs and front matter in the order of the table of contents, `with_cards` the slugs
    of pages with cards.
    """
    paths = []
    for key, path in settings.paths.items():
        slugs = [
            slug
            for slug, front in pages
            if key in front.paths or (path.cards and slug in with_cards)
        ]
        if slugs:
            paths.append({"key": key, "name": path.name, "about": path.about, "pages": slugs})
    return paths
