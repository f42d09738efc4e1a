/* What is indexed and the order of the answers. It follows words.js, both when the index is built and when a reader types. */

/* Words that say little */
const SILENT = new Set("a an the of in on to and or is are was be been it its this that these those as at by for from with not no so if then than but we you one".split(" "));
const ASKED = new Set("what how why when which who where do does did work works explain explained explanation define definition meaning difference differences between vs versus i my me can should use used using about there compare compared tutorial example examples into become becomes became get gets getting".split(" ").map(fold));
/* The words of a field, and two neighbors as one where they name a thing: in a title always, in a text if they do so anywhere. */
function tokens(text, field, pairs = null, phrases = null) {
  const running = field === "text" || field === "code", list = [];
  let before = null;
  for (const word of words(text)) {
    const { whole, parts, start } = word, near = before && /^[\s-]$/.test(text.slice(before.end, start)), pair = near ? before.whole + whole : "";
    before = SILENT.has(whole) ? null : word;
    if (!before) continue;
    if (pair && (running ? pairs?.has(pair) : true)) {
      list.push(pair);
      phrases?.add(pair);
    }
    list.push(whole);
    if (parts.length > 1 && field !== "code") list.push(...parts.filter((part) => !SILENT.has(part)));
  }
  return running ? list.filter((word) => word.length > 1 && !/^\d+$/.test(word)) : list;
}

/* The index */
const BOOST = { title: 5, heading: 5, bold: 3, names: 2, page: 1.2, code: 1, text: 1 };
const OPTIONS = { fields: Object.keys(BOOST), processTerm: (word) => word };
function pack({ pages, documents, synonyms, symptoms, announced }) {
  const rows = documents.map((entry, id) => ({
    id, [entry.anchor ? "heading" : "title"]: (entry.term ? entry.names : [entry.heading]).join(" . "), page: entry.anchor ? pages[entry.page][1] : "",
    bold: entry.bold.join(" . "), names: entry.term ? "" : entry.names.join(" . "), code: entry.code.join(" "), text: entry.text,
  }));
  const named = rows.flatMap((row) => [row.title ?? "", row.heading ?? "", row.bold]);
  const phrases = new Set(), pairs = new Set([...named, ...synonyms.flat()].flatMap((text) => tokens(text, "title", null, phrases)));
  const single = new Set([...named, ...rows.flatMap((row) => [row.names, row.text])].flatMap(words).filter(({ parts }) => parts.length < 2).map(({ whole }) => whole));
  const index = new MiniSearch({ ...OPTIONS, tokenize: (text, field) => tokens(text, field, pairs) });
  index.addAll(rows);
  return JSON.stringify({ pages, rows: documents.map((entry) => [entry.page, entry.anchor, entry.heading, entry.aside, Number(entry.term), ...(entry.leads >= 0 ? [entry.leads, Number(entry.defined)] : [])]), synonyms, symptoms, announced, boxes: documents.flatMap((entry, id) => (entry.boxes ?? []).map((box) => [id, ...box])), index: small(index.toJSON(), (term) => single.has(term) && !phrases.has(term)) });
}
/* MiniSearch's table of terms in half the bytes: of each document the distance from the one before, and how often it has the term if more than once. A star is behind what the book writes as several words too: gradientclipping*, but softmax. */
const BASE = 36, SEVERAL = "*";
function small({ index, ...rest }, isOne) {
  const lines = index.map(([term, fields]) => [isOne(term) ? term : term + SEVERAL, ...Object.entries(fields).map(([field, counts]) => {
    let before = 0;
    const steps = Object.entries(counts).map(([id, count]) => {
      const step = (id - before).toString(BASE);
      before = Number(id);
      return count > 1 ? `${step}.${count}` : step;
    });
    return `${field}:${steps}`;
  })].join(" "));
  return { ...rest, index: lines.join("\n") };
}
/* The documents of one term by field, read when they are first asked for: nearly all never are. */
class Postings {
  constructor(text) { this.text = text; }
  get(field) {
    this.fields ??= new Map(this.text.split(" ").map((part) => {
      const [name, steps] = part.split(":");
      let id = 0;
      return [Number(name), new Map(steps.split(",").map((entry) => {
        const [step, count] = entry.split(".");
        id += parseInt(step, BASE);
        return [id, Number(count ?? 1)];
      }))];
    }));
    return this.fields.get(field);
  }
}
/* MiniSearch itself can only load a table whose every entry is read: a second of a slow phone. */
function load({ index: lines, ...rest }) {
  const index = MiniSearch.loadJS({ ...rest, index: [] }, OPTIONS), several = new Set();
  for (const line of lines.split("\n")) {
    const space = line.indexOf(" "), isOne = line[space - 1] !== SEVERAL, term = line.slice(0, isOne ? space : space - 1);
    if (!isOne) several.add(term);
    index._index.set(term, new Postings(line.slice(space + 1)));
  }
  return { index, several };
}

/* Answers */
const WEIGHTS = { other: .85, pair: 1.5, softKnown: .25, form: .6, soft: .7, corrected: .8, subject: 3, exact: 2.2, term: 2, glossary: .5, phrase: 1.5, aside: .4, references: .2, front: .5, again: .85, coverage: 2, explains: 1.2, defines: 2.5, common: .3, apart: .3, cure: .95 };
const COMMON = .9; /* of the pages hold a word that tells little: model, data */
const CANDIDATES = 120; /* whose headings are looked at */
const COMPARED = /\b(?:vs\.?|versus|or|and|between|compared (?:to|with))\b|,/i;
const SAME = (word) => [word];
const joined = (list) => list.join(" ");
const stems = (text) => text.split(" ").map(stem).join(" ");
const unique = (list) => [...new Map(list.map((words) => [joined(words), words])).values()].filter((words) => words.length);
/* The subjects that a title names: "A, B and C: a phrase" has three. */
const subjects = (title) => unique([title, title.split(":")[0], ...title.split(":")[0].split(/,| and | or |\/| vs /), ...title.split(":").slice(1)].map((part) => query(part).parts)).map(joined);
function query(text) {
  const all = words(text), heard = all.filter(({ whole }) => !SILENT.has(whole) && !ASKED.has(whole)), list = heard.length ? heard : all;
  const single = ({ parts }) => parts.some((part) => part.length < 2);
  return { whole: list.map(({ whole }) => whole), parts: list.flatMap((word) => (single(word) ? [word.whole] : word.parts)) };
}
function contains(list, part) {
  for (let at = 0; at + part.length <= list.length; at++) if (part.every((word, i) => list[at + i] === word)) return at;
  return -1;
}

function open({ pages, rows, synonyms, symptoms, announced, boxes, index: packed }) {
  const { index, several } = load(packed), titled = shelf(boxes);
  const raw = (word, options) => index.search(word, { tokenize: SAME, boost: BOOST, prefix: false, fuzzy: false, ...options });
  const groups = synonyms.map((names) => unique(names.flatMap((name) => Object.values(query(name)))));
  const cures = symptoms.map(({ typed, means }) => ({ typed: typed.map((name) => query(name).parts.map(stem)), means: means.map((name) => query(name).parts) }));
  const headings = rows.map(([, , heading]) => ({ heading }));
  const memory = new Map();
  const planned = new Map(announced.flatMap((subject) => subject.names.map((name) => [query(name).whole.join(""), subject])));

  const short = new Set(announced.flatMap(({ names }) => names.filter((name) => /^\p{Lu}[\p{Lu}\p{N}-]+s?$/u.test(name))).map((name) => query(name).whole.join("")));

  const isCommon = (hits) => new Set(hits.map(({ id }) => rows[id][0])).size > COMMON * pages.length;
  const known = (word) => lookup(word).known;
  /* The documents of one word with their scores: exact, begun, in other inflections, or else the nearest spelling. */
  function lookup(word, typing = false) {
    const key = `${word}${typing ? "…" : ""}`;
    if (memory.has(key)) return memory.get(key);
    const exact = raw(word), scores = exact.map(({ id, score }) => [id, score]), entry = { known: exact.length > 0, exact: new Map(scores), scores: new Map(scores), terms: new Set(exact.length ? [word] : []), forms: new Set() };
    const root = word.replace(/(?<=.{4})(?:izations?|ize[dr]?|izing|ing|ed|er|ions?|e)$/, (end) => (end[1] === "z" || end.startsWith("iz") ? "iz" : ""));
    const begun = word.length > 2 || typing ? raw(typing ? word : root, { prefix: true }) : [];
    const weight = typing ? .8 : entry.known ? WEIGHTS.softKnown : WEIGHTS.soft;
    for (const { id, score, terms } of begun) {
      entry.scores.set(id, Math.max(entry.scores.get(id) ?? 0, weight * score));
      for (const term of terms) if (!entry.known) entry.terms.add(term); else if (term !== word && stem(term) === stem(word)) entry.forms.add(term);
    }
    for (const form of entry.forms) {
      const hits = raw(form);
      if (!isCommon(hits)) for (const { id, score } of hits) entry.scores.set(id, Math.max(entry.scores.get(id) ?? 0, WEIGHTS.form * score));
    }
    entry.common = isCommon(exact);
    if (!entry.scores.size) correct(word, entry);
    memory.set(key, entry);
    return entry;
  }
  function correct(word, entry) {
    for (let distance = 1; distance <= (word.length > 5 ? 2 : word.length > 3 ? 1 : 0); distance++) {
      const counts = new Map();
      for (const { terms } of raw(word, { fuzzy: distance })) for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
      if (!counts.size) continue;
      entry.corrected = [...counts].sort((a, b) => (b[0][0] === word[0]) - (a[0][0] === word[0]) || b[1] - a[1])[0][0];
      for (const { id, score } of raw(entry.corrected)) entry.scores.set(id, WEIGHTS.corrected * score);
      entry.terms.add(entry.corrected);
      return;
    }
  }

  /* Neighbors that the book writes as one word, and only so, as one: soft max is softmax. */
  const closed = (words) => words.reduce((list, word) => {
    const one = (list.at(-1) ?? "") + word;
    return list.length && known(one) && !several.has(one) ? [...list.slice(0, -1), one] : [...list, word];
  }, []);
  /* What helps against the symptoms in a query, the more so the more of its words they are. */
  function cured(words) {
    const stems = words.map(stem);
    return cures.flatMap(({ typed, means }) => {
      const places = new Set(typed.flatMap((name) => { const at = contains(stems, name); return at < 0 ? [] : name.map((_, i) => at + i); }));
      return places.size ? means.map((other) => ({ words: other, weight: WEIGHTS.cure * Math.sqrt(places.size / words.length) })) : [];
    });
  }
  /* The ways to read a query: its words whole, in parts, joined, split, and by the other names of a thing. */
  function readings(text) {
    const { whole, parts } = query(text), typed = unique([parts, whole]), list = unique(typed.map(closed)), apart = typed.filter((words) => !list.some((other) => joined(other) === joined(words)));
    for (const words of [...list]) words.forEach((word, at) => {
      if (!known(word)) for (let cut = 3; cut <= word.length - 3; cut++) {
        const halves = [fold(word.slice(0, cut)), fold(word.slice(cut))];
        if (halves.every(known)) list.push(words.toSpliced(at, 1, ...halves));
      }
    });
    const base = unique(list), others = [];
    for (const words of base) for (const names of groups) for (const name of names) {
      const at = contains(words, name);
      if (at >= 0) for (const other of names) if (other !== name) others.push({ words: words.toSpliced(at, name.length, ...other), weight: WEIGHTS.other });
    }
    return [...base.map((words) => ({ words, weight: 1 })), ...apart.map((words) => ({ words, weight: WEIGHTS.apart })), ...others].slice(0, 16);
  }

  function scored({ words, weight }, typing, strict, best) {
    const entries = words.map((word, at) => lookup(word, typing && at === words.length - 1)), sums = new Map();
    const add = ({ scores }, factor, ...places) => {
      for (const [id, score] of scores) {
        const sum = sums.get(id) ?? { score: 0, places: new Set() };
        sum.score += factor * score;
        places.forEach((at) => sum.places.add(at));
        sums.set(id, sum);
      }
    };
    entries.forEach((entry, at) => add(entry, 1, at));
    words.slice(1).forEach((word, at) => { if (known(words[at] + word)) add(lookup(words[at] + word), WEIGHTS.pair, at, at + 1); });
    const heard = [...new Set([...sums.values()].flatMap(({ places }) => [...places]))];
    const telling = words.map((_, at) => words.length !== 2 || weight < 1 || !entries[at].common), some = heard.some((at) => telling[at]); /* beside a word that tells much, one on nearly every page decides nothing */
    const weigh = (places) => places.reduce((sum, at) => sum + (telling[at] || !some ? 1 : WEIGHTS.common), 0), all = weigh(heard);
    const spelled = entries.map(({ corrected }, at) => corrected ?? words[at]);
    const list = [...sums].map(([id, { score, places }]) => ({ id, score: weight * score * (weigh([...places]) / all) ** WEIGHTS.coverage, full: !strict || words.every((_, at) => places.has(at) || (some && !telling[at])), whole: entries.every(({ exact }) => exact.has(id)), entries }));
    for (const hit of list.sort((a, b) => b.score - a.score).slice(0, CANDIDATES)) {
      const before = best.get(hit.id) ?? { score: 0, named: false, full: false, whole: false };
      hit.named = isNamed(hit.id, spelled, typing) || (some && isNamed(hit.id, spelled.filter((_, at) => telling[at]), typing));
      hit.score *= bonus(hit, spelled);
      best.set(hit.id, { ...(hit.score > before.score ? hit : before), named: hit.named || before.named, full: hit.full || before.full, whole: hit.whole || before.whole });
    }
  }
  /* Sections that help follow the best one that has the symptoms themselves. */
  function help(words, best) {
    const most = (hits) => Math.max(0, ...[...hits.values()].map(({ score }) => score)), top = most(best);
    for (const { words: other, weight } of cured(words)) {
      const hits = new Map();
      scored({ words: other, weight: 1 }, false, false, hits);
      const scale = weight * (top || 1) / (most(hits) || 1);
      for (const [id, hit] of hits) {
        const before = best.get(id) ?? { score: 0 };
        best.set(id, { ...hit, ...before, entries: [...(before.entries ?? []), ...hit.entries], score: Math.max(before.score, scale * hit.score), full: true });
      }
    }
  }
  function isNamed(id, words, typing) {
    const row = headings[id];
    row.subjects ??= subjects(row.heading);
    return row.subjects.some((subject) => stems(subject) === stems(joined(words)) || (typing && subject.startsWith(joined(words))));
  }
  function bonus({ id, named }, words) {
    const [, anchor, heading, aside, term] = rows[id], row = headings[id];
    row.words ??= query(heading).parts;
    let factor = [1, WEIGHTS.aside, WEIGHTS.references, WEIGHTS.front][aside] * (term ? WEIGHTS.glossary : 1); /* a chapter explains what an entry only defines */
    if (named) factor *= term ? WEIGHTS.term : anchor ? WEIGHTS.exact : WEIGHTS.subject;
    else if (words.length > 1 && contains(row.words, words) >= 0) factor *= WEIGHTS.phrase;
    return factor;
  }

  /* What explains a term comes before its entry in the glossary, and a section that defines it before most others. */
  function explain({ id, score, named, full, whole, entries }, best) {
    const [, , , , , lead, defined] = rows[id];
    if (!named || lead === undefined) return;
    const hit = best.get(lead) ?? { id: lead, score: 0, full: false, whole: false, entries };
    best.set(lead, { ...hit, full: hit.full || full, whole: hit.whole || whole, score: Math.max(hit.score, WEIGHTS[defined ? "defines" : "explains"] * score) });
  }

  function find(text, { typing = false, limit = 30 } = {}) {
    const best = new Map(), times = new Map(), list = readings(text);
    const strict = words(text).length === 2 && list[0]?.words.length === 2; /* of two words both are wanted */
    for (const reading of list) scored(reading, typing, strict, best);
    help(list[0]?.words ?? [], best);
    const asked = announcedOf(text, typing);
    const order = (a, b) => b.full - a.full || b.score - a.score || a.id - b.id;
    for (const hit of [...best.values()]) explain(hit, best);
    const hits = [...best.values()].filter(({ whole }) => whole || !asked.whole).sort(order);
    for (const hit of hits) {
      const page = rows[hit.id][0], count = times.get(page) ?? 0;
      times.set(page, count + 1);
      hit.score *= WEIGHTS.again ** count;
    }
    hits.sort(order);
    const own = new Set(list.filter(({ weight }) => weight === 1).flatMap(({ words: typed }) => typed.flatMap((word, at) => {
      const { terms, forms } = lookup(word, typing && at === typed.length - 1);
      return [...terms, ...forms];
    })));
    const terms = new Set([...own, ...hits.slice(0, limit).flatMap(({ entries }) => entries.flatMap((entry) => [...entry.terms]))]);
    const listed = among(hits.slice(0, limit), titled.match(text, list, typing), typing).slice(0, limit);
    return { announced: asked.subjects, hits: listed.map(shown), terms: [...terms], own: [...own], corrected: corrected(list[0]) };
  }
  function shown({ id, box, score }) {
    const [page, anchor, heading] = rows[box?.id ?? id], [slug, title, part, minutes] = pages[page], hit = { score, page: slug, title, part, minutes };
    return box ? { ...hit, id: box.id, anchor: box.anchor, heading: box.title, span: box.span } : { ...hit, id, anchor, heading: anchor ? heading : "" };
  }
  /* The query as it was understood, where a word of it is not in the book. */
  function corrected(reading) {
    const entries = reading?.words.map((word) => lookup(word)) ?? [];
    return entries.some((entry) => entry.corrected) && !reading.words.some((word) => planned.has(word)) ? joined(entries.map((entry, at) => entry.corrected ?? reading.words[at])) : "";
  }
  /* Announced subjects that a query asks for, and whether it asks for nothing else: by all its words, by one side of a comparison, by a name of several words or by an abbreviation. */
  function announcedOf(text, typing) {
    const hits = new Set(), add = (list) => { const subject = planned.get(list.join("")); if (subject) hits.add(subject); };
    const list = query(text).parts;
    add(list);
    let whole = hits.size > 0;
    const sides = text.split(COMPARED).map((side) => query(side).parts);
    sides.forEach(add);
    whole ||= sides.every((side) => planned.has(side.join("")));
    for (let from = 0; from < list.length; from++) for (let to = from + 2; to <= list.length; to++) add(list.slice(from, to));
    for (const word of list) if (short.has(word)) add([word]);
    const word = list.join("");
    if (!hits.size && !typing && list.some((part) => !known(part))) {
      for (const [name, subject] of planned) if (name.length > 4 && distance(name, word) <= (name.length > 8 ? 2 : 1)) hits.add(subject);
      whole = hits.size > 0;
    }
    return { subjects: [...hits].map(({ part, names }) => ({ part, name: names[0] })), whole };
  }
  return { find, words, boxAt: titled.at };
}

/* Letters to insert, remove or replace between two words. */
function distance(a, b) {
  let row = [...b, ""].map((_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] !== b[j - 1]));
    row = next;
  }
  return row[b.length];
}
