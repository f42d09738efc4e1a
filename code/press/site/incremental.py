"""Which pages Sphinx reads and writes again, so that an incremental render is a clean one.

Sphinx goes by the dates of files, and it writes a page again only when the page itself changed.
But a page also shows what others say: the title behind a reference, the number of a figure. Here
the content of files decides what is read, and when anything changes that other pages can show, all
pages are written.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from clikit.files import sha

from press import patches
from press.site import manifest
from press.store import Store, file_digest

NAME = "render"
LATE = 900  # after the handlers of the extensions, which also change the environment


class Incremental:
    """Between two renders: what each page was made from, and what they wrote."""

    def __init__(self, store: Store, work: Path, outputs: dict[str, str]) -> None:
        """`outputs` is the digest of the recorded outputs by page; Sphinx writes below `work`."""
        for patch in (patches.SPHINX, patches.EXERCISE, patches.PROOF):
            patch.require()
        self.store = store
        self.folders = (work / "raw", work / "doctrees")
        self.outputs = outputs
        before = store.load(NAME, "")
        if before is None or not all(map(manifest.is_intact, self.folders, before["files"])):
            before = {}
            for folder in self.folders:
                shutil.rmtree(folder, ignore_errors=True)
        self.pages: dict[str, str] = before.get("pages", {})
        self.shared: str = before.get("shared", "")
        # a render that is killed or has findings is never continued
        store.path(NAME, "").unlink(missing_ok=True)

    def connect(self, app: Any) -> None:
        """Take part in the decisions of a Sphinx application."""
        app.connect("env-get-outdated", self._outdated)
        app.connect("env-updated", self._shared_changed, priority=LATE)

    def save(self) -> None:
        """Note the render as whole and without findings."""
        files = [manifest.read(folder) for folder in self.folders]
        self.store.save(NAME, "", {"pages": self.pages, "shared": self.shared, "files": files})

    def _outdated(self, app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
        present = set(env.all_docs) - removed
        return sorted(page for page in present if self._page(env, page) != self.pages.get(page))

    def _shared_changed(self, app: Any, env: Any) -> list[str]:
        name_images(env)
        detach(env)
        before = self.shared
        self.shared = sha(shared(env))
        self.pages = {page: self._page(env, page) for page in sorted(env.all_docs)}
        return [] if self.shared == before else sorted(env.all_docs)

    def _page(self, env: Any, page: str) -> str:
        files = [env.doc2path(page), *sorted(Path(env.srcdir, d) for d in env.dependencies[page])]
        return sha([self.outputs.get(page), [file_digest(Path(path)) for path in files]])


def name_images(env: Any) -> None:
    """Name the images in the order of their paths: Sphinx numbers equal names as they come."""
    names: set[str] = set()
    for path in sorted(env.images):
        original = PurePosixPath(path)
        name = original.name
        number = 0
        while name in names:
            number += 1
            name = f"{original.stem}{number}{original.suffix}"
        names.add(name)
        env.images[path] = (env.images[path][0], name)
    env.images._existing = names


def detach(env: Any) -> None:
    """Cut exercises off their pages: Sphinx would save every page with the environment."""
    for entry in getattr(env, "sphinx_exercise_registry", {}).values():
        if entry["node"].parent is not None:
            entry["node"] = entry["node"].deepcopy()


def shared(env: Any) -> list[Any]:
    """Everything in Sphinx's environment that a page can show of another, in one fixed form."""
    std = env.domaindata["std"]
    numbers = [env.toc_secnumbers, env.toc_fignumbers, env.domaindata["math"]["objects"]]
    names = [std[kind] for kind in ("labels", "anonlabels", "terms", "objects", "progoptions")]
    texts = [env.titles, env.longtitles, env.tocs]
    registries = [getattr(env, "sphinx_exercise_registry", {}), getattr(env, "proof_list", {})]
    renamed = {path: name for path, (_, name) in env.images.items() if not path.endswith(name)}
    return [
        [_plain(table) for table in [*numbers, *names, env.toctree_includes, renamed]],
        [{page: node.astext() for page, node in table.items()} for table in texts],
        [{label: _entry(entry) for label, entry in table.items()} for table in registries],
        list(_citations(env)),
    ]


def _entry(entry: dict[str, Any]) -> list[Any]:
    """An exercise or a theorem as another page shows it: by its title, without its text."""
    titles = [child.astext() for child in getattr(entry.get("node"), "children", [])[:1]]
    return [titles, _plain({name: value for name, value in entry.items() if name != "node"})]


def _citations(env: Any) -> Iterator[list[Any]]:
    """The label and the entry of each citation, and where its list is."""
    for citation in env.domaindata.get("cite", {}).get("citations", []):
        fields = [sorted(citation.entry.fields.items()), str(citation.entry.persons)]
        place = [citation.citation_id, *citation.bibliography_key]
        yield [citation.key, citation.formatted_entry.label, citation.entry.type, fields, place]


def _plain(value: Any) -> Any:
    """Nested tables with any keys, as JSON has them."""
    if isinstance(value, dict):
        return sorted([str(name), _plain(item)] for name, item in value.items())
    if isinstance(value, set):
        return sorted(str(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (int, float, type(None))) else str(value)
