// Tells of failed tests in one place, the file COVE_FAILED, which `cargo xtask test` shows once more at its end.
import { appendFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

/** Lines of one failure that are told; its runner has shown all of them. */
const MOST_LINES = 12;

/**
 * Adds a failed test and why it failed.
 * @param {string} name
 * @param {string} why
 */
export function told(name, why) {
  const file = process.env.COVE_FAILED;
  if (!file) return;
  const lines = stripVTControlCharacters(why)
    .split("\n")
    .map((line) => line.trimEnd())
    // Where it is in Node.js itself tells nothing.
    .filter((line) => line !== "" && !/^\s*at .*\(?node:/.test(line));
  const shown = lines.slice(0, MOST_LINES).map((line) => `    ${line.slice(0, 200)}\n`);
  appendFileSync(file, `  ${name}\n${shown.join("")}`);
}
