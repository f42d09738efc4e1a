/* When a card is due: FSRS as ts-fsrs computes it, by the reader's days. This file follows ts-fsrs in study.js, which book.js loads on demand. */

let book = null; /* what book.js lends: its memory and its tools */
const GRADES = ["Again", "Hard", "Good", "Easy"];
const DAY = 24 * 60 * 60 * 1000;
const schedule = FSRS.fsrs({ request_retention: 0.9, enable_fuzz: false });

/* FSRS counts days by the UTC date; a moment moved by the time zone has the local date there. */
const shifted = (time) => new Date(time - new Date(time).getTimezoneOffset() * 60 * 1000);

/* The four outcomes of a card that is rated now. A clock that was set back stands still. */
function outcomes(id) {
  const saved = book.memory.get().cards[id], now = Math.max(Date.now(), saved?.last_review ?? 0);
  const card = saved ? { ...saved, elapsed_days: 0, due: shifted(saved.due), last_review: shifted(saved.last_review) } : FSRS.createEmptyCard(shifted(now));
  const log = schedule.repeat(card, shifted(now));
  return GRADES.map((name, index) => {
    const { card: after } = log[index + 1];
    return { name, state: plain(after, now), wait: span(after.scheduled_days, after.due - shifted(now)) };
  });
}

/* The state that is remembered: numbers only. */
function plain(card, now) {
  const due = new Date(now);
  if (card.scheduled_days) due.setDate(due.getDate() + card.scheduled_days); /* the same hour, also when summer time begins */
  else due.setTime(now + (card.due - shifted(now)));
  const { stability, difficulty, scheduled_days, learning_steps, reps, lapses, state } = card;
  return { due: due.getTime(), stability, difficulty, scheduled_days, learning_steps, reps, lapses, state, last_review: now };
}

function span(days, milliseconds) {
  const count = (number, unit) => `${number} ${unit}${number === 1 ? "" : "s"}`;
  if (days >= 365) return count(Math.round(days / 36.5) / 10, "year");
  if (days >= 60) return count(Math.round(days / 30.4), "month");
  return days ? count(days, "day") : `${Math.max(1, Math.round(milliseconds / 60000))} min`;
}

const isDue = (state) => book.dayOf(state.due) <= book.dayOf(Date.now());

/* As in "Monday, December 1"; the year only where it is another. */
function date(time) {
  const other = new Date(time).getFullYear() !== new Date().getFullYear();
  return new Date(time).toLocaleDateString("en-US", { weekday: "long", month: "long", day: "numeric", year: other ? "numeric" : undefined });
}

/* Remember an outcome; the function returned takes it back. */
function keep(id, state) {
  const { cards, introduced } = book.memory.get(), before = cards[id], today = book.dayOf(Date.now());
  book.memory.change((now) => {
    now.cards[id] = state;
    if (!before) now.introduced = { day: today, count: (introduced?.day === today ? introduced.count : 0) + 1 };
  });
  return () => book.memory.change((now) => {
    if (before) now.cards[id] = before; else delete now.cards[id];
    if (introduced) now.introduced = introduced; else delete now.introduced;
  });
}
