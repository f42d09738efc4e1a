/* Boxes and exercises have addresses of their own. They are listed by their titles, below the sections that come first, which explain; a query that names their kind ("trap", "exercise") or their number asks for them. */
const AFTER = 3, NEAR = .4; /* sections before the first box; how much of its title a query names */
const NUMBER = /\d+(?:\.\d+)+/;
const KIND = /^(\p{L}+)(?: ([\d.]+))?(?::| \()/u;

function shelf(list) {
  const boxes = list.map(([id, anchor, title, start, length]) => ({ id, anchor, title, span: [start, start + length] }));
  const sections = boxes.reduce((map, box) => map.set(box.id, [...(map.get(box.id) ?? []), box]), new Map());
  const read = (box) => {
    if (box.words) return box;
    const { whole, parts } = query(box.title), [, kind, number] = KIND.exec(box.title) ?? [];
    box.words = new Set([...whole, ...parts]);
    box.kind = kind ? query(kind).whole[0] : "";
    box.number = number ?? "";
    box.size = parts.filter((word) => word !== box.kind && !/^[\d.]+$/.test(word)).length;
    return box;
  };
  /* All words of a reading stand in the title; of a word that is being typed its beginning does. */
  const score = (box, { words, weight }, typing) => {
    const last = words.length - 1, holds = (word, at) => box.words.has(word) || (typing && at === last && [...box.words].some((other) => other.startsWith(word)));
    return words.every(holds) ? (weight * words.length) / Math.max(box.size, 1) : 0;
  };
  function match(text, readings, typing) {
    const number = NUMBER.exec(text)?.[0], list = boxes.map(read);
    if (number) return list.filter((box) => box.number === number).map((box) => ({ box, score: 1, asked: true }));
    return list.map((box) => {
      const scores = readings.map((reading) => score(box, reading, typing));
      const asked = readings.some(({ words }, at) => scores[at] > 0 && words.length > 1 && words.includes(box.kind));
      return { box, score: Math.max(0, ...scores), asked };
    }).filter((hit) => hit.score > 0).sort((a, b) => b.asked - a.asked || b.score - a.score || a.box.id - b.box.id);
  }
  const at = (id, place) => (sections.get(id) ?? []).findLast(({ span }) => span[0] <= place && place < span[1]);
  return { match, at };
}
/* The hits of sections with those of boxes among them. */
function among(hits, boxes, typing) {
  const asked = boxes.filter((hit) => hit.asked).slice(0, typing ? 3 : 8), others = boxes.filter((hit) => !hit.asked && hit.score >= NEAR).slice(0, 3);
  return [...asked, ...hits.slice(0, AFTER), ...others, ...hits.slice(AFTER)];
}
