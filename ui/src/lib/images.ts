import type { ImageRow } from "./generated/desktop";
import { matches } from "./text/search";

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
export function lines(rows: Iterable<ImageRow>, query: string): ImageLine[] {
  return [...rows]
    .filter((row) => matches(query, row.id, ...row.names))
    .sort((a, b) => b.created - a.created || (a.id < b.id ? -1 : 1))
    .map((image) => ({ key: image.id, image }));
}
