/* Paper. */

/* Paper is light and shows what the reader opened, or every solution and answer. */
function printing() {
  const answers = "article details:is(.solution, .hint, .flashcard):not([open])";
  let opened = [], theme = "";
  const open = () => {
    opened = $$(answers);
    opened.forEach((box) => { box.open = true; });
  };
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = theme;
    opened.forEach((box) => { box.open = false; });
    opened = [];
  });
  for (const button of $$("button[data-print]")) {
    button.addEventListener("click", () => {
      button.closest("details").open = false;
      if (button.dataset.print === "all") open();
      print();
    });
  }
}

starts.push(printing);
