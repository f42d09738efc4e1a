/* Definitions, and where a number comes from. */

/* Definitions, and where a number comes from, on hover and on focus; Escape hides them; the pointer may enter them (WCAG 1.4.13). */
function terms() {
  const tip = document.createElement("div");
  tip.id = "term-tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let owner = null, timer = 0;
  const hide = () => { tip.hidden = true; owner?.removeAttribute("aria-describedby"); owner = null; };
  const later = () => { timer = setTimeout(hide, 200); };
  const origin = (link) => {
    const line = document.getElementById(link.hash.slice(1)), code = document.createElement("code");
    code.textContent = line.textContent.trim();
    tip.replaceChildren(code, line.dataset.note);
  };
  const show = (link) => {
    clearTimeout(timer);
    if (owner && owner !== link) hide();
    owner = link;
    if (link.dataset.definition) tip.innerHTML = link.dataset.definition; else origin(link);
    tip.hidden = false;
    link.setAttribute("aria-describedby", tip.id);
    const at = link.getBoundingClientRect(), wide = tip.offsetWidth, tall = tip.offsetHeight;
    const left = Math.max(8, Math.min(at.left, root.clientWidth - wide - 8));
    const below = at.bottom + tall + 8 < root.clientHeight;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(below ? at.bottom + 4 : at.top - tall - 4) + scrollY}px`;
  };
  for (const link of $$("a.term[data-definition], a.number")) {
    link.addEventListener("mouseenter", () => show(link));
    link.addEventListener("focus", () => show(link));
    link.addEventListener("mouseleave", later);
    link.addEventListener("blur", hide);
  }
  tip.addEventListener("mouseenter", () => clearTimeout(timer));
  tip.addEventListener("mouseleave", later);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}

starts.push(terms);
