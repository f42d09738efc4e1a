/* What the press asks node for: `index` packs the documents on stdin, `tokens` folds the texts there, `stems` folds and stems the words there, `rank` answers the queries there. */
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [mode, file] = process.argv.slice(2);
const asked = JSON.parse(fs.readFileSync(0, "utf8"));
if (mode === "rank") {
  const window = {};
  vm.runInNewContext(fs.readFileSync(file, "utf8"), { window });
  process.stdout.write(JSON.stringify(asked.map((query) => window.BookSearch.find(query))));
} else {
  const engine = ["words", "engine"].map((name) => fs.readFileSync(path.join(__dirname, `theme/static/search/${name}.js`), "utf8")).join("\n");
  const { pack, tokens, fold, stem } = new Function("MiniSearch", `"use strict";\n${engine}\nreturn { pack, tokens, fold, stem };`)(require(path.resolve(file)));
  const folded = { tokens: (text) => tokens(text, "text"), stems: (word) => stem(fold(word)) };
  process.stdout.write(mode === "index" ? pack(asked) : JSON.stringify(asked.map(folded[mode])));
}
