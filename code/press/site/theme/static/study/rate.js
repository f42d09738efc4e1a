/* The four buttons under an answer. */

function element(name, kind, ...content) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...content);
  return made;
}

function button(kind, label, run) {
  const made = element("button", kind, label);
  made.type = "button";
  made.addEventListener("click", run);
  return made;
}

/* Again, Hard, Good, Easy, each with the interval it gives; the keys 1 to 4 work while the focus is in `scope`. */
function ratings(id, scope, done) {
  const bar = element("div", "rating");
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "How well did you know it?");
  const rate = (outcome) => {
    scope.removeEventListener("keydown", press);
    const undo = keep(id, outcome.state);
    done(outcome, undo);
  };
  const offers = outcomes(id);
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const outcome = offers[Number(event.key) - 1];
    if (!outcome) return;
    event.preventDefault();
    rate(outcome);
  };
  offers.forEach((outcome, index) => {
    const one = button("rating-button", element("span", "rating-name", outcome.name), () => rate(outcome));
    one.append(" ", element("span", "rating-wait", outcome.wait));
    one.setAttribute("aria-keyshortcuts", String(index + 1));
    one.title = `Key ${index + 1}`;
    bar.append(one);
  });
  scope.addEventListener("keydown", press);
  return bar;
}

/* On the card's own page. */
function rate(box) {
  if (book.$(".rating, .rated", box)) return;
  const summary = book.$("summary", box), said = element("p", "rated");
  said.setAttribute("role", "status");
  const ask = () => {
    const bar = ratings(box.id.replace(/^card-/, ""), box, (outcome, undo) => {
      const back = button("rating-undo", "Undo", () => { undo(); said.replaceChildren(); summary.focus(); ask(); });
      bar.remove();
      const now = outcome.state.scheduled_days ? `on ${date(outcome.state.due)}` : `in ${outcome.wait}`;
      said.replaceChildren(`${outcome.name}: the card is due again ${now}. `, back);
      summary.focus();
    });
    said.before(bar);
  };
  box.append(said);
  ask();
}
