"""The table of contents: which pages there are, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from clikit.errors import Exit, UserError
from sphinx_external_toc.api import FileItem

from press.config import Project

if TYPE_CHECKING:
    from sphinx_external_toc.api import SiteMap, TocTree


@dataclass(frozen=True)
class Entry:
    """A page in the table of contents."""

    slug: str  # "data/model"
    part: str  # the caption it stands under, "" for the landing page


def entries(project: Project) -> list[Entry]:
    """Every page of `_toc.yml` in reading order."""
    from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

    path = project.root / "_toc.yml"
    try:
        site = parse_toc_yaml(path)
        pages = [Entry(site.root.docname, "")]
        for tree in site.root.subtrees:
            pages += [Entry(name, tree.caption or "") for name in _pages(site, tree)]
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _refused(repr(error)) from error
    except (yaml.YAMLError, MalformedError) as error:
        raise _refused(" ".join(str(error).split())) from error
    for entry in pages:
        parts = entry.slug.split("/")
        if "\x00" in entry.slug or not {"", ".", ".."}.isdisjoint(parts):
            raise _refused(f"the file {entry.slug!r} is not a path below book/")
        if not project.page(entry.slug).is_file():
            raise UserError(
                f"_toc.yml names {entry.slug}, but book/{entry.slug}.md does not exist",
                "write the page or remove the line",
                Exit.USAGE,
            )
    return pages


def _pages(site: SiteMap, tree: TocTree) -> list[str]:
    """Names of the pages below one caption, those below other pages included."""
    names: list[str] = []
    for item in tree.items:
        if not isinstance(item, FileItem):
            raise ValueError(f"{item!r} is not a file of the book")
        names.append(str(item))
        for below in site[item].subtrees:
            names += _pages(site, below)
    return names


def _refused(reason: str) -> UserError:
    fix = "correct it: format jb-book, a root, parts with chapters"
    return UserError(f"_toc.yml cannot be read: {reason}", fix, Exit.USAGE)


def slugs(project: Project, wanted: tuple[str, ...] = ()) -> list[str]:
    """All slugs in order, or the wanted ones; an unknown name is refused with the nearest known."""
    known = [entry.slug for entry in entries(project)]
    if not wanted:
        return known
    from difflib import get_close_matches

    for name in wanted:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.3)
            raise UserError(
                f"there is no chapter {name!r}",
                f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(known)}",
                Exit.USAGE,
            )
    return [slug for slug in known if slug in wanted]
