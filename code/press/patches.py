"""Everything the press changes in other packages, or takes from their private parts, in one place.

Each entry names the package, the versions for which it was checked, and the issue upstream; a
module that uses a private part calls `require` of its entry. A version that is not known is
refused, since a patch of it might do nothing, or harm; with PRESS_UNKNOWN_VERSIONS=1 it is tried
all the same, which is how a job finds out whether a newer one works.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from clikit.errors import UserError

PARENT = Path(__file__).with_name("parent.cjs")
PATIENCE_S = 30.0
OVERRIDE = "PRESS_UNKNOWN_VERSIONS"
NONE = "none found"


@dataclass(frozen=True)
class Patch:
    """A change to one package, or the use of a private part of it."""

    package: str
    first: str  # the oldest version it was checked with
    below: str  # the first version it was not checked with
    reason: str
    issue: str  # upstream

    def require(self) -> None:
        """Refuse a version that is not known."""
        from packaging.specifiers import SpecifierSet

        version = metadata.version(self.package)
        known = SpecifierSet(f">={self.first},<{self.below}")
        if known.contains(version, prereleases=True) or os.environ.get(OVERRIDE):
            return
        raise UserError(
            f"{self.package} {version} is installed; the press changes it ({self.reason}) "
            f"and knows its versions from {self.first} to below {self.below}",
            "install what requirements.txt pins; or check the patch in code/press/patches.py "
            f"with the new version and raise its limit (to try it once: {OVERRIDE}=1)",
        )


KATEX = Patch(
    "sphinxcontrib-katex",
    "0.9.11",
    "0.10",
    "its server of formulas is used before it listens, and outlives a build that is killed",
    "hagenw/sphinxcontrib-katex#69, which brought the server",
)
BIBTEX = Patch(
    "sphinxcontrib-bibtex",
    "2.6",
    "2.8",
    "pages whose citation numbers moved are not written again",
    NONE,
)
PYBTEX = Patch(
    "pybtex",
    "0.24",
    "0.27",
    "an entry is formatted twice in every build, changed or not",
    NONE,
)
CLIENT = Patch(
    "nbclient",
    "0.10",
    "0.12",
    "its handlers of Ctrl-C leave the kernel of a canceled build behind",
    "jupyter/nbclient#64 and jupyter/nbclient#34, where its cleaning up came from",
)
KERNELS = Patch(
    "jupyter_client",
    "8.6",
    "9",
    "a kernel is started by its command, whatever kernels are installed",
    NONE,
)
SPHINX = Patch(
    "sphinx",
    "7.4",
    "8",
    "images are named in the order of their paths, and the EPUB has the visitors of the site",
    NONE,
)
MYST_NB = Patch(
    "myst-nb",
    "1.4",
    "1.5",
    "it renders interactive figures without an entry point of an installed package",
    NONE,
)
EXERCISE = Patch(
    "sphinx-exercise",
    "1.2",
    "1.3",
    "its list of exercises is read, and cut off the pages before they are saved",
    NONE,
)
PROOF = Patch(
    "sphinx-proof",
    "0.4",
    "0.5",
    "its list of theorems is read, which decides what pages are written again",
    NONE,
)
PYGMENTS = Patch(
    "pygments",
    "2.21",
    "2.22",
    "names and spaces of a listing are bare text",
    NONE,
)
ALL = (KATEX, BIBTEX, PYBTEX, CLIENT, KERNELS, SPHINX, MYST_NB, EXERCISE, PROOF, PYGMENTS)


def katex() -> None:
    """Let the server of sphinxcontrib-katex answer before it is used, and end with its build."""
    KATEX.require()
    from sphinxcontrib.katex import KaTeXServer

    KaTeXServer.start_server_process = classmethod(_start_katex)


def _start_katex(cls: Any, rundir: Path, timeout: float) -> tuple[Popen, socket.socket]:
    """Start node and connect; the socket's file appears a moment before node listens to it."""
    path = rundir / "katex.sock"
    node, *rest = cls.build_command(socket=path)
    process = Popen([node, "--require", str(PARENT), *rest], stdin=PIPE, stdout=PIPE, cwd=rundir)
    deadline = time.monotonic() + max(timeout, PATIENCE_S)
    while True:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            client.connect(str(path))
            return process, client
        except (FileNotFoundError, ConnectionRefusedError):
            client.close()
            if process.poll() is not None or time.monotonic() > deadline:
                raise cls.timeout_error(timeout) from None
            time.sleep(0.005)


def bibliography() -> None:
    """Write the pages again whose citation numbers moved, and format each entry once.

    The text of an entry depends on the entry alone: the label is added to it, and the style belongs
    to the configuration, whose change makes Sphinx forget its citations. Calling it twice changes
    nothing more.
    """
    BIBTEX.require()
    PYBTEX.require()
    from pybtex.style.formatting import BaseStyle
    from sphinxcontrib.bibtex.domain import BibtexDomain

    if isinstance(BaseStyle.format_entry, _FormatOnce):
        return
    once = _FormatOnce(BaseStyle.format_entry)
    update = BibtexDomain.env_updated
    BaseStyle.format_entry = once
    BibtexDomain.env_updated = lambda self: _pages_to_write(  # type: ignore[method-assign]
        self, update, once
    )


class _FormatOnce:
    """`BaseStyle.format_entry` with a memory of the entries by style and key."""

    def __init__(self, format_entry: Any) -> None:
        from pybtex.plugin import find_plugin

        self.format_entry = format_entry
        self.style = lru_cache(partial(find_plugin, "pybtex.style.formatting"))
        self.texts: dict[tuple[type, str], tuple[Any, Any]] = {}

    def __get__(self, style: Any, owner: type | None = None) -> Any:
        return self if style is None else partial(self, style)

    def __call__(self, style: Any, label: str, entry: Any, bib_data: Any = None) -> Any:
        from pybtex.style import FormattedEntry

        before, text = self.texts.get((type(style), entry.key), (None, None))
        if before is None or before != entry:
            text = self.format_entry(style, label, entry, bib_data).text
            self.texts[type(style), entry.key] = (entry, text)
        return FormattedEntry(entry.key, text, label)

    def remember(self, domain: Any) -> None:
        """Take over what the last build formatted, out of Sphinx's pickle."""
        for citation in domain.citations:
            if bibliography := domain.bibliographies.get(citation.bibliography_key):
                style = self.style(bibliography.style)
                text = citation.formatted_entry.text
                self.texts[style, citation.entry.key] = (citation.entry, text)


def _pages_to_write(domain: Any, update: Any, once: _FormatOnce) -> list[str]:
    """What `env_updated` answers.

    And the pages on which a number or an entry is not what it was.
    """
    once.remember(domain)
    before = _shown(domain)
    pages = set(update(domain))
    after = _shown(domain)
    moved = {place[1] for place in before | after if before.get(place) != after.get(place)}
    if moved:
        pages |= {
            reference.docname
            for reference in domain.citation_refs
            if moved & {target.key for target in reference.targets}
        }
        pages |= {place.docname for place in domain.bibliographies}  # the lists themselves
    return sorted(pages)


def _shown(domain: Any) -> dict[tuple[Any, str], tuple[str, Any]]:
    """What a page shows of each citation: its number and its entry, by bibliography and key."""
    return {
        (c.bibliography_key, c.key): (c.formatted_entry.label, c.entry) for c in domain.citations
    }
