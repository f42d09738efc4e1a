// Evaluate figures in Vega itself, without a browser. argv[2] is vl-convert's bundle of Vega and Vega-Lite.
// One JSON request per line: {"spec": ..., "positions": [{"control": value}, ...]}; one JSON answer per line:
// for every position a map from the name of each mark to the data behind its items, as they would be drawn.
"use strict";
const fs = require("fs");
const readline = require("readline");

globalThis.window = globalThis;
globalThis.document = undefined;
(0, eval)(fs.readFileSync(process.argv[2], "utf8"));
const { vega, vegaLite } = globalThis;

// JSON has no name for these three, but Python's reader has.
const SPECIAL = { NaN: "NaN", Infinity: "Infinity", "-Infinity": "-Infinity" };

function encode(value) {
  if (typeof value === "number" && !Number.isFinite(value)) return SPECIAL[String(value)];
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return `[${value.map(encode).join(",")}]`;
  if (typeof value === "object") {
    const pairs = Object.entries(value).map(([key, v]) => `${JSON.stringify(key)}:${encode(v)}`);
    return `{${pairs.join(",")}}`;
  }
  return JSON.stringify(value);
}

const shown = (item) => (item.text === undefined ? {} : { shown: String(item.text) });

function collect(mark, marks) {
  if (mark.marktype !== "group" && /marks$/.test(mark.name || "")) {
    const rows = mark.items.map((item) => ({ ...item.datum, ...shown(item) }));
    marks[mark.name] = (marks[mark.name] || []).concat(rows);
  }
  for (const item of mark.items) for (const child of item.items || []) collect(child, marks);
}

async function evaluate({ spec, positions }) {
  const compiled = vegaLite.compile(spec).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: "none", logLevel: vega.Error });
  await view.runAsync();
  const answers = [];
  for (const position of positions) {
    for (const [name, value] of Object.entries(position)) view.signal(name, value);
    await view.runAsync();
    const marks = {};
    collect(view.scenegraph().root, marks);
    answers.push(marks);
  }
  view.finalize();
  return answers;
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
      process.stdout.write(encode({ answers: await evaluate(JSON.parse(line)) }) + "\n");
    } catch (error) {
      process.stdout.write(JSON.stringify({ error: String((error && error.stack) || error) }) + "\n");
    }
  }
})();
