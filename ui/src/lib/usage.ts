import type { ImageRow, UnusedRow, Usage } from "./generated/desktop";

export type UnusedKind = "container" | "image" | "dangling" | "volume";

/** A sort of things that nothing uses, with what goes when all of them go. */
export interface UnusedGroup {
  kind: UnusedKind;
  rows: UnusedRow[];
  size: number;
}

/** The sort of an unused thing: images without a name are nobody's at all. */
export function kindOf(row: UnusedRow): UnusedKind {
  if (row.kind === "image") return row.names.length === 0 ? "dangling" : "image";
  return row.kind === "volume" ? "volume" : "container";
}

/** What nothing uses, by sort; sorts that have none are left out. */
export function unusedGroups(usage: Usage): UnusedGroup[] {
  const kinds: UnusedKind[] = ["container", "dangling", "image", "volume"];
  return kinds
    .map((kind) => {
      const rows = usage.unused.filter((row) => kindOf(row) === kind);
      return { kind, rows, size: rows.reduce((sum, row) => sum + row.size, 0) };
    })
    .filter((group) => group.rows.length > 0);
}

/** Bytes that go with those that are chosen. */
export function chosenSize(usage: Usage, chosen: ReadonlySet<string>): number {
  return usage.unused.filter((row) => chosen.has(key(row))).reduce((sum, row) => sum + row.size, 0);
}

/** What tells one unused thing from another. */
export function key(row: UnusedRow): string {
  return `${row.kind}/${row.id}`;
}

export type ImageUse = "all" | "used" | "unused" | "dangling";

/** Whether an image is of the wanted sort. */
export function isOfUse(row: ImageRow, uses: number, wanted: ImageUse): boolean {
  switch (wanted) {
    case "used":
      return uses > 0;
    case "unused":
      return uses === 0;
    case "dangling":
      return row.names.length === 0;
    default:
      return true;
  }
}
