/* Reading paths, and the story or the mathematics. */

/* Landing page: choose a path, tick what is known, see the minutes that remain. Remembered on this device only. */
function paths() {
  const box = $(".path-picker");
  if (!box) return;
  const parts = $$(".path", box), done = new Set(JSON.parse(localStorage.getItem("known") || "[]")), ticks = $$("input[type=checkbox]", box);
  const say = () => {
    for (const tick of ticks) tick.checked = done.has(tick.dataset.page);
    for (const part of parts) {
      const left = $$("input", part).filter((tick) => !tick.checked);
      $(".path-sum", part).textContent = `${left.reduce((sum, tick) => sum + Number(tick.dataset.minutes), 0)} minutes left to read, ${left.length} pages`;
    }
  };
  for (const tick of ticks) tick.addEventListener("change", () => {
    if (tick.checked) done.add(tick.dataset.page); else done.delete(tick.dataset.page);
    localStorage.setItem("known", JSON.stringify([...done]));
    say();
  });
  const bar = document.createElement("div");
  bar.className = "path-bar";
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Reading path");
  const choose = (index) => {
    parts.forEach((part, i) => { part.hidden = i !== index; });
    [...bar.children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === index)));
  };
  parts.forEach((part, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = $("h3", part).textContent;
    button.addEventListener("click", () => choose(i));
    bar.append(button);
  });
  box.prepend(bar);
  choose(0);
  say();
}

/* How to read: the story, the mathematics, or everything. */
function depth() {
  const field = $("fieldset.depth");
  field?.addEventListener("change", () => { root.dataset.depth = $("input:checked", field).value; });
}

starts.push(paths, depth);
