import type { ProcessRow } from "./generated/desktop";

/** What processes can be ordered by. */
export type ProcessOrder = "pid" | "user" | "cpu" | "memory" | "command";

/** How deep a process lies below those that began from outside. */
export interface ProcessLine {
  row: ProcessRow;
  depth: number;
}

/** The processes in an order: by number below their parents, numbers that grow first, words as they are spelled. */
export function ordered(rows: readonly ProcessRow[], by: ProcessOrder): ProcessLine[] {
  if (by === "pid") return below(rows);
  const sorted = [...rows].sort((a, b) => {
    if (by === "cpu" || by === "memory") return b[by] - a[by] || a.pid - b.pid;
    return a[by].localeCompare(b[by]) || a.pid - b.pid;
  });
  return sorted.map((row) => ({ row, depth: 0 }));
}

/** Each process after its parent. */
function below(rows: readonly ProcessRow[]): ProcessLine[] {
  const children = new Map<number, ProcessRow[]>();
  const known = new Set(rows.map((row) => row.pid));
  for (const row of [...rows].sort((a, b) => a.pid - b.pid)) {
    // A process whose parent is not shown, or that would be its own, begins a tree.
    const parent = row.parent !== row.pid && known.has(row.parent) ? row.parent : -1;
    children.set(parent, [...(children.get(parent) ?? []), row]);
  }
  const lines: ProcessLine[] = [];
  const waiting = (children.get(-1) ?? []).map((row) => ({ row, depth: 0 })).reverse();
  for (let line = waiting.pop(); line; line = waiting.pop()) {
    lines.push(line);
    const { row, depth } = line;
    const next = (children.get(row.pid) ?? []).map((row) => ({ row, depth: depth + 1 }));
    children.delete(row.pid);
    waiting.push(...next.reverse());
  }
  return lines;
}

/** Bytes as an option of the command line takes them: `512m`, `1500k`, `7`. */
export function exactSize(bytes: number): string {
  for (const [unit, size] of [["g", 2 ** 30], ["m", 2 ** 20], ["k", 2 ** 10]] as const) {
    if (bytes > 0 && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return bytes > 0 ? String(bytes) : "";
}
