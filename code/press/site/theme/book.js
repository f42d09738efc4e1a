/* The book's own behaviour. Every page is complete without it. */
(() => {
  "use strict";
  const root = document.documentElement;
  const ready = (run) => (document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", run) : run());

  /* Definitions on hover and on focus; Escape puts them away; the pointer may enter them (WCAG 1.4.13). */
  function terms() {
    const tip = document.createElement("div");
    tip.id = "term-tip";
    tip.setAttribute("role", "tooltip");
    tip.hidden = true;
    document.body.append(tip);
    let owner = null, timer = 0;
    const hide = () => { tip.hidden = true; owner?.removeAttribute("aria-describedby"); owner = null; };
    const later = () => { timer = setTimeout(hide, 200); };
    const show = (link) => {
      clearTimeout(timer);
      if (owner && owner !== link) hide();
      owner = link;
      tip.textContent = link.dataset.definition;
      tip.hidden = false;
      link.setAttribute("aria-describedby", tip.id);
      const at = link.getBoundingClientRect(), wide = tip.offsetWidth, tall = tip.offsetHeight;
      const left = Math.max(8, Math.min(at.left, root.clientWidth - wide - 8));
      const below = at.bottom + tall + 8 < root.clientHeight;
      tip.style.left = `${left + scrollX}px`;
      tip.style.top = `${(below ? at.bottom + 4 : at.top - tall - 4) + scrollY}px`;
    };
    for (const link of document.querySelectorAll("a.term[data-definition]")) {
      link.addEventListener("mouseenter", () => show(link));
      link.addEventListener("focus", () => show(link));
      link.addEventListener("mouseleave", later);
      link.addEventListener("blur", hide);
    }
    tip.addEventListener("mouseenter", () => clearTimeout(timer));
    tip.addEventListener("mouseleave", later);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  }

  /* Whatever scrolls sideways can be reached and named by keyboard users. */
  function scrollers() {
    const near = new Set();
    const measure = () => {
      const over = [...near].filter((box) => box.scrollWidth > box.clientWidth && !box.hasAttribute("tabindex")); /* read all, then write all */
      for (const box of over) {
        box.tabIndex = 0;
        if (box.tagName !== "PRE") { box.setAttribute("role", "group"); box.setAttribute("aria-label", "Scrolls sideways"); }
      }
    };
    /* only what is near the screen is measured: asking about the rest would lay it out */
    const watch = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) near.add(target); else near.delete(target);
      measure();
    }, { rootMargin: "300px" });
    document.querySelectorAll("article pre, article .table-scroll, article div.math, article .output, .interactive-live").forEach((box) => watch.observe(box));
    addEventListener("resize", () => requestAnimationFrame(measure));
    document.fonts?.ready.then(measure); /* formulas grow when their fonts arrive */
  }

  /* The style sheet leaves what is off the screen without a layout while a page opens. Idle moments give it one from the top down, a few blocks at a time;
     whoever scrolls, jumps or types before gets the rest at once, so that nothing above the screen ever changes its height. */
  function layout() {
    const all = () => { root.dataset.laid = "out"; };
    if (!window.requestIdleCallback || location.hash) { all(); return; }
    for (const event of ["scroll", "wheel", "click", "pointerdown", "keydown", "beforeprint"]) addEventListener(event, all, { once: true, capture: true, passive: true });
    let waiting = null;
    const some = (idle) => {
      waiting ??= [...document.querySelectorAll(".bd-article section > *")].filter((block) => getComputedStyle(block).contentVisibility === "auto").reverse();
      while (waiting.length && !root.dataset.laid) {
        const block = waiting.pop();
        block.style.contentVisibility = "visible";
        block.getBoundingClientRect();
        if (idle.timeRemaining() < 40) break; /* at most ten milliseconds of an idle period of fifty */
      }
      if (waiting.length && !root.dataset.laid) requestIdleCallback(some); else all();
    };
    addEventListener("load", () => requestIdleCallback(some));
  }

  /* Interactive figures: loaded when they come near, drawn again when the theme changes. */
  let loading = null;
  function vega(url) {
    loading ??= new Promise((done, fail) => {
      const script = document.createElement("script");
      script.src = url;
      script.onload = done;
      script.onerror = fail;
      document.head.append(script);
    });
    return loading;
  }
  function colours(base) {
    const css = getComputedStyle(root), ink = css.getPropertyValue("--gt-ink").trim(), line = css.getPropertyValue("--gt-line").trim();
    return {
      background: "transparent", title: { color: ink }, style: { "guide-label": { fill: ink }, "guide-title": { fill: ink }, text: { fill: ink } }, text: { color: ink },
      axis: { ...base.axis, domainColor: ink, tickColor: ink, gridColor: line }, legend: { labelColor: ink, titleColor: ink }, view: { stroke: line },
    };
  }
  /* On a dark page every colour of a figure keeps its hue and has its lightness mirrored, as in the static pictures. */
  function mirror(hex) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255), top = Math.max(r, g, b), low = Math.min(r, g, b);
    const span = top - low, light = (top + low) / 2, s = span ? span / (1 - Math.abs(2 * light - 1)) : 0, l = 0.93 - 0.86 * light;
    const h = !span ? 0 : top === r ? ((g - b) / span + 6) % 6 : top === g ? (b - r) / span + 2 : (r - g) / span + 4;
    return `hsl(${(h * 60).toFixed(0)} ${(s * 100).toFixed(0)}% ${(l * 100).toFixed(0)}%)`;
  }
  async function draw(box) {
    await vega(box.dataset.script);
    const dark = root.dataset.theme === "dark", data = box.querySelector("script").textContent;
    const spec = JSON.parse(dark ? data.replace(/#[0-9a-fA-F]{6}(?=")/g, mirror) : data), live = box.querySelector(".interactive-live");
    const controls = box.querySelector(".interactive-controls");
    box.view?.finalize();
    const base = spec.config || {};
    delete spec.$schema; /* a newer Vega-Lite draws it and would remark on the version */
    const result = await window.vegaEmbed(live, { ...spec, config: { ...base, ...colours(base) } },
      { mode: "vega-lite", actions: false, renderer: "svg", ast: true, bind: controls || undefined, tooltip: { theme: dark ? "dark" : "light" } });
    box.view = result.view;
    box.classList.add("is-live");
    live.setAttribute("role", "img");
    live.setAttribute("aria-label", box.querySelector(".interactive-text").textContent);
    for (const input of box.querySelectorAll(".interactive-controls input[type=range]")) {
      const say = () => input.setAttribute("aria-valuetext", input.value);
      say();
      input.addEventListener("input", say);
    }
  }
  function interactives() {
    const boxes = [...document.querySelectorAll(".interactive")];
    if (!boxes.length) return;
    const watch = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) if (isIntersecting) { watch.unobserve(target); draw(target).catch(() => target.classList.add("is-static")); }
    }, { rootMargin: "400px" });
    boxes.forEach((box) => watch.observe(box));
    new MutationObserver(() => boxes.filter((box) => box.view).forEach(draw)).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  }

  /* Paper shows what is folded. */
  function printing() {
    let opened = [];
    addEventListener("beforeprint", () => { opened = [...document.querySelectorAll("details:not([open])")]; opened.forEach((d) => { d.open = true; }); });
    addEventListener("afterprint", () => opened.forEach((d) => { d.open = false; }));
  }

  /* Landing page: choose a path, tick what is known, see the minutes that remain. Remembered on this device only. */
  function paths() {
    const box = document.querySelector(".path-picker");
    if (!box) return;
    const parts = [...box.querySelectorAll(".path")], known = new Set(JSON.parse(localStorage.getItem("known") || "[]"));
    const ticks = [...box.querySelectorAll("input[type=checkbox]")];
    const say = () => {
      for (const tick of ticks) tick.checked = known.has(tick.dataset.page);
      for (const part of parts) {
        const left = [...part.querySelectorAll("input")].filter((t) => !t.checked);
        part.querySelector(".path-sum").textContent = `${left.reduce((n, t) => n + Number(t.dataset.minutes), 0)} minutes left to read, ${left.length} pages`;
      }
    };
    for (const tick of ticks) tick.addEventListener("change", () => {
      if (tick.checked) known.add(tick.dataset.page); else known.delete(tick.dataset.page);
      localStorage.setItem("known", JSON.stringify([...known]));
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
      button.textContent = part.querySelector("h3").textContent;
      button.addEventListener("click", () => choose(i));
      bar.append(button);
    });
    box.prepend(bar);
    choose(0);
    say();
  }

  /* How to read: the story, the mathematics, or everything. */
  function depth() {
    const field = document.querySelector("fieldset.depth");
    if (!field) return;
    field.addEventListener("change", () => { root.dataset.depth = field.querySelector("input:checked").value; });
  }

  function menus() {
    for (const box of document.querySelectorAll("details.run-menu")) {
      document.addEventListener("click", (event) => { if (!box.contains(event.target)) box.open = false; });
      box.addEventListener("keydown", (event) => { if (event.key === "Escape") { box.open = false; box.querySelector("summary").focus(); } });
    }
  }

  ready(() => { layout(); terms(); scrollers(); interactives(); printing(); paths(); depth(); menus(); });
})();
