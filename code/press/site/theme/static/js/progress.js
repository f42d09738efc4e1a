/* What a reader's browser remembers of the book. Nothing leaves the device. */

const MEMORY = "book-reader.1"; /* one key; the number is the version of its form */
const LIMIT = 10; /* new cards a day unless the reader chooses */

const isTable = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isDay = (value) => /^\d{4}-\d\d-\d\d$/.test(value);
const isText = (value) => typeof value === "string" && value !== "";
const STATE = ["due", "stability", "difficulty", "scheduled_days", "learning_steps", "reps", "lapses", "state", "last_review"];
const isCard = (value) => isTable(value) && STATE.every((name) => Number.isFinite(value[name])) && [1, 2, 3].includes(value.state);
const sound = (table, good) => Object.fromEntries(Object.entries(isTable(table) ? table : {}).filter(([, value]) => good(value)));

/* The same memory without what is damaged: one wrong value costs only itself. */
function mended(value) {
  const raw = isTable(value) ? value : {};
  const memory = { version: 1, read: sound(raw.read, isDay), cards: sound(raw.cards, isCard) };
  if (isText(raw.path)) memory.path = raw.path;
  if (isTable(raw.stopped) && isText(raw.stopped.page) && isText(raw.stopped.title)) memory.stopped = sound(raw.stopped, isText);
  if (Number.isInteger(raw.limit) && raw.limit >= 0) memory.limit = raw.limit;
  if (isTable(raw.introduced) && isDay(raw.introduced.day) && Number.isInteger(raw.introduced.count)) memory.introduced = raw.introduced;
  return memory;
}

const listeners = [];
let unsaved = null; /* the memory of this page where the browser keeps none */
const memory = {
  get() {
    if (unsaved) return unsaved;
    let text = null;
    try { text = localStorage.getItem(MEMORY); } catch { unsaved = mended(null); return unsaved; }
    try { return mended(JSON.parse(text)); } catch {
      try { localStorage.setItem(`${MEMORY}.damaged`, text); } catch { /* no room for it */ }
      return mended(null);
    }
  },
  /* Read, edit, write: another tab may have written in between. */
  change(edit) {
    const now = memory.get();
    edit(now);
    if (!unsaved) try { localStorage.setItem(MEMORY, JSON.stringify(now)); } catch { unsaved = now; }
    memory.tell();
  },
  isKept: () => !unsaved,
  onChange(run) { listeners.push(run); run(); },
  tell() { for (const run of listeners) run(); },
  mended,
};
addEventListener("storage", (event) => { if (event.key === MEMORY || event.key === null) memory.tell(); });
addEventListener("pageshow", (event) => { if (event.persisted) memory.tell(); });

/* The local day of a moment, as 2026-01-31. */
function dayOf(time) {
  const date = new Date(time), two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

const home = new URL(root.dataset.content_root, location.href);
/* The page that a link of this site leads to, as book.js and its data name it. */
function slugOf(link) {
  if (link.getAttribute("href").startsWith("#")) return root.dataset.page;
  return decodeURIComponent(new URL(link.href).pathname.slice(home.pathname.length)).replace(/\.html$/, "");
}

const scripts = new Map();
/* A script of this site, loaded once; a page in a folder can load it too. */
function load(name) {
  if (!scripts.has(name)) scripts.set(name, new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = new URL(`_static/${name}`, home);
    script.onload = () => done(window.bookData || {});
    script.onerror = () => { scripts.delete(name); fail(new Error(`${name} could not be loaded`)); };
    document.head.append(script);
  }));
  return scripts.get(name);
}

function spoken(minutes) {
  const hours = Math.floor(minutes / 60), rest = minutes % 60;
  if (hours && rest) return `${hours} h ${rest} min`;
  return hours ? `${hours} h` : `${rest} min`;
}

function setRead(page, isRead) {
  memory.change((now) => {
    if (isRead) now.read[page] = dayOf(Date.now()); else delete now.read[page];
    if (isRead && now.stopped?.page === page) delete now.stopped;
  });
}

/* The button at the end of a page. */
function markAsRead() {
  const button = $(".read-button"), page = root.dataset.page;
  if (!button) return;
  button.addEventListener("click", () => setRead(page, !(page in memory.get().read)));
  memory.onChange(() => {
    const isRead = page in memory.get().read;
    button.setAttribute("aria-pressed", String(isRead));
    button.textContent = isRead ? "Read ✓" : "Mark as read";
    button.title = isRead ? "Press again to undo" : "";
  });
}

/* Check marks in the contents of the book, and how many pages of a part are read. */
function readMarks() {
  const links = $$(".contents li a");
  memory.onChange(() => {
    const { read } = memory.get(), counts = new Map();
    if (!Object.keys(read).length && !$(".read-mark")) return;
    for (const link of links) {
      const isRead = slugOf(link) in read, list = link.closest("ul"), mark = $(".read-mark", link);
      const count = counts.get(list) || { read: 0, all: 0 };
      counts.set(list, { read: count.read + isRead, all: count.all + 1 });
      if (isRead && !mark) link.insertAdjacentHTML("beforeend", '<span class="read-mark"><span aria-hidden="true">✓</span><span class="sr-only"> (read)</span></span>');
      if (!isRead) mark?.remove();
    }
    for (const [list, count] of counts) {
      const part = list.closest("details")?.querySelector("summary");
      if (!part) continue;
      $(".read-count", part)?.remove();
      if (count.read) part.insertAdjacentHTML("beforeend", `<span class="read-count">${count.read} of ${count.all} read</span>`);
    }
  });
}

/* Where the reader stops: the section on the screen when a page of a path is left. */
function stopped() {
  const page = root.dataset.page, heading = $("article h1");
  if (!$(".read-button") || !heading) return;
  const words = (title) => [...title.childNodes].filter((node) => !node.classList?.contains("headerlink")).map((node) => node.textContent).join("").trim();
  const note = () => {
    if (page in memory.get().read || scrollY < innerHeight / 2) return;
    const passed = $$("article section[id] > :is(h2, h3)").filter((title) => title.getBoundingClientRect().top < innerHeight / 2).at(-1);
    const where = { page, title: words(heading) };
    if (passed) Object.assign(where, { section: passed.parentElement.id, heading: words(passed) });
    memory.change((now) => { now.stopped = where; });
  };
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") note(); });
}

/* The landing page leads back to that place. */
function resume() {
  const { stopped: place } = memory.get();
  const slot = $("[data-press=continue]") || $(".path-picker");
  if (!place || !slot) return;
  const line = document.createElement("p"), link = document.createElement("a");
  line.className = "continue";
  link.href = new URL(`${place.page}.html${place.section ? `#${place.section}` : ""}`, home);
  link.textContent = place.heading ? `${place.title} › ${place.heading}` : place.title;
  line.append("Continue: ", link);
  slot.prepend(line);
}

try { if (memory.get().stopped) root.dataset.stopped = ""; } catch { /* the page is shown all the same */ }
starts.push(markAsRead, readMarks, stopped, resume);
