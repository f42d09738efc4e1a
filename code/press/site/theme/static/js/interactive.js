/* Interactive figures. */

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

starts.push(interactives);
