/* Definitions, references, and where a number comes from, on hover, focus and tap. */

/* Escape and a tap elsewhere hide the tip; the pointer may enter it (WCAG 1.4.13). The texts of terms and citations stand below the page's own, once each. */
function tips() {
  const tip = document.createElement("div");
  tip.id = "term-tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let owner = null, timer = 0, inside = false, first = false;
  const text = (link) => document.getElementById(`tip-${link.hash.slice(1)}`);
  const hide = () => { clearTimeout(timer); tip.hidden = true; owner?.removeAttribute("aria-describedby"); owner = null; };
  const later = () => { timer = setTimeout(hide, 200); };
  const origin = (link) => {
    const line = document.getElementById(link.hash.slice(1)), code = document.createElement("code");
    code.textContent = line.textContent.trim();
    tip.replaceChildren(code, line.dataset.note);
  };
  const definition = (link) => {
    const more = document.createElement("a");
    more.className = "tip-more";
    more.href = link.href;
    more.tabIndex = -1; /* by keyboard the link itself leads there */
    more.textContent = link.classList.contains("term") ? "More in the glossary" : "In the bibliography";
    tip.replaceChildren(...text(link).cloneNode(true).childNodes, more);
    for (const other of $$("a", tip)) other.tabIndex = -1;
  };
  const show = (link) => {
    clearTimeout(timer);
    if (owner === link) return;
    hide();
    owner = link;
    if (link.classList.contains("number")) origin(link); else definition(link);
    tip.hidden = false;
    link.setAttribute("aria-describedby", tip.id);
    const at = link.getBoundingClientRect(), wide = tip.offsetWidth, tall = tip.offsetHeight;
    const left = Math.max(8, Math.min(at.left, root.clientWidth - wide - 8));
    const below = at.bottom + tall + 8 < root.clientHeight;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(below ? at.bottom + 4 : at.top - tall - 4) + scrollY}px`;
  };
  /* a touch first shows the tip, whose last line leads on; a second one follows the link */
  const touch = (link) => {
    link.addEventListener("pointerdown", (event) => { first = event.pointerType === "touch" && owner !== link; });
    link.addEventListener("click", (event) => {
      if (first) event.preventDefault();
      if (first) show(link);
      first = false;
    });
  };
  const links = $$("article a.term, article .bibtex-citation a").filter(text);
  links.forEach(touch);
  for (const link of [...links, ...$$("a.number")]) {
    link.addEventListener("mouseenter", () => show(link));
    link.addEventListener("focus", () => show(link));
    link.addEventListener("mouseleave", later);
    link.addEventListener("blur", () => { if (!inside) hide(); });
  }
  tip.addEventListener("mouseenter", () => clearTimeout(timer));
  tip.addEventListener("mouseleave", later);
  document.addEventListener("pointerdown", (event) => {
    inside = tip.contains(event.target);
    if (!inside && owner && !owner.contains(event.target)) hide();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}

later.push(tips);
