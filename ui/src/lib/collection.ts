import type { Change, Rows } from "./generated/desktop";

/** The name of a kind of rows, as the core has it. */
export type Kind = keyof Rows;
/** A row of a kind. */
export type RowOf<K extends Kind> = Rows[K][number];
/** The rows of a kind by their keys. */
export type Collection<K extends Kind> = ReadonlyMap<RowOf<K>["id"], RowOf<K>>;
/** The rows of the kinds that have come. */
export type Collections = { readonly [K in Kind]?: Collection<K> };

type AnyRow = RowOf<Kind>;
const NONE = new Map<never, never>();

/** The rows of a kind; none before the first snapshot. */
export function rowsOf<K extends Kind>(all: Collections, kind: K): Collection<K> {
  return (all[kind] as Collection<K> | undefined) ?? NONE;
}

/** Everything of a snapshot. */
export function collect(rows: Rows): Collections {
  const maps = Object.entries(rows).map(([kind, list]) => [kind, new Map((list as AnyRow[]).map((row) => [row.id, row]))]);
  return Object.fromEntries(maps) as Collections;
}

/** The same with a change: new objects, so that what shows them is drawn again. */
export function apply(all: Collections, change: Change): Collections {
  const next = new Map<AnyRow["id"], AnyRow>(rowsOf(all, change.kind) as ReadonlyMap<AnyRow["id"], AnyRow>);
  for (const row of change.changed) next.set(row.id, row);
  for (const id of change.removed) next.delete(id);
  return { ...all, [change.kind]: next };
}
