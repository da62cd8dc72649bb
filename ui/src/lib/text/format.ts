import { t } from "./messages.svelte";

/** Bytes as people read them, with units of 1000 as in `podman images`. */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** Memory with units of 1024. */
export function memory(bytes: number): string {
  const gib = bytes / 2 ** 30;
  if (gib >= 1) return `${Number.isInteger(gib) ? gib : gib.toFixed(1)} GiB`;
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

const STEPS: [number, string][] = [
  [60, "{count} s"],
  [60, "{count} min"],
  [24, "{count} h"],
  [7, "{count} d"],
  [4.35, "{count} wk"],
  [12, "{count} mo"],
  [Infinity, "{count} yr"],
];

/** A span of seconds in one unit: `45 s`, `3 min`, `2 d`. */
export function span(seconds: number): string {
  let value = Math.max(0, seconds);
  for (const [next, unit] of STEPS) {
    if (Math.floor(value) < next) return t(unit, { count: Math.floor(value) });
    value /= next;
  }
  return "";
}

/** `docker.io/library/nginx:latest` without what is implied. */
export function shortImage(name: string): string {
  const digest = name.indexOf("@sha256:");
  const short = digest >= 0 ? `${name.slice(0, digest)}@${name.slice(digest + 8, digest + 20)}` : name;
  return short.replace(/^docker\.io\/(library\/)?/, "").replace(/^localhost\//, "");
}

/** The first twelve digits of an id. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}

/** With a capital, where the language has them. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What is counted: one of them, and several, as keys of the messages. */
export const COUNTED = {
  container: ["{count} container", "{count} containers"],
  image: ["{count} image", "{count} images"],
} as const;

/** `1 container`, `3 containers`. */
export function count(number: number, what: keyof typeof COUNTED): string {
  const [one, many] = COUNTED[what];
  return t(number === 1 ? one : many, { count: number.toLocaleString("en") });
}

/** Time of day with milliseconds. */
export function clock(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
