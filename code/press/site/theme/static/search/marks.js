/* Marks the words by which the search found a section, until Escape, a button or the next hit on the page takes the marks away. */
const UNREAD = "section, pre, svg, script, style, button, select, textarea, .katex, .cell_output, .headerlink, .caption-number, .section-number, .page-facts, .card-level, .sources, .plumbing > summary, .all-cards"; /* not in the texts of the search either */
let note = null;

/* A section without those below it, a box, or an entry of the glossary with what defines it. */
function region(anchor) {
  const target = anchor ? document.getElementById(anchor) : document.querySelector("article section");
  if (!target?.matches("dt")) return [target?.matches("span") ? target.closest("section") : target].filter(Boolean);
  const list = [target];
  while (list.at(-1).nextElementSibling && !list.at(-1).matches("dd")) list.push(list.at(-1).nextElementSibling);
  return list;
}
function texts(place) {
  const accept = (node) => (node.nodeType === Node.TEXT_NODE ? NodeFilter.FILTER_ACCEPT : node.matches(UNREAD) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP);
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, accept), list = [];
  while (walker.nextNode()) list.push(walker.currentNode);
  return list;
}
function mark(text, wanted) {
  const hits = words(text.data).filter(({ whole, parts }) => wanted.has(whole) || parts.some((part) => wanted.has(part)));
  for (const { start, end } of hits.reverse()) { /* from the end, so that the places before stay right */
    const element = document.createElement("mark"), found = text.splitText(start);
    found.splitText(end - start);
    found.replaceWith(element);
    element.append(found);
  }
  return hits.length;
}
function clear() {
  for (const element of document.querySelectorAll("article mark")) {
    const parent = element.parentElement;
    element.replaceWith(...element.childNodes);
    parent.normalize();
  }
  note?.remove();
  note = null;
}
function say(count, place) {
  const status = document.createElement("p"), button = document.createElement("button");
  note = document.createElement("div");
  note.className = "marks-note";
  status.setAttribute("role", "status");
  button.className = "button";
  button.setAttribute("aria-keyshortcuts", "Escape");
  button.textContent = "Remove";
  button.setAttribute("aria-label", "Remove the marks");
  button.addEventListener("click", () => {
    clear();
    place.tabIndex = -1; /* the button is gone: the keyboard goes on from the section */
    place.focus({ preventScroll: true });
    place.addEventListener("blur", () => place.removeAttribute("tabindex"), { once: true });
  });
  note.append(status, button);
  document.querySelector("main").append(note);
  requestAnimationFrame(() => { status.textContent = `${count} ${count === 1 ? "word" : "words"} marked (Esc)`; }); /* a status that is born with its text is not read out */
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && !event.target.closest("dialog, input, select, #contents")) clear();
});
/* What the reader typed is marked, or where the section has none of it the other names by which it was found. */
window.bookMarks = ({ anchor, own, terms }) => {
  clear();
  const places = region(anchor), marked = (list) => places.flatMap(texts).reduce((sum, text) => sum + mark(text, new Set(list)), 0);
  const count = marked(own) || marked(terms);
  if (count) say(count, places[0]);
};
