/* The book's own behavior. Every page is complete without it. */
(() => {
  "use strict";
  const root = document.documentElement;
  const $ = (query, from = document) => from.querySelector(query);
  const $$ = (query, from = document) => [...from.querySelectorAll(query)];

  /* Light, dark or as the system: set before anything is painted, remembered on this device only. */
  const system = matchMedia("(prefers-color-scheme: dark)");
  const MODES = { auto: "as the system", light: "light", dark: "dark" };
  function apply(mode) {
    const dark = mode === "auto" ? system.matches : mode === "dark";
    root.dataset.mode = mode;
    root.dataset.theme = dark ? "dark" : "light";
  }
  let mode = "auto";
  try { mode = localStorage.getItem("mode") || "auto"; } catch { /* storage can be forbidden */ }
  apply(mode in MODES ? mode : "auto");
  system.addEventListener("change", () => apply(root.dataset.mode));

  function themeSwitch() {
    const button = $(".theme-switch-button"), label = $(".sr-only", button);
    const say = () => { label.textContent = `Color theme: ${MODES[root.dataset.mode]}`; };
    button.addEventListener("click", () => {
      const names = Object.keys(MODES);
      apply(names[(names.indexOf(root.dataset.mode) + 1) % names.length]);
      localStorage.setItem("mode", root.dataset.mode);
      say();
    });
    say();
  }

  /* The contents of the book: scrolled to the current page; on a phone a drawer that closes by Escape, by its button, and by a tap beside it. */
  function contents() {
    const nav = $("#contents"), button = $(".menu-button"), current = $("[aria-current=page]", nav);
    const center = () => { if (current) nav.scrollTop = current.offsetTop - nav.clientHeight / 2; };
    const behind = [$("main"), $(".skip")];
    const close = () => {
      if (root.dataset.drawer !== "open") return;
      delete root.dataset.drawer;
      behind.forEach((part) => { part.inert = false; });
      button.setAttribute("aria-expanded", "false");
      button.focus();
    };
    button.setAttribute("role", "button");
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", (event) => {
      event.preventDefault();
      if (root.dataset.drawer === "open") return close();
      root.dataset.drawer = "open";
      behind.forEach((part) => { part.inert = true; });
      button.setAttribute("aria-expanded", "true");
      center();
      $(".close-button", nav).focus();
    });
    button.addEventListener("keydown", (event) => { if (event.key === " ") { event.preventDefault(); button.click(); } });
    $(".close-button", nav).addEventListener("click", (event) => { event.preventDefault(); close(); });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
    document.addEventListener("click", (event) => { if (!nav.contains(event.target) && !button.contains(event.target)) close(); });
    requestAnimationFrame(center); /* its measuring is then the frame's own */
  }

  /* The heading that is being read is marked; on small screens a tap on a heading folds the list. */
  function pageContents() {
    const box = $(".page-contents details");
    if (!box) return;
    const links = new Map($$("a", box).map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
    const sections = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
    const mark = () => {
      let now = null;
      for (const section of sections) if (section.getBoundingClientRect().top < innerHeight / 3) now = section.id;
      for (const [id, link] of links) if (id === now) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    };
    let asked = false;
    addEventListener("scroll", () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => { asked = false; mark(); });
    }, { passive: true });
    box.addEventListener("click", (event) => { if (event.target.closest("a")) box.open = false; });
  }

  /* Ctrl+K, Command+K or / goes to the search box, or to the search page where the bar has no room for one. */
  function search() {
    const box = $("main input[name=q]") || $(".bar input[name=q]");
    const query = new URLSearchParams(location.search).get("q");
    if (query) $$("input[name=q]").forEach((input) => { input.value = query; });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, textarea, select, [contenteditable]");
      const asked = event.key === "/" ? !typing && !event.ctrlKey && !event.metaKey : (event.ctrlKey || event.metaKey) && event.key === "k";
      if (!asked) return;
      event.preventDefault();
      if (box.checkVisibility()) { box.focus(); box.select(); } else location.href = $(".search-link").href;
    });
  }

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

  /* Definitions, and where a number comes from, on hover and on focus; Escape hides them; the pointer may enter them (WCAG 1.4.13). */
  function terms() {
    const tip = document.createElement("div");
    tip.id = "term-tip";
    tip.setAttribute("role", "tooltip");
    tip.hidden = true;
    document.body.append(tip);
    let owner = null, timer = 0;
    const hide = () => { tip.hidden = true; owner?.removeAttribute("aria-describedby"); owner = null; };
    const later = () => { timer = setTimeout(hide, 200); };
    const origin = (link) => {
      const line = document.getElementById(link.hash.slice(1)), code = document.createElement("code");
      code.textContent = line.textContent.trim();
      tip.replaceChildren(code, line.dataset.note);
    };
    const show = (link) => {
      clearTimeout(timer);
      if (owner && owner !== link) hide();
      owner = link;
      if (link.dataset.definition) tip.innerHTML = link.dataset.definition; else origin(link);
      tip.hidden = false;
      link.setAttribute("aria-describedby", tip.id);
      const at = link.getBoundingClientRect(), wide = tip.offsetWidth, tall = tip.offsetHeight;
      const left = Math.max(8, Math.min(at.left, root.clientWidth - wide - 8));
      const below = at.bottom + tall + 8 < root.clientHeight;
      tip.style.left = `${left + scrollX}px`;
      tip.style.top = `${(below ? at.bottom + 4 : at.top - tall - 4) + scrollY}px`;
    };
    for (const link of $$("a.term[data-definition], a.number")) {
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
    $$("article pre, article .table-scroll, article div.math, article .output, .interactive, .interactive-live").forEach((box) => watch.observe(box));
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
      waiting ??= $$("article section > *").filter((block) => getComputedStyle(block).contentVisibility === "auto").reverse();
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
  function colors(base) {
    const ink = getComputedStyle(document.body).color, line = getComputedStyle($(".bar")).borderBottomColor;
    return {
      background: "transparent", title: { color: ink }, style: { "guide-label": { fill: ink }, "guide-title": { fill: ink }, text: { fill: ink } }, text: { color: ink },
      axis: { ...base.axis, domainColor: ink, tickColor: ink, gridColor: line }, legend: { ...base.legend, labelColor: ink, titleColor: ink }, view: { ...base.view, stroke: line },
    };
  }
  async function draw(box) {
    await vega(box.dataset.script);
    const dark = root.dataset.theme === "dark", mirrored = JSON.parse(box.dataset.dark), data = $("script", box).textContent;
    const spec = JSON.parse(dark ? data.replace(/"(#[0-9a-fA-F]{6})"/g, (_, color) => `"${mirrored[color]}"`) : data), live = $(".interactive-live", box);
    const controls = $(".interactive-controls", box), base = spec.config || {};
    box.view?.finalize();
    delete spec.$schema; /* a newer Vega-Lite draws it and would remark on the version */
    const result = await window.vegaEmbed(live, { ...spec, config: { ...base, ...colors(base) } },
      { mode: "vega-lite", actions: false, renderer: "svg", ast: true, defaultStyle: false, bind: controls || undefined, tooltip: { theme: dark ? "dark" : "light" } });
    box.view = result.view;
    box.classList.add("is-live");
    live.setAttribute("role", "img");
    live.setAttribute("aria-label", $(".interactive-text", box).textContent);
    for (const input of $$(".interactive-controls input[type=range]", box)) {
      const say = () => input.setAttribute("aria-valuetext", input.value);
      say();
      input.addEventListener("input", say);
    }
  }
  function interactives() {
    const boxes = $$(".interactive");
    if (!boxes.length) return;
    const watch = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) { watch.unobserve(target); draw(target).catch(() => target.classList.add("is-static")); }
    }, { rootMargin: "400px" });
    boxes.forEach((box) => watch.observe(box));
    new MutationObserver(() => boxes.filter((box) => box.view).forEach(draw)).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  }

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

  function menus() {
    for (const box of $$("details.run-menu")) {
      document.addEventListener("click", (event) => { if (!box.contains(event.target)) box.open = false; });
      box.addEventListener("keydown", (event) => { if (event.key === "Escape") { box.open = false; $("summary", box).focus(); } });
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const start of [layout, themeSwitch, contents, pageContents, search, copyButtons, terms, scrollers, interactives, printing, paths, depth, menus]) start();
  });
})();

/* Sphinx's search script asks whether to mark the words on the page that it leads to. */
const SPHINX_HIGHLIGHT_ENABLED = false;
