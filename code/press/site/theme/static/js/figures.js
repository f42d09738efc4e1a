/* A static figure opens enlarged: first as a whole where that is larger than in the text, else at its full size, where the dialog pans by scrolling. Escape closes it, and the focus returns to the figure. */

function figures() {
  let dialog = null, sizes = [0, 0], isFull = false;
  const part = (name) => $(`.enlarged-${name}`, dialog);
  const resize = (full) => {
    const picture = part("picture"), button = part("size");
    isFull = full;
    $("img", dialog).style.width = `${sizes[Number(full)]}px`;
    button.textContent = full ? "Whole figure" : "Full size";
    dialog.classList.toggle("is-full", full);
    picture.scrollTo(0, 0);
    edge();
  };
  const edge = () => {
    const box = part("picture"), isOver = box.scrollWidth > box.clientWidth + 2 || box.scrollHeight > box.clientHeight + 2;
    box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
    if (isOver) box.tabIndex = 0; else box.removeAttribute("tabindex");
  };
  const build = () => {
    dialog = document.createElement("dialog");
    dialog.className = "enlarged";
    dialog.setAttribute("aria-label", "Enlarged figure");
    dialog.innerHTML = '<form method="dialog"><button class="button enlarged-size" type="button"></button><button class="button">Close</button></form><div class="enlarged-picture" role="group" aria-label="The figure"><img></div>';
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    part("size").addEventListener("click", () => resize(!isFull));
    part("picture").addEventListener("click", () => { if (!part("size").hidden) resize(!isFull); });
    part("picture").addEventListener("scroll", edge, { passive: true });
    document.body.append(dialog);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.figure-zoom");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || !window.HTMLDialogElement) return;
    event.preventDefault();
    if (!dialog) build();
    const from = $("img", link), image = $("img", dialog), ratio = from.getAttribute("width") / from.getAttribute("height");
    const fit = Math.min(innerWidth - 34, (innerHeight - 96) * ratio); /* what the screen shows whole */
    const inline = from.getBoundingClientRect().width;
    sizes = [fit, Math.max(link.dataset.width, inline, fit)].map(Math.round);
    image.src = link.href;
    image.alt = from.alt;
    image.style.aspectRatio = ratio;
    dialog.showModal();
    part("size").hidden = sizes[1] <= sizes[0];
    resize(!part("size").hidden && sizes[0] <= inline); /* the whole on a phone is no larger than what was tapped */
    if (!part("size").hidden) part("size").focus();
  });
}

starts.push(figures);
