/* Reading paths, and the story or the mathematics. */

/* Landing page: follow a path, tick what is known, see the time that remains. */
function paths() {
  const box = $(".path-picker");
  if (!box) return;
  const parts = $$(".path", box), cards = $$(".path-cards a"), ticks = $$("input[type=checkbox]", box);
  const bar = document.createElement("div");
  bar.className = "path-bar";
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Reading path");
  const buttons = parts.map((part) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = $("h3", part).textContent;
    button.addEventListener("click", () => follow(part.dataset.path));
    bar.append(button);
    return button;
  });
  for (const card of cards) card.addEventListener("click", () => follow(card.closest("li").dataset.path)); /* then its link leads to the pages of the path */
  const note = document.createElement("p");
  note.className = "path-note";
  for (const tick of ticks) tick.addEventListener("change", () => setRead(tick.dataset.page, tick.checked));
  box.prepend(bar, note);
  memory.onChange(() => {
    const { path, read } = memory.get(), chosen = parts.findIndex((part) => part.dataset.path === path);
    for (const tick of ticks) tick.checked = tick.dataset.page in read;
    parts.forEach((part, index) => {
      const left = $$("input", part).filter((tick) => !tick.checked), sum = (name) => left.reduce((all, tick) => all + Number(tick.dataset[name]), 0);
      part.hidden = index !== Math.max(chosen, 0);
      buttons[index].setAttribute("aria-pressed", String(index === chosen));
      const need = "cards" in part.dataset ? counted(sum("cards"), "card") : `${spoken(sum("read"))} to read, ${spoken(sum("practice"))} to practice`;
      $(".path-sum", part).textContent = left.length ? `${counted(left.length, "page")} left: ${need}` : "You have read all of it";
    });
    for (const card of cards) if (card.closest("li").dataset.path === path) card.setAttribute("aria-current", "true"); else card.removeAttribute("aria-current");
    note.replaceChildren(...(chosen < 0 ? ["Choose a path, and the Next links will follow it."] : ["Next and Previous follow this path. ", leave()]));
  });
}

const counted = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

function follow(path) {
  memory.change((now) => { if (path) now.path = path; else delete now.path; });
}

/* The button that goes back to the order of the book. */
function leave() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "path-leave";
  button.textContent = "Follow the order of the book";
  button.addEventListener("click", () => {
    const place = button.closest(".path-picker, .page-end, .path-order")?.querySelector("button");
    follow("");
    (place?.isConnected ? place : $(".read-button, .path-bar button"))?.focus();
  });
  return button;
}

/* On a page of the chosen path, Previous and Next follow it, and its end says what is left. */
async function alongThePath() {
  const line = $(".path-left"), nav = $(".prev-next");
  if (!line || !nav) return;
  const order = [...nav.children], page = root.dataset.page;
  const titles = new Map($$(".contents li a").map((link) => [slugOf(link), link]));
  const step = (kind, word, path, slug) => {
    const link = document.createElement("a"), label = document.createElement("span"), title = titles.get(slug).cloneNode(true);
    title.querySelectorAll(".read-mark").forEach((mark) => mark.remove());
    link.className = kind;
    link.rel = kind;
    link.href = new URL(`${slug}.html${path.section ? `#${path.section}` : ""}`, home);
    label.textContent = `${word} on the path ${path.name}`;
    link.append(label, ` ${title.textContent}`);
    return link;
  };
  const show = async () => {
    const { path: key, read } = memory.get();
    const { reading } = key ? await load("reading.js") : {};
    const path = reading?.paths.find((one) => one.key === key), at = path ? path.pages.indexOf(page) : -1;
    $(".path-order")?.remove();
    line.textContent = "";
    if (at < 0) { nav.replaceChildren(...order); return; }
    const left = path.pages.filter((slug) => !(slug in read));
    const sum = (index) => left.reduce((all, slug) => all + reading.minutes[slug][index], 0);
    const need = path.section ? `${counted(left.length, "page")} with ${counted(sum(2), "card")}` : `${spoken(sum(0))} to read and ${spoken(sum(1))} to practice`;
    const before = path.pages[at - 1], after = path.pages[at + 1];
    nav.replaceChildren(...[before && step("prev", "Previous", path, before), after && step("next", "Next", path, after)].filter(Boolean));
    line.textContent = left.length ? `Path ${path.name}: page ${at + 1} of ${path.pages.length}; ${need} are left.` : `Path ${path.name}: you have read all of it.`;
    const row = document.createElement("p");
    row.className = "path-order";
    const follows = order.find((link) => link.className === "next");
    if (follows && (!after || slugOf(follows) !== after)) { /* a path can lead to a section of the same page */
      const link = document.createElement("a");
      link.href = follows.href;
      link.textContent = follows.lastChild.textContent.trim();
      row.append("Next in the order of the book: ", link, ". ");
    }
    row.append(leave());
    nav.after(row);
  };
  memory.onChange(() => { show().catch(() => nav.replaceChildren(...order)); });
}

/* How to read: the story, the mathematics, or everything. */
function depth() {
  const field = $("fieldset.depth");
  field?.addEventListener("change", () => { root.dataset.depth = $("input:checked", field).value; });
}

starts.push(paths, alongThePath, depth);
