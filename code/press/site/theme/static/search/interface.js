/* The suggestions under a search box, and the list on the search page. */
const base = globalThis.document?.documentElement.dataset.content_root;
const element = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter(Boolean));
  return node;
};
const address = ({ page, anchor }) => `${base}${page}.html${anchor ? `#${encodeURIComponent(anchor)}` : ""}`;
const name = ({ title, heading }) => (heading ? `${title} › ${heading}` : title);
/* A link to a hit. However it is opened, in another tab too, the page marks the words that the hit was found by (search.js of every page). */
function linked(hit, answer, attributes, ...children) {
  const link = element("a", { href: address(hit), ...attributes }, ...children);
  const leave = () => {
    try { localStorage.setItem("book-hit", JSON.stringify({ page: hit.page, anchor: hit.anchor ?? "", own: answer.own, terms: answer.terms })); } catch { return; /* no marks without storage */ }
    if (link.href === location.href) setTimeout(() => dispatchEvent(new Event("hashchange"))); /* the reader is there already */
  };
  for (const kind of ["click", "auxclick", "contextmenu"]) link.addEventListener(kind, leave);
  return link;
}
/* While a word is being typed, it stands for those words of the chosen title that begin with it, if there are any. */
function meant(hit, { own, terms }, text, book) {
  const typed = book.words(text).at(-1)?.whole ?? "", named = new Set(book.words(name(hit)).flatMap(({ whole, parts }) => [whole, ...parts]));
  const begun = own.filter((term) => term !== typed && term.startsWith(typed));
  const chosen = (list) => (begun.some((term) => named.has(term)) ? list.filter((term) => !begun.includes(term) || named.has(term)) : list);
  return { own: chosen(own), terms: chosen(terms) };
}
const notices = ({ announced }) => announced.map(({ name: subject, part }) => element("p", { class: "search-announced" }, element("em", {}, subject), `: announced for the part ${part}, not written yet.`));
const count = (number, word) => `${number || "No"} ${word}${number === 1 ? "" : "s"}`;
const said = (answer, word) => [count(answer.hits.length, word), ...notices(answer).map((notice) => notice.textContent)].join(". ");

/* The suggestions: a combobox as the ARIA pattern has it. */
function suggest(input, book) {
  const form = input.form, status = element("p", { class: "sr-only", role: "status" }), list = element("div", { id: "search-suggestions", role: "listbox", "aria-label": "Suggestions" });
  const popup = element("div", { class: "search-popup", hidden: "" }, list);
  let chosen = -1, options = [];
  form.append(popup, status);
  for (const [key, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) input.setAttribute(key, value);
  const close = () => {
    popup.hidden = true;
    input.setAttribute("aria-expanded", "false");
    choose(-1);
  };
  const choose = (at) => {
    options[chosen]?.removeAttribute("aria-selected");
    chosen = at;
    const option = options[at];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id); else input.removeAttribute("aria-activedescendant");
  };
  const show = () => {
    const text = input.value.trim();
    if (text.length < 2) { status.textContent = ""; close(); return; }
    const answer = book.find(text, { typing: true, limit: 8 });
    options = answer.hits.map((hit, at) => linked(hit, meant(hit, answer, text, book), { role: "option", id: `search-option-${at}`, tabindex: "-1" }, element("span", {}, name(hit)), element("small", {}, hit.part)));
    list.replaceChildren(...options);
    const empty = answer.announced.length ? null : element("p", {}, "No suggestions. Press Enter to search for the nearest spelling.");
    popup.replaceChildren(...[...notices(answer), options.length ? list : empty].filter(Boolean));
    choose(-1);
    popup.hidden = false;
    input.setAttribute("aria-expanded", String(options.length > 0));
    status.textContent = said(answer, "suggestion");
  };
  input.addEventListener("input", show);
  input.addEventListener("focus", () => { if (input.value) show(); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !popup.hidden) { event.preventDefault(); close(); return; }
    if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); options[chosen].click(); return; }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.altKey) return;
    event.preventDefault();
    if (popup.hidden) show();
    const places = options.length + 1; /* the box itself is one */
    if (!popup.hidden) choose(((chosen + 1 + step + places) % places) - 1);
  });
  list.addEventListener("click", () => { close(); input.blur(); }); /* the section can be on this page */
  form.addEventListener("focusout", (event) => { if (!form.contains(event.relatedTarget)) close(); });
  popup.addEventListener("pointerdown", (event) => event.preventDefault()); /* the box keeps the focus until the click */
  if (document.activeElement === input) show();
}

/* The list of the search page, which follows what is typed. */
const SHOWN = 170; /* characters of context */
let bodies = [], redraw = () => {};
function results(input, book) {
  const list = document.querySelector("#search-results"), status = document.querySelector("#search-progress");
  redraw = () => {
    const text = input.value.trim(), answer = text ? book.find(text) : { hits: [], announced: [], terms: [] };
    const marked = new Set(answer.terms), listed = new Set(answer.hits.map(address));
    list.replaceChildren(...spelling(answer), element("ol", { class: "search-hits" }, ...answer.hits.map((hit) => {
      const body = (bodies[hit.id] ?? "").slice(...(hit.span ?? [])), hits = heard(body, marked, book), first = densest(hits);
      const box = first >= 0 && !hit.span && book.boxAt(hit.id, first), inside = box && { ...hit, anchor: box.anchor };
      return element("li", {}, linked(hit, answer, {}, name(hit)), element("p", { class: "search-context" }, ...context(body, hits, first)),
        inside && !listed.has(address(inside)) && element("p", { class: "search-in" }, "In the box: ", linked(inside, answer, {}, box.title)),
        element("p", { class: "search-place" }, [hit.part, `${hit.minutes} min`].filter(Boolean).join(" · ")));
    })));
    if (text && !answer.hits.length && !answer.announced.length) list.append(element("p", {}, "Nothing matches these words. ", element("a", { href: "#contents" }, "The contents of the book"), " list every page."));
    status.replaceChildren(...(text ? [element("p", {}, count(answer.hits.length, "result")), ...notices(answer)] : []));
  };
  const spelling = ({ corrected }) => (corrected ? [element("p", {}, "Did you mean: ", element("a", { href: `?q=${encodeURIComponent(corrected)}` }, corrected))] : []);
  const links = () => [...list.querySelectorAll("a")];
  let waiting = 0;
  input.value ||= new URLSearchParams(location.search).get("q") ?? "";
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      redraw();
      try { history.replaceState(null, "", `?q=${encodeURIComponent(input.value)}`); } catch { /* a folder has no addresses with a query */ }
    }, 60);
  });
  input.form.addEventListener("submit", (event) => { event.preventDefault(); redraw(); });
  input.form.parentElement.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], at = links().indexOf(document.activeElement);
    if (!step || (at < 0 && (event.target !== input || step < 0))) return;
    event.preventDefault();
    (links()[at + step] ?? (step < 0 ? input : document.activeElement)).focus();
  });
  redraw();
}
/* Where the words of the query are in a text, where most of them begin to stand together, and that line, in which they are marked. */
const heard = (text, marked, book) => book.words(text).filter(({ whole, parts }) => marked.has(whole) || parts.some((part) => marked.has(part)));
function densest(hits) {
  const within = (from) => new Set(hits.filter(({ start, end }) => start >= from && end <= from + SHOWN).map(({ whole }) => whole)).size;
  let first = -1, most = 0;
  for (const { start } of hits) if (within(start) > most) { first = start; most = within(start); }
  return first;
}
function context(text, hits, first) {
  const from = first < 40 ? 0 : text.indexOf(" ", first - 40) + 1, cut = text.length - from > SHOWN ? text.lastIndexOf(" ", from + SHOWN) : text.length, parts = [from ? "… " : ""];
  let at = from;
  for (const { start, end } of hits) if (start >= at && end <= cut) {
    parts.push(text.slice(at, start), element("mark", {}, text.slice(start, end)));
    at = end;
  }
  return [...parts, text.slice(at, cut), cut < text.length ? " …" : ""];
}
function start(book) {
  const input = globalThis.document?.querySelector(".search-page input[name=q]");
  if (input) results(input, book);
}
