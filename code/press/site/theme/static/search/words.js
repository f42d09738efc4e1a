/* The words of a text as the search knows them: for its index, for what a reader types, and for the marks on the page that a hit leads to. */
const TOKEN = /[\p{L}\p{Nd}²³]+(?:[-_.’'+][\p{L}\p{Nd}²³]+)*/gu; /* not F₁, a symbol of a formula that is not the word F1 */
const PAIRS = new Map(Object.entries({
  bias: "bias", biases: "bias", alias: "alias", aliases: "alias", pandas: "pandas", axes: "axis", bases: "basis", matrices: "matrix", vertices: "vertex", caches: "cache", hypotheses: "hypothesis", maxima: "maximum", minima: "minimum",
  centre: "center", centred: "centered", centring: "centering", metre: "meter", fibre: "fiber", grey: "gray", greyscale: "grayscale", artefact: "artifact", programme: "program", learnt: "learned",
  defence: "defense", licence: "license", judgement: "judgment", catalogue: "catalog", analogue: "analog",
}));
const US = [
  [/^(.{3,})is(ations?|e|ed|es|ers?|ing|able)$/, "$1iz$2"],
  [/^(.+)ys(e|ed|es|ing)$/, "$1yz$2"],
  [/^(col|behavi|neighb|fav|hon|lab|flav|vap|harb|hum|endeav)our/, "$1or"],
  [/^(label|model|travel|cancel|signal|channel)l(ed|ing|er)$/, "$1$2"],
];
const PLURALS = [[/^(.{2,})ies$/, "$1y"], [/(ss|x|ch|sh)es$/, "$1"], [/^(.*[^sui])s$/, "$1"]];
const NO_US = /^(noise|raise|rise|arise|wise|otherwise|likewise|precise|concise|exercise|promise|premise|advise|revise|disguise|comprise|surprise|expertise|paradise|franchise|enterprise|merchandise)/;
function fold(word) {
  let folded = word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  for (const [pattern, form] of PLURALS) if (!PAIRS.has(folded) && pattern.test(folded)) { folded = folded.replace(pattern, form); break; }
  if (!NO_US.test(folded)) for (const [pattern, form] of US) folded = folded.replace(pattern, form);
  return PAIRS.get(folded) ?? folded;
}
/* What the inflections of a folded word share: explode, exploded, exploding; quantize, quantization; clip, clipping. */
const stem = (word) => word.replace(/(?<=.{4})(?:iz(?:ations?|e[ds]?|ing)|ing|ed|e)$/, (end) => (end.startsWith("iz") ? "iz" : "")).replace(/(?<=...)([bdgmnprt])\1$/, "$1");
/* Each word of a text, whole and in its parts: e-mail is email and e, mail; DataFrame is dataframe and data, frame. */
function words(text) {
  const list = [];
  for (const { 0: found, index } of text.matchAll(TOKEN)) {
    let at = index;
    for (const token of found.split(".")) {
      const bare = token.replace(/[’']s?$|[’']s(?=-)|(?<=\p{Lu})s$/u, ""), parts = bare.split(/[-_’'+]+/).flatMap(camel).map(fold).filter(Boolean);
      if (parts.length) list.push({ start: at, end: at + token.length, whole: fold(bare.replace(/[-_’'+]/g, "")), parts });
      at += token.length + 1;
    }
  }
  return list;
}
function camel(word) {
  const parts = word.split(/(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u);
  return parts.every((part) => part.length > 2) ? parts : [word];
}
