/* Paper. */

/* Paper is light and shows what is folded. */
function printing() {
  let opened = [], theme = "";
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    opened = $$("article details:not([open])");
    opened.forEach((box) => { box.open = true; });
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = theme;
    opened.forEach((box) => { box.open = false; });
  });
  $(".print-button")?.addEventListener("click", () => print());
}

starts.push(printing);
