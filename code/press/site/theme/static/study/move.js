/* The memory as a file, out of one browser and into another. */

function moving() {
  const box = book.$(".memory"), status = book.$(".memory-status", box), file = book.$("input[type=file]", box);
  book.$(".memory-export", box).addEventListener("click", () => {
    const link = element("a"), text = JSON.stringify(book.memory.get(), null, 1);
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `reading-${book.dayOf(Date.now())}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    status.textContent = `Exported: ${contents(book.memory.get())}.`;
  });
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    try {
      const raw = JSON.parse(await chosen.text());
      if (raw?.version !== 1) throw new Error("it has no version 1");
      const other = book.memory.mended(raw);
      book.memory.change((now) => merge(now, other));
      status.textContent = `Imported: ${contents(other)}.`;
    } catch (error) {
      status.textContent = `${chosen.name} is not a file that this page exported (${error.message}); nothing was changed.`;
    }
    file.value = "";
  });
}

const contents = (memory) => `${many(Object.keys(memory.read).length, "page")} read, ${many(Object.keys(memory.cards).length, "card")}`;

/* What is in either; of two states of a card the later one. */
function merge(now, other) {
  now.read = { ...other.read, ...now.read };
  for (const [id, state] of Object.entries(other.cards)) if (!now.cards[id] || now.cards[id].last_review < state.last_review) now.cards[id] = state;
  for (const name of ["path", "limit", "stopped"]) now[name] ??= other[name];
}
