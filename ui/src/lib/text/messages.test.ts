import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { SHEET } from "../keys";
import { COUNTED } from "./format";
import { ko, parts } from "./ko";
import { filled } from "./messages.svelte";

const SOURCES = join(import.meta.dirname, "../..");
const CALL = /\bt\(\s*(?:[^()"']*\?\s*)?("(?:[^"\\]|\\.)*"|'[^']*')(?:\s*:\s*("(?:[^"\\]|\\.)*"|'[^']*'))?/g;
/** Texts that the core tells by their names, and those of tables. */
const NAMED = [
  ...["created", "initialized", "running", "stopping", "stopped", "paused", "exited", "removing", "restarting"],
  ...["degraded", "error", "starting", "unresponsive", "broken", "done", "failed", "cancelled"],
  ...["Building", "Built", "Pulling", "Pulled", "Creating", "Created", "Recreate", "Recreated", "Starting", "Started", "Running", "Waiting"],
  ...["Healthy", "Exited", "Stopping", "Stopped", "Removing", "Removed", "Resource is still in use", "Error"],
  ...["file", "directory", "link", "device", "pipe", "socket"],
];

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["generated", "ko"].includes(entry.name) ? [] : sources(path);
    return /\.(svelte|ts)$/.test(entry.name) && !entry.name.endsWith(".test.ts") ? [path] : [];
  });
}

const texts = sources(SOURCES).map((path) => readFileSync(path, "utf8"));
const used = new Set<string>([...NAMED, ...Object.values(COUNTED).flat(), ...SHEET.flatMap((part) => [part.title, ...part.keys.map(([, text]) => text)])]);
for (const text of texts) {
  for (const [, ...found] of text.matchAll(CALL)) {
    for (const literal of found) if (literal) used.add(literal.slice(1, -1).replaceAll('\\"', '"'));
  }
}
used.delete("");
const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();

describe("the Korean texts", () => {
  test("none is missing", () => {
    expect([...used].filter((text) => !(text in ko)).sort()).toEqual([]);
  });
  test("none is left over", () => {
    const all = texts.join("\n");
    // Those of tables are found as literals.
    const there = (text: string) => used.has(text) || all.includes(`"${text}"`);
    expect(Object.keys(ko).filter((text) => !there(text))).toEqual([]);
  });
  test("none stands in two files", () => {
    const keys = parts.flatMap((part) => Object.keys(part));
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
    expect(keys.length).toBe(Object.keys(ko).length);
  });
  test("each has its values", () => {
    const wrong = Object.entries(ko).filter(([text, translated]) => places(text).join() !== places(translated).join());
    expect(wrong).toEqual([]);
  });
});

test("a value is never read as a place", () => {
  expect(filled("{a} and {b}", { a: "{b}", b: 2 })).toBe("{b} and 2");
  expect(filled("{a}", {})).toBe("{a}");
  expect(filled("{constructor}")).toBe("{constructor}");
});
