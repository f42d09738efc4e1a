/* Listings are copied, and what scrolls sideways can be reached by keyboard. */

function copyButtons() {
  for (const box of $$("article .cell_input, article div.highlight-bash, article div.highlight-python")) {
    if (box.parentElement.closest(".cell_input, .cell_output, .copies")) continue;
    box.classList.add("copies");
    const host = box.matches(".cell_input") ? box : $(".highlight", box), button = document.createElement("button");
    button.type = "button";
    button.className = "copybtn";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy this code");
    button.addEventListener("click", async () => {
      const text = $$("pre", box).map((pre) => pre.textContent.trimEnd().replace(/^\$ /gm, "")).join("\n");
      try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { button.textContent = "Select and copy"; }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    host.append(button);
  }
}

/* Whatever scrolls sideways can be reached and named by keyboard users. */
function scrollers() {
  const near = new Set();
  const edge = (box) => box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
  const measure = () => {
    const over = [...near].filter((box) => box.scrollWidth > box.clientWidth && !box.hasAttribute("tabindex")); /* read all, then write all */
    for (const box of over) {
      box.tabIndex = 0;
      box.addEventListener("scroll", () => edge(box), { passive: true });
      if (box.tagName !== "PRE") { box.setAttribute("role", "group"); box.setAttribute("aria-label", "Scrolls sideways"); }
    }
    for (const box of near) if (box.hasAttribute("tabindex")) edge(box); /* what fits again after a resize loses its edge */
  };
  /* only what is near the screen is measured: asking about the rest would lay it out */
  const watch = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) near.add(target); else near.delete(target);
    measure();
  }, { rootMargin: "300px" });
  $$("article pre, article .table-scroll, article div.math, article .output, .figure-box, .interactive-picture").forEach((box) => watch.observe(box));
  addEventListener("resize", () => requestAnimationFrame(measure));
  document.fonts?.ready.then(measure); /* formulas grow when their fonts arrive */
}

later.push(copyButtons, scrollers);
