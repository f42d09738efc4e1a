/* A static figure opens enlarged: the dialog pans by scrolling, Escape closes it, and the focus returns to the figure. */

function figures() {
  let dialog = null;
  const build = () => {
    dialog = document.createElement("dialog");
    dialog.className = "enlarged";
    dialog.setAttribute("aria-label", "Enlarged figure");
    dialog.innerHTML = '<form method="dialog"><button class="button">Close</button></form><div class="enlarged-picture" tabindex="0" role="group" aria-label="Scrolls sideways"><img></div>';
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    document.body.append(dialog);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.figure-zoom");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || !window.HTMLDialogElement) return;
    event.preventDefault();
    if (!dialog) build();
    const from = $("img", link), image = $("img", dialog), ratio = from.getAttribute("width") / from.getAttribute("height");
    image.src = link.href;
    image.alt = from.alt;
    /* as large as the screen shows it whole, and never with labels that are hard to read */
    image.style.width = `${Math.round(Math.max(link.dataset.width, Math.min(innerWidth - 64, (innerHeight - 96) * ratio)))}px`;
    image.style.aspectRatio = ratio;
    dialog.showModal();
    $(".enlarged-picture", dialog).scrollTo(0, 0);
  });
}

starts.push(figures);
