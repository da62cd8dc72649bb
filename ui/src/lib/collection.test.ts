import { expect, test } from "vitest";

import { image, sample } from "../../tests/web/sample";
import { apply, collect, rowsOf } from "./collection";

test("a change touches its kind alone, and as a new object", () => {
  expect(rowsOf({}, "volumes").size).toBe(0);
  const before = collect(sample().rows);
  const first = [...rowsOf(before, "images").keys()][0] ?? "";
  const after = apply(before, { kind: "images", changed: [image("new")], removed: [first] });
  expect(rowsOf(after, "images").has(first)).toBe(false);
  expect(rowsOf(after, "images").size).toBe(rowsOf(before, "images").size);
  expect(rowsOf(after, "images")).not.toBe(rowsOf(before, "images"));
  expect(rowsOf(after, "containers")).toBe(rowsOf(before, "containers"));
  expect(rowsOf(before, "images").has(first)).toBe(true);
});
