/* What every page needs: the color theme, and the layout of what is off the screen. */

const root = document.documentElement;
const $ = (query, from = document) => from.querySelector(query);
const $$ = (query, from = document) => [...from.querySelectorAll(query)];
const starts = []; /* what each part does once the page is read */
const later = []; /* and once it is loaded */

/* Light, dark or as the system: set before anything is painted, remembered on this device only. */
const system = matchMedia("(prefers-color-scheme: dark)");
const MODES = { auto: "system", light: "light", dark: "dark" };
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
    try { localStorage.setItem("mode", root.dataset.mode); } catch { /* storage can be forbidden */ }
    say();
  });
  say();
}

/* The style sheet leaves what is off the screen without a layout while a page opens. Idle moments give it one from the top down, a few blocks at a time;
   whoever scrolls, jumps or types before gets the rest at once, so that nothing above the screen ever changes its height. */
function layout() {
  const events = ["scroll", "wheel", "click", "pointerdown", "keydown", "beforeprint"];
  const options = { capture: true, passive: true };
  const finish = () => { /* another attribute than the style sheet's: that one would compute the style of every element anew */
    for (const event of events) removeEventListener(event, all, options);
    root.dataset.whole = "";
  };
  let waiting = null;
  const all = () => {
    root.dataset.laid = "out";
    for (const block of waiting ?? []) block.style.contentVisibility = "visible";
    finish();
  };
  if (!window.requestIdleCallback || location.hash) { all(); return; }
  for (const event of events) addEventListener(event, all, options);
  const some = (idle) => {
    waiting ??= $$("article section > *").filter((block) => getComputedStyle(block).contentVisibility === "auto").reverse();
    while (waiting.length && !root.dataset.laid) {
      const block = waiting.pop();
      if (block.children.length > 1 && block.querySelectorAll("*").length > 400) { /* a long derivation: one after the other what it holds */
        for (const part of [...block.children].reverse()) {
          part.style.contentVisibility = "auto";
          waiting.push(part);
        }
      }
      block.style.contentVisibility = "visible";
      block.getBoundingClientRect();
      if (idle.timeRemaining() < 45) break; /* at most five milliseconds of an idle period of fifty */
    }
    if (root.dataset.laid) return;
    if (waiting.length) requestIdleCallback(some); else finish();
  };
  addEventListener("load", () => requestIdleCallback(some));
}

starts.push(layout, themeSwitch);

/* What a reader reaches for first starts with the page, what waits for a pointer when it is loaded: a phone answers a tap in between. */
function begin() {
  const run = (list) => () => list.forEach((start) => start());
  document.addEventListener("DOMContentLoaded", run(starts));
  addEventListener("load", run(later));
}
