import type { ContainerRow } from "./generated/desktop";
import { shortImage } from "./text/format";

/** The words that may stand before a colon, and what of a container they look at. */
const FIELDS: Record<string, (row: ContainerRow) => string[]> = {
  name: (row) => [row.name],
  image: (row) => [row.image],
  id: (row) => [row.id],
  state: (row) => [row.state],
  command: (row) => [row.command],
  pod: (row) => (row.group?.kind === "pod" ? [row.group.name] : []),
  project: (row) => (row.group?.kind === "project" ? [row.group.name] : []),
  network: (row) => row.networks,
  port: (row) => row.ports.flatMap((port) => [String(port.hostPort), String(port.containerPort)]),
  exit: (row) => (row.exitCode === null ? [] : [String(row.exitCode)]),
};
/** Those whose values are whole: `port:80` is not `port:8080`. */
const WHOLE = new Set(["port", "exit", "state"]);

export const FIELD_NAMES = Object.keys(FIELDS);

interface Term {
  field: string | undefined;
  value: string;
  not: boolean;
}

/** The terms of a query: `web state:running -image:redis "two words"`. A colon after another word is a part of the text. */
export function terms(query: string): Term[] {
  const found: Term[] = [];
  for (const [, minus, field, quoted, word] of query.matchAll(/(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/gi)) {
    const name = field?.toLowerCase();
    const known = name !== undefined && Object.hasOwn(FIELDS, name);
    const value = (quoted ?? word ?? "").toLowerCase();
    const text = name === undefined || known ? value : `${name}:${value}`;
    // A field whose value is still to be typed asks for nothing.
    const begun = name === undefined && text.endsWith(":") && Object.hasOwn(FIELDS, text.slice(0, -1));
    if (text !== "" && !begun) found.push({ field: known ? name : undefined, value: text, not: minus === "-" });
  }
  return found;
}

function holds(row: ContainerRow, { field, value }: Term): boolean {
  if (field !== undefined) {
    const values = FIELDS[field]?.(row) ?? [];
    return values.some((one) => (WHOLE.has(field) ? one.toLowerCase() === value : one.toLowerCase().includes(value)));
  }
  const texts = [row.name, row.image, shortImage(row.image), row.id, row.state, row.group?.name ?? "", row.command];
  return texts.some((text) => text.toLowerCase().includes(value));
}

/** Whether a container fits every term of a query. */
export function fits(row: ContainerRow, wanted: readonly Term[]): boolean {
  return wanted.every((term) => holds(row, term) !== term.not);
}
