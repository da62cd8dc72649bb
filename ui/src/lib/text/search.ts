/** A piece of a text, and whether it is what was looked for. */
export interface Piece {
  text: string;
  hit: boolean;
}

/** `text` cut at every place where `query` is found, without regard to case. */
export function pieces(text: string, query: string): Piece[] {
  if (query === "") return [{ text, hit: false }];
  const result: Piece[] = [];
  const low = text.toLowerCase();
  const wanted = query.toLowerCase();
  // Some letters change their length with their case; then positions would not fit.
  if (low.length !== text.length) return [{ text, hit: low.includes(wanted) }];
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
    if (at > from) result.push({ text: text.slice(from, at), hit: false });
    result.push({ text: text.slice(at, at + wanted.length), hit: true });
    from = at + wanted.length;
  }
  if (from < text.length || result.length === 0) result.push({ text: text.slice(from), hit: false });
  return result;
}

/** Whether every word of `query` is in one of the texts. */
export function matches(query: string, ...texts: string[]): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const all = texts.join("\n").toLowerCase();
  return words.every((word) => all.includes(word));
}

/** How well `text` fits `query` for a palette; 0 is not at all. Letters in order count, word starts and runs more. */
export function score(query: string, text: string): number {
  const wanted = query.toLowerCase().replace(/\s+/g, "");
  if (wanted === "") return 1;
  const low = text.toLowerCase();
  let total = 0;
  let at = -1;
  for (const letter of wanted) {
    const next = low.indexOf(letter, at + 1);
    if (next < 0) return 0;
    const start = next === 0 || /[\s/:._-]/.test(low[next - 1] ?? "");
    total += next === at + 1 ? 6 : start ? 5 : 1;
    at = next;
  }
  if (low.includes(query.toLowerCase())) total += 10;
  return total / (1 + text.length / 200);
}
