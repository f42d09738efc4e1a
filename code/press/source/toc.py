"""The table of contents: which pages there are, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
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

    try:
        site = parse_toc_yaml(project.root / "_toc.yml")
        pages = [Entry(site.root.docname, "")]
        for tree in site.root.subtrees:
            pages += [Entry(name, tree.caption or "") for name in _pages(site, tree)]
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _refused(repr(error)) from error
    except (yaml.YAMLError, MalformedError) as error:
        raise _refused(" ".join(str(error).split())) from error
    for entry in pages:
        if "\x00" in entry.slug or not {"", ".", ".."}.isdisjoint(entry.slug.split("/")):
            raise _refused(f"the file {entry.slug!r} is not a path below book/")
        if not project.page(entry.slug).is_file():
            what = f"_toc.yml names {entry.slug}, but book/{entry.slug}.md does not exist"
            raise UserError(what, "write the page or remove the line", Exit.USAGE)
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
    """All slugs in order, or the wanted ones; an unknown name is refused with the nearest one."""
    names = [entry.slug for entry in entries(project)]
    for name in wanted:
        if name not in names:
            near = get_close_matches(name, names, n=1, cutoff=0.3)
            fix = f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(names)}"
            raise UserError(f"there is no chapter {name!r}", fix, Exit.USAGE)
    return [name for name in names if not wanted or name in wanted]
