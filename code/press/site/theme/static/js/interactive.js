/* Interactive figures: loaded when they come near, drawn again when the theme or the layout changes. */

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
    background: "transparent", title: { ...base.title, color: ink }, style: { "guide-label": { fill: ink }, "guide-title": { fill: ink }, text: { fill: ink } }, text: { ...base.text, color: ink },
    axis: { ...base.axis, domainColor: ink, tickColor: ink, gridColor: line }, legend: { ...base.legend, labelColor: ink, titleColor: ink }, view: { ...base.view, stroke: line },
  };
}
const phone = matchMedia("(max-width: 34rem)"); /* as in interactive.py and read.css */

/* The page holds the wide layout; each change for a phone is a path into it, then the value. */
function narrowed(spec, changes) {
  for (const change of changes) {
    const value = change.pop(), last = change.pop();
    change.reduce((part, name) => part[name] ??= {}, spec)[last] = value;
  }
  return spec;
}
async function draw(box) {
  await vega(box.dataset.script);
  const dark = root.dataset.theme === "dark", mirrored = JSON.parse(box.dataset.dark), data = $("script", box).textContent;
  const spec = JSON.parse(dark ? data.replace(/"(#[0-9a-fA-F]{6})"/g, (_, color) => `"${mirrored[color]}"`) : data), live = $(".interactive-live", box);
  if (phone.matches) narrowed(spec, JSON.parse(box.dataset.narrow));
  const rows = $(".interactive-rows", box), base = spec.config || {};
  box.view?.finalize();
  delete spec.$schema; /* a newer Vega-Lite draws it and would remark on the version */
  const result = await window.vegaEmbed(live, { ...spec, config: { ...base, ...colors(base) } },
    { mode: "vega-lite", actions: false, renderer: "svg", ast: true, defaultStyle: false, bind: rows, tooltip: { theme: dark ? "dark" : "light" } });
  box.view = result.view;
  box.classList.add("is-live");
  live.setAttribute("role", "img");
  live.setAttribute("aria-label", spec.description);
  for (const input of $$("input[type=range]", rows)) {
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
  for (const box of boxes) $(".interactive-reset", box).addEventListener("click", () => draw(box));
  /* Nothing is loaded for a reader who has not moved yet: the picture stands in its place until then. */
  const events = ["pointermove", "pointerdown", "touchstart", "keydown", "focusin", "wheel", "scroll"];
  const begin = () => {
    for (const event of events) removeEventListener(event, begin);
    boxes.forEach((box) => watch.observe(box));
  };
  if (location.hash || scrollY) begin(); else for (const event of events) addEventListener(event, begin, { passive: true });
  const again = () => boxes.filter((box) => box.view).forEach(draw);
  new MutationObserver(again).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  phone.addEventListener("change", again);
}

starts.push(interactives);
