"""What a page's script shows at a term or a citation, once per page, below its text."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes

from press.site.extension import terms


def complete(app: Any, name: str, _: str, values: dict[str, Any], doctree: Any) -> None:
    """Give the template the texts behind the links of a page, by their anchors."""
    values["tips"] = []
    if doctree is None:
        return
    if not hasattr(app, "press_tips"):
        app.press_tips = _texts(app.env)
    links = (link.get("refuri", "") for link in doctree.findall(nodes.reference))
    targets = dict.fromkeys(link.rpartition("#")[2] for link in links)
    for anchor in targets:
        text = app.press_tips.get(anchor)
        if isinstance(text, nodes.Node):  # the first page that shows it draws it for all
            text = app.builder.render_partial(text)["fragment"].strip()
            app.press_tips[anchor] = text
        if text:
            values["tips"].append((anchor, text))


def _texts(env: Any) -> dict[str, nodes.Element | str]:
    """The first paragraph of each definition, and each entry of the bibliography, by anchor."""
    domain = env.get_domain("cite")
    texts = {anchor: _first(definition) for anchor, definition in terms.entries(env).items()}
    for item in domain.citations:
        texts[item.citation_id] = domain.backend.paragraph(item.formatted_entry)
    return texts


def _first(definition: nodes.Element) -> nodes.Element:
    """The first paragraph, its cross-references as plain words."""
    paragraph = next(definition.findall(nodes.paragraph), definition).deepcopy()
    for reference in list(paragraph.findall(addnodes.pending_xref)):
        reference.replace_self(nodes.Text(reference.astext()))
    return paragraph
