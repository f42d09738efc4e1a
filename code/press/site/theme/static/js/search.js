/* The search box: its keys, and the search itself, which is loaded when it is first used. */

function search() {
  const bar = $(".bar input[name=q]"), page = $(".search-page input[name=q]"), box = page || bar;
  const query = new URLSearchParams(location.search).get("q");
  if (query) for (const input of [bar, page]) if (input) input.value = query;
  if (page) page.focus({ preventScroll: true });
  page?.addEventListener("input", () => { bar.value = page.value; }); /* two boxes, one query */
  const isMac = /^(Mac|iP)/.test(navigator.platform);
  for (const one of [box, $(".search-link")]) {
    one.setAttribute("aria-keyshortcuts", "/ Control+K Meta+K");
    one.title = `Keys: / or ${isMac ? "⌘K" : "Ctrl+K"}`;
  }
  if (!page) bar.insertAdjacentHTML("afterend", '<kbd aria-hidden="true">/</kbd>');
  let asked = false;
  bar.addEventListener("focus", () => {
    if (asked) return;
    asked = true;
    if (window.BookSearch) { window.BookSearch.suggest(bar); return; }
    const script = document.createElement("script");
    script.src = `${root.dataset.content_root}_static/search.js`;
    script.onload = () => window.BookSearch.suggest(bar);
    script.onerror = () => { asked = false; };
    document.head.append(script);
  });
  /* Ctrl+K, Command+K or / goes to the box, or to the search page where the bar has no room for one. */
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    const wanted = event.key === "/" ? !typing && !event.ctrlKey && !event.metaKey : (event.ctrlKey || event.metaKey) && event.key === "k";
    if (!wanted) return;
    event.preventDefault();
    if (box.checkVisibility()) { box.focus(); box.select(); } else location.href = $(".search-link").href;
  });
}

/* What a hit of the search was found by waits here for the page that it leads to, which marks it. The first page that opens takes it away, whichever it is. */
function marks() {
  let hit = null;
  try {
    const text = localStorage.getItem("book-hit");
    localStorage.removeItem("book-hit");
    hit = JSON.parse(text);
  } catch { /* forbidden, or not ours */ }
  if (!hit || hit.page !== root.dataset.page || hit.anchor !== decodeURIComponent(location.hash.slice(1))) return;
  load("marks.js").then(() => window.bookMarks(hit), () => { /* nothing is marked */ });
}
addEventListener("hashchange", marks);

starts.push(search, marks);
