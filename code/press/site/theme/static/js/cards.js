/* Cards: what schedules them is loaded when an answer is unfolded for the first time. */

function cards() {
  const tools = { $, $$, memory, dayOf, load, slugOf, home, LIMIT };
  const study = () => load("study.js").then(() => window.bookStudy(tools));
  for (const box of $$("details.flashcard")) box.addEventListener("toggle", () => {
    if (box.open) study().then(({ rate }) => rate(box), () => { /* the card stays a folded answer */ });
  });
  const place = $(".study"), status = $(".study-status");
  if (place) study().then(({ page }) => page(place)).catch(() => { status.textContent = "The cards could not be loaded. The list below leads to each of them."; });
}

starts.push(cards);
