/* The contents of the book and of the page, and menus. */

/* The contents of the book: scrolled to the current page; on a phone a drawer that closes by Escape, by its button, by a tap on a page, and by a tap beside it. */
function contents() {
  const nav = $("#contents"), button = $(".menu-button"), current = $("[aria-current=page]", nav);
  const center = () => { if (current) nav.scrollTop += current.getBoundingClientRect().top - nav.getBoundingClientRect().top - nav.clientHeight / 2; };
  const behind = [$("main"), $(".skip"), $(".foot")];
  const close = () => {
    if (root.dataset.drawer !== "open") return;
    delete root.dataset.drawer;
    behind.forEach((part) => { part.inert = false; });
    button.setAttribute("aria-expanded", "false");
    button.focus();
  };
  button.setAttribute("role", "button");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", (event) => {
    event.preventDefault();
    if (root.dataset.drawer === "open") return close();
    root.dataset.drawer = "open";
    behind.forEach((part) => { part.inert = true; });
    button.setAttribute("aria-expanded", "true");
    center();
    $(".close-button", nav).focus({ preventScroll: true });
  });
  button.addEventListener("keydown", (event) => { if (event.key === " ") { event.preventDefault(); button.click(); } });
  $(".close-button", nav).addEventListener("click", (event) => { event.preventDefault(); close(); });
  nav.addEventListener("click", (event) => { if (event.target.closest("li a, .contents-top a")) close(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  document.addEventListener("click", (event) => { if (!nav.contains(event.target) && !button.contains(event.target)) close(); });
  requestAnimationFrame(center); /* its measuring is then the frame's own */
}

/* The heading that is being read is marked; on small screens a tap on a heading folds the list. */
function pageContents() {
  const box = $(".page-contents details");
  if (!box) return;
  const links = new Map($$("a", box).map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
  const sections = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const list = box.parentElement;
  let asked = false, marked = null;
  const show = (link) => { /* a list longer than the window scrolls along */
    const { top, bottom } = link.getBoundingClientRect(), frame = list.getBoundingClientRect();
    if (top < frame.top) list.scrollTop += top - frame.top;
    if (bottom > frame.bottom) list.scrollTop += bottom - frame.bottom;
  };
  const mark = () => {
    asked = false;
    let now = null;
    for (const section of sections) if (section.getBoundingClientRect().top < innerHeight / 3) now = section.id;
    for (const [id, link] of links) if (id === now) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    if (now && now !== marked) show(links.get(now));
    marked = now;
  };
  const soon = () => {
    if (!asked) requestAnimationFrame(mark);
    asked = true;
  };
  addEventListener("scroll", soon, { passive: true });
  for (const event of ["pageshow", "hashchange", "resize"]) addEventListener(event, soon); /* after Back the place is another one */
  box.addEventListener("click", (event) => { if (event.target.closest("a")) box.open = false; });
}

/* Where the contents of the page are not beside the text, a button of the bar shows them anywhere on it. */
function pageButton() {
  const button = $(".page-button"), list = $(".page-contents ul");
  if (!button || !list || !window.HTMLDialogElement) return;
  button.setAttribute("role", "button");
  button.setAttribute("aria-haspopup", "dialog");
  const show = () => {
    const dialog = document.createElement("dialog");
    dialog.className = "page-dialog";
    dialog.setAttribute("aria-label", "On this page");
    dialog.innerHTML = '<form method="dialog"><span>On this page</span><button class="button">Close</button></form>';
    dialog.append(list.cloneNode(true));
    dialog.addEventListener("click", (event) => { if (event.target === dialog || event.target.closest("a")) dialog.close(); });
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    $("[aria-current]", dialog)?.scrollIntoView({ block: "center" });
    ($("[aria-current]", dialog) ?? $("a", dialog)).focus({ preventScroll: true });
  };
  button.addEventListener("click", (event) => { event.preventDefault(); show(); });
  button.addEventListener("keydown", (event) => { if (event.key === " ") { event.preventDefault(); show(); } });
}

function menus() {
  for (const box of $$("details.run-menu")) {
    document.addEventListener("click", (event) => { if (!box.contains(event.target)) box.open = false; });
    box.addEventListener("keydown", (event) => { if (event.key === "Escape") { box.open = false; $("summary", box).focus(); } });
  }
}

/* The report of an error names the section of the address: by the time a reader is at the foot of a page, what is on the screen says nothing. */
function report() {
  const link = $(".report-link"), form = link?.href;
  if (!link) return;
  const note = () => {
    const id = $(":target")?.closest("section")?.id;
    const section = $$(".page-contents a").find((other) => id && other.hash === `#${id}`);
    link.href = section ? `${form}&section=${encodeURIComponent(section.textContent.trim())}` : form;
  };
  for (const event of ["hashchange", "load", "pageshow"]) addEventListener(event, note); /* an address that is copied has it too */
  for (const event of ["focus", "mouseenter", "pointerdown", "contextmenu"]) link.addEventListener(event, note);
  note();
}

/* A change of the color theme is said. */
function announceTheme() {
  const button = $(".theme-switch-button");
  button.addEventListener("click", () => { $(".mode-status").textContent = $(".sr-only", button).textContent; });
}

starts.push(contents, pageContents, pageButton, menus, report, announceTheme);
