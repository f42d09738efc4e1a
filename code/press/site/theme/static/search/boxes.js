/* Boxes and exercises have addresses of their own. They are listed by their titles, below the sections that come first, which explain; a query that names their kind ("trap", "exercise") or their number asks for them. */
const AFTER = 3;
const KIND = /^(\p{L}+)(?: ([\d.]+))?(?::| \()/u;

function shelf(list) {
  const boxes = list.map(([id, anchor, title, start, length]) => ({ id, anchor, title, span: [start, start + length] }));
  const sections = boxes.reduce((map, box) => map.set(box.id, [...(map.get(box.id) ?? []), box]), new Map());
  const read = (box) => {
    if (box.words) return box;
    const { whole, parts } = query(box.title), [, kind, number] = KIND.exec(box.title) ?? [];
    box.words = new Set([...whole, ...parts]);
    box.kind = kind ? query(kind).whole[0] : "";
    box.number = number ? query(number).whole[0] : "";
    box.size = parts.filter((word) => word !== box.kind && word !== box.number).length;
    return box;
  };
  /* All words of a reading stand in the title; of a word that is being typed its beginning does. */
  const score = (box, { words, weight }, typing) => {
    const last = words.length - 1, holds = (word, at) => box.words.has(word) || (typing && at === last && [...box.words].some((other) => other.startsWith(word)));
    return words.every(holds) ? (weight * words.length) / Math.max(box.size, 1) : 0;
  };
  const asks = ({ kind, number }, { words }) => words.includes(number) || (words.length > 1 && words.includes(kind));
  function match(readings, typing) {
    return boxes.map(read).map((box) => {
      const scores = readings.map((reading) => score(box, reading, typing));
      return { box, score: Math.max(0, ...scores), asked: readings.some((reading, at) => scores[at] > 0 && asks(box, reading)) };
    }).filter((hit) => hit.score > 0).sort((a, b) => b.asked - a.asked || b.score - a.score || a.box.id - b.box.id);
  }
  const at = (id, place) => (sections.get(id) ?? []).findLast(({ span }) => span[0] <= place && place < span[1]);
  return { match, at };
}
/* The hits of sections with those of boxes among them. */
function among(hits, boxes, typing) {
  const list = boxes.slice(0, typing ? 3 : 8), asked = list.filter((hit) => hit.asked), others = list.filter((hit) => !hit.asked);
  return [...asked, ...hits.slice(0, AFTER), ...others, ...hits.slice(AFTER)];
}
