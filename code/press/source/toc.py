"""The table of contents: which pages there are, and in which order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import yaml

from press.config import Project
from press.errors import Exit, PressError


@dataclass(frozen=True)
class Entry:
    """A page in the table of contents."""

    slug: str  # "data/model"
    part: str  # the caption it stands under, "" for the landing page


def entries(project: Project) -> list[Entry]:
    """Every page of `_toc.yml` in reading order."""
    path = project.root / "_toc.yml"
    try:
        toc = yaml.load(
            path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
        found = [Entry(toc["root"], "")]
        for part in toc.get("parts", []):
            found += [
                Entry(chapter["file"], part.get("caption", "")) for chapter in part["chapters"]
            ]
        if not all(isinstance(word, str) for entry in found for word in (entry.slug, entry.part)):
            raise TypeError("a file or a caption is not a text")
        if any(".." in entry.slug or "\x00" in entry.slug or not entry.slug for entry in found):
            raise ValueError("a file is not a path below book/")
        if twice := [
            slug for slug, count in Counter(entry.slug for entry in found).items() if count > 1
        ]:
            raise ValueError(f"{twice[0]!r} stands twice")
    except (OSError, KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        raise PressError(
            f"_toc.yml cannot be read: {error!r}",
            "correct it: format jb-book, a root, parts with chapters",
            Exit.USAGE,
        ) from error
    for entry in found:
        if not project.page(entry.slug).is_file():
            raise PressError(
                f"_toc.yml names {entry.slug}, but book/{entry.slug}.md does not exist",
                "write the page or take the line out",
                Exit.USAGE,
            )
    return found


def slugs(project: Project, wanted: tuple[str, ...] = ()) -> list[str]:
    """All slugs in order, or the wanted ones; an unknown name is refused with the nearest known."""
    known = [entry.slug for entry in entries(project)]
    if not wanted:
        return known
    from difflib import get_close_matches

    for name in wanted:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.3)
            raise PressError(
                f"there is no chapter {name!r}",
                f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(known)}",
                Exit.USAGE,
            )
    return [slug for slug in known if slug in wanted]
