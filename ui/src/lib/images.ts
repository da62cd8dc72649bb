import type { HistoryRow, ImageRow } from "./generated/desktop";
import { matches } from "./text/search";
import { isOfUse, type ImageUse } from "./usage";

/** A line of the list of images. */
export interface ImageLine {
  key: string;
  image: ImageRow;
}

/** A name in its two parts: `docker.io/library/nginx` and `latest`. */
export function split(name: string): { repository: string; tag: string } {
  const at = name.indexOf("@");
  if (at >= 0) return { repository: name.slice(0, at), tag: name.slice(at + 1, at + 20) };
  const colon = name.lastIndexOf(":");
  // A colon before a slash belongs to a registry's port.
  if (colon < 0 || name.indexOf("/", colon) >= 0) return { repository: name, tag: "" };
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** The list as it is shown: filtered, newest first. */
export function lines(
  rows: Iterable<ImageRow>,
  query: string,
  use: ImageUse = "all",
  uses: ReadonlyMap<string, number> = new Map(),
): ImageLine[] {
  return [...rows]
    .filter((row) => isOfUse(row, uses.get(row.id) ?? 0, use) && matches(query, row.id, ...row.names))
    .sort((a, b) => b.created - a.created || (a.id < b.id ? -1 : 1))
    .map((image) => ({ key: image.id, image }));
}

/** A step in an image's making, with its share of all bytes. */
export interface LayerStep extends HistoryRow {
  key: number;
  share: number;
}

/** The steps, the base first. */
export function layers(history: HistoryRow[]): LayerStep[] {
  const total = Math.max(1, history.reduce((sum, step) => sum + step.size, 0));
  return history.map((step, at) => ({ ...step, key: at, share: step.size / total })).reverse();
}

/** An instruction as it was in the build file, without what builders put around it. */
export function readable(step: string): string {
  return step
    .replace(/^\/bin\/sh -c #\(nop\)\s*/, "")
    .replace(/^(?:RUN )?\|\d+ (?:[^\s=]+=\S* )*/, "RUN ")
    .replace(/^(?:RUN )?\/bin\/sh -c /, "RUN ")
    .replace(/\s+# buildkit$/, "")
    .trim();
}
