/* The page of the cards that are due. */

/* Every card of the book, as the list of the page names it. */
function listed() {
  return book.$$(".all-cards").flatMap((part, index) => book.$$(".card-link", part).map((link) => {
    const [level, type] = book.$(".card-level", link.closest("li")).textContent.split(" · ");
    const title = link.closest("ul").previousElementSibling.textContent.trim();
    return { id: link.hash.replace("#card-", ""), page: book.slugOf(link), part: `part ${index}`, level, type, title, href: link.href };
  }));
}

/* The cards of a choice: due today, new today, and the next day on which one is due. */
function waiting(cards) {
  const now = book.memory.get(), today = book.dayOf(Date.now()), limit = now.limit ?? book.LIMIT;
  const seen = cards.filter((card) => card.id in now.cards), unseen = cards.filter((card) => !(card.id in now.cards));
  const due = seen.filter((card) => isDue(now.cards[card.id])).sort((a, b) => now.cards[a.id].due - now.cards[b.id].due);
  const later = seen.map((card) => now.cards[card.id]).filter((state) => !isDue(state)).map((state) => state.due);
  const introduced = now.introduced?.day === today ? now.introduced.count : 0;
  return { due, fresh: unseen.slice(0, Math.max(0, limit - introduced)), unseen: unseen.length, next: later.length ? Math.min(...later) : null };
}

function shuffled(cards) {
  const order = [...cards];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/* What waits, in a sentence or two. */
function summary({ due, fresh, unseen, next }) {
  const lines = [due.length ? `${many(due.length, "card")} ${due.length === 1 ? "is" : "are"} due.` : "No cards are due today."];
  if (!due.length && next !== null) lines.push(`The next is due on ${date(next)}.`);
  if (fresh.length) lines.push(`${many(fresh.length, "new card")} can be learned today; a new card comes back until you know it.`);
  else if (unseen) lines.push(`${many(unseen, "new card")} will wait until tomorrow: you have reached your daily limit.`);
  return lines.join(" ");
}

/* The choices above the session. */
function page(place) {
  const form = book.$(".study-form", place), status = book.$(".study-status", place), { from, level, type, limit, shuffle } = form.elements;
  const all = listed();
  let paths = [];
  book.$$(".all-cards > summary").forEach((line, index) => from.add(new Option(line.textContent, `part ${index}`)));
  const chosen = () => all.filter((card) => (!level.value || card.level === level.value) && (!type.value || card.type === type.value)
    && (!from.value || card.part === from.value || paths.some((path) => path.key === from.value && path.pages.includes(card.page))));
  const say = () => { if (!form.hidden) status.textContent = (book.memory.isKept() ? "" : "This browser blocks storage, so your progress is lost when you leave this page. ") + summary(waiting(chosen())); };
  form.addEventListener("change", (event) => {
    if (event.target === limit && limit.validity.valid && limit.value) book.memory.change((now) => { now.limit = Number(limit.value); });
    say();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { due, fresh } = waiting(chosen()), cards = [...due, ...fresh];
    if (!cards.length) { say(); return; }
    form.hidden = true;
    status.textContent = "";
    session(book.$(".study-session", place), shuffle.checked ? shuffled(cards) : cards, (count) => {
      form.hidden = false;
      say();
      status.textContent = `${many(count, "card")} rated. ${status.textContent}`;
      book.$("button", form).focus();
    });
  });
  limit.value = book.memory.get().limit ?? book.LIMIT;
  book.memory.onChange(say);
  book.load("reading.js").then(({ reading }) => { paths = reading.paths; say(); }, () => { /* a book without paths */ });
  moving();
}

/* One card after the other, from the keyboard alone: Enter shows the answer, 1 to 4 rate it. */
function session(panel, queue, end) {
  const left = element("p", "study-left"), body = element("div", "study-body"), last = element("p", "study-last");
  const all = queue.length, rates = new Map(); /* how often each card was rated */
  let count = 0;
  left.setAttribute("role", "status");
  const close = () => { panel.hidden = true; panel.replaceChildren(); end(count); };
  const show = async () => {
    const [card] = queue;
    if (!card) { close(); return; }
    const again = queue.filter(({ id }) => rates.get(id)).length;
    left.textContent = `${[...rates.values()].filter(Boolean).length} of ${many(all, "card")} seen${again ? `; ${again} will come back` : ""}`;
    const { cards } = await book.load(`cards/${card.page}.js`), text = cards[card.page][card.id];
    const question = rendered("study-question", text.question, card), about = element("p", "card-level", `${card.level} · ${card.type} · `);
    const link = element("a", "", card.title), open = button("study-button", "Show the answer", () => answer(card, text, open));
    link.href = card.href;
    about.append(link);
    question.id = "study-question";
    open.setAttribute("aria-describedby", question.id);
    body.replaceChildren(question, about, open);
    open.focus();
  };
  const answer = (card, text, open) => {
    const box = rendered("study-answer", text.answer, card);
    box.tabIndex = -1;
    open.replaceWith(box, ratings(card.id, body, (outcome, undo) => rated(card, outcome, undo)));
    box.focus();
  };
  const rated = (card, outcome, undo) => {
    const before = [...queue], again = isDue(outcome.state);
    queue = queue.slice(1);
    if (again) queue.push(card);
    note(card.id, 1);
    last.replaceChildren(`${outcome.name}: the card comes back ${again ? "later in this session" : `in ${outcome.wait}`}. `, button("rating-undo", "Undo", () => {
      undo();
      queue = before;
      note(card.id, -1);
      last.replaceChildren();
      next();
    }));
    next();
  };
  const note = (id, step) => { rates.set(id, (rates.get(id) ?? 0) + step); count += step; };
  const next = () => show().catch(() => { body.replaceChildren("The card could not be loaded."); });
  panel.replaceChildren(left, body, last, button("study-end", "End the session", close));
  panel.hidden = false;
  next();
}

/* Question or answer as its page shows it; what it refers to is found from here. */
function rendered(kind, markup, card) {
  const box = element("div", kind);
  box.innerHTML = markup;
  for (const name of ["href", "src"]) for (const part of book.$$(`[${name}]`, box)) part.setAttribute(name, new URL(part.getAttribute(name), card.href));
  for (const part of book.$$("[id]", box)) part.removeAttribute("id");
  return box;
}

window.bookStudy = (tools) => {
  book = tools;
  return { rate, page, outcomes };
};
