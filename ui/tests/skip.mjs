// Saying that a test is not done, as crates/test-support/src/need.rs does for the Rust tests.
import { appendFileSync } from "node:fs";

/**
 * Says that `test` is not done for want of `need`, and adds it to the file COVE_SKIPPED.
 * Throws where COVE_REQUIRE, a list with commas, names the need.
 */
export function skip(need, test, why) {
  const required = (process.env.COVE_REQUIRE ?? "").split(",").map((word) => word.trim());
  if (required.includes(need)) throw new Error(`COVE_REQUIRE names ${need}, but the test cannot be done: ${why}`);
  console.log(`skipped: ${need}: ${why}`);
  if (process.env.COVE_SKIPPED) appendFileSync(process.env.COVE_SKIPPED, `${need}\t${test}\t${why}\n`);
}
