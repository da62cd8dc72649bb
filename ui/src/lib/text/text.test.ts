import { describe, expect, test } from "vitest";

import { bare, spans } from "./ansi";
import { clock, count, memory, shortId, shortImage, size, span } from "./format";
import { plain } from "./plain";
import { matches, pieces, score } from "./search";

describe("foreign text", () => {
  test.each([
    ["<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"],
    ["evil\u202etxt.exe", "evil<U+202E>txt.exe"],
    ["a\u0000b\u001b[31mc", "a<U+0000>b<U+001B>[31mc"],
    ["zero\u200bwidth", "zero<U+200B>width"],
    ["tab\tand\nline", "tab\tand\nline"],
    ["日本語 – ünïcode", "日本語 – ünïcode"],
  ])("%j", (text, wanted) => expect(plain(text)).toBe(wanted));
});

describe("log lines", () => {
  const red = { text: "red", look: "ansi-1" };
  test.each([
    ["plain", [{ text: "plain", look: "" }]],
    ["\u001b[31mred\u001b[0m after", [red, { text: " after", look: "" }]],
    ["\u001b[1;4;92mbold\u001b[22m thin", [
      { text: "bold", look: "ansi-10 ansi-bold ansi-underline" },
      { text: " thin", look: "ansi-10 ansi-underline" },
    ]],
    ["\u001b[38;5;1mred\u001b[39m.", [red, { text: ".", look: "" }]],
    ["\u001b[38;2;1;2;3mtrue colour", [{ text: "true colour", look: "" }]],
    ["\u001b]8;;http://evil.example\u0007link\u001b]8;;\u0007", [{ text: "link", look: "" }]],
    ["\u001b]0;title never ended", []],
    ["\u001b[2J\u001b[Hclear", [{ text: "clear", look: "" }]],
    ["10%\r20%\r30%\r", [{ text: "30%", look: "" }]],
    ["\u001b", []],
    ["\u001b[999999999999;;;m\u001b[mok", [{ text: "ok", look: "" }]],
  ])("%j", (line, wanted) => expect(spans(line)).toEqual(wanted));

  test("markup stays text", () => {
    expect(bare("\u001b[31m<script>alert(1)</script>\u001b[0m")).toBe("<script>alert(1)</script>");
  });

  test("a hostile line does not take long", () => {
    const start = performance.now();
    spans("\u001b[".repeat(300_000));
    spans("\u001b]".repeat(300_000));
    spans(`\u001b[${";".repeat(600_000)}m`);
    // On any computer, unless it takes the square of a line's length.
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

test.each([
  [0, "0 B"], [999, "999 B"], [1000, "1.0 kB"], [8_300_000, "8.3 MB"], [192_400_000, "192 MB"], [999_950_000, "1.0 GB"], [-1, "0 B"],
])("size %d", (bytes, wanted) => expect(size(bytes)).toBe(wanted));

test.each([
  [-5, "0 s"], [59, "59 s"], [60, "1 min"], [3599, "59 min"], [3600, "1 h"], [86_400, "1 d"], [86_400 * 8, "1 wk"], [86_400 * 40, "1 mo"], [86_400 * 800, "2 yr"],
])("span %d", (seconds, wanted) => expect(span(seconds)).toBe(wanted));

test("other formats", () => {
  expect(memory(2 ** 31)).toBe("2 GiB");
  expect(memory(1.5 * 2 ** 30)).toBe("1.5 GiB");
  expect(memory(512 * 2 ** 20)).toBe("512 MiB");
  expect(shortImage("docker.io/library/nginx:1")).toBe("nginx:1");
  expect(shortImage("docker.io/coredns/coredns")).toBe("coredns/coredns");
  expect(shortImage(`quay.io/a/b@sha256:${"1".repeat(64)}`)).toBe("quay.io/a/b@111111111111");
  expect(shortId(`sha256:${"a".repeat(64)}`)).toBe("aaaaaaaaaaaa");
  expect(count(1, "container")).toBe("1 container");
  expect(count(1200, "container")).toBe("1,200 containers");
  expect(clock(new Date(2026, 0, 1, 3, 4, 5, 6).getTime())).toBe("03:04:05.006");
});

describe("search", () => {
  test.each([
    ["Hello hello", "HELLO", ["+Hello", "- ", "+hello"]],
    ["abc", "", ["-abc"]],
    ["abc", "x", ["-abc"]],
    ["aaa", "aa", ["+aa", "-a"]],
    ["İstanbul", "stan", ["+İstanbul"]],
  ])("%j in %j", (text, query, wanted) => {
    expect(pieces(text, query).map((piece) => (piece.hit ? "+" : "-") + piece.text)).toEqual(wanted);
  });

  test("every word must be somewhere", () => {
    expect(matches("web ngi", "web", "nginx:1")).toBe(true);
    expect(matches("web redis", "web", "nginx:1")).toBe(false);
    expect(matches("", "anything")).toBe(true);
  });

  test("the palette likes starts and runs", () => {
    expect(score("web", "web")).toBeGreaterThan(score("web", "wide elbow"));
    expect(score("lw", "Logs of web")).toBeGreaterThan(score("lw", "all works"));
    expect(score("xyz", "web")).toBe(0);
  });
});
