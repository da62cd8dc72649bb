import { describe, expect, test } from "vitest";

import { container } from "../../tests/web/sample";
import { lines, link, portText, status, tone } from "./containers";
import { lines as imageLines, split } from "./images";
import { LogBuffer } from "./log.svelte";
import { entries, options, problems, type RunForm } from "./run";
import { image } from "../../tests/web/sample";

const pod = { kind: "pod", name: "p" } as const;
const keys = (...wanted: Parameters<typeof lines>) => lines(...wanted).map((line) => line.key);

describe("the list of containers", () => {
  const a = container(1, { id: "a", created: 1 });
  const b = container(2, { id: "b", created: 2, state: "exited", exitCode: 0 });
  const c = container(3, { id: "c", created: 3, group: pod, name: "z" });
  const d = container(4, { id: "d", created: 0, group: pod, name: "y", state: "exited", exitCode: 1 });

  test("running first, groups together", () => {
    expect(keys([a, b, c, d], "", false, new Set())).toEqual(["group:pod/p", "d", "c", "a", "b"]);
    expect(keys([a, b, c, d], "", false, new Set(["group:pod/p"]))).toEqual(["group:pod/p", "a", "b"]);
    expect(keys([a, b, c, d], "", true, new Set())).toEqual(["group:pod/p", "c", "a"]);
    expect(keys([a, b, c, d], "box-2", false, new Set())).toEqual(["b"]);
  });

  test("groups by image, and none", () => {
    const alpine = "group:image/docker.io/library/alpine:3.22";
    const other = { ...c, image: "x" };
    expect(keys([a, b, other], "", false, new Set(), "image")).toEqual(["group:image/x", "c", alpine, "a", "b"]);
    expect(keys([a, b, c, d], "", false, new Set(), "none")).toEqual(["c", "a", "b", "d"]);
  });

  test("thousands take no time", () => {
    const many = Array.from({ length: 10_000 }, (_, at) => container(at));
    const start = performance.now();
    expect(lines(many, "box", false, new Set())).toHaveLength(10_000);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  test("states in words and tones", () => {
    const now = 10_000;
    expect(status({ ...a, started: now - 120 }, now)).toBe("Up 2 min");
    expect(status({ ...b, exitCode: 137, ended: now - 7200 }, now)).toBe("Exited (137) 2 h ago");
    expect(status({ ...a, state: "created" }, now)).toBe("Created");
    expect([a, b, d, { ...a, state: "paused" }].map(tone)).toEqual(["ok", "idle", "bad", "warn"]);
  });

  test("ports", () => {
    const port = { host: "", hostPort: 8080, containerPort: 80, protocol: "tcp" };
    expect(link(port)).toBe("http://localhost:8080/");
    expect(link({ ...port, host: "0.0.0.0" })).toBe("http://localhost:8080/");
    expect(link({ ...port, host: "::1" })).toBe("http://[::1]:8080/");
    expect(link({ ...port, protocol: "udp" })).toBeUndefined();
    expect(link({ ...port, host: "evil.example/" })).toBeUndefined();
    expect(portText({ ...port, protocol: "udp" })).toBe("8080→80/udp");
  });
});

test("names of images come apart", () => {
  expect(split("localhost:5000/a/b")).toEqual({ repository: "localhost:5000/a/b", tag: "" });
  expect(split("localhost:5000/a:1")).toEqual({ repository: "localhost:5000/a", tag: "1" });
  expect(split(`a@sha256:${"1".repeat(64)}`).repository).toBe("a");
  const rows = [image("old", { created: 1 }), image("new", { created: 2 })];
  expect(imageLines(rows, "").map((line) => line.image.names[0])).toEqual(["new", "old"]);
  expect(imageLines(rows, "ol")).toHaveLength(1);
});

describe("the run form", () => {
  const form: RunForm = { image: "alpine", name: "", command: "", ports: "", environment: "", volumes: "", remove: false, pod: "", network: "" };
  test("good ones", () => {
    for (const good of [
      form,
      { ...form, ports: "8080:80, 127.0.0.1:53:53/udp 9000 [::1]:1:1 8000-8010:8000-8010" },
      { ...form, environment: "A=b c, d\nEMPTY=" },
      { ...form, volumes: "data:/data\n/srv/a b:/srv:ro" },
    ]) {
      expect(problems(good)).toEqual({});
    }
  });
  test.each([
    ["image", " "],
    ["name", "-x"],
    ["ports", "http"],
    ["environment", "no sign"],
    ["volumes", "nowhere"],
  ] as const)("bad %s", (field, text) => expect(Object.keys(problems({ ...form, [field]: text }))).toEqual([field]));
  test("as the core wants it", () => {
    expect(entries(" a,\n b ", /[\s,]+/)).toEqual(["a", "b"]);
    expect(options({ ...form, ports: "1:1 2:2", environment: "A=1\n\nB=2 " })).toMatchObject({
      ports: ["1:1", "2:2"],
      environment: ["A=1", "B=2"],
    });
  });
});

test("the log keeps the last lines", () => {
  const buffer = new LogBuffer();
  for (let part = 0; part < 70; part += 1) {
    buffer.push(Array.from({ length: 100 }, (_, at) => ({ time: 0, error: false, source: 0, text: `line ${part * 100 + at}` })));
  }
  expect(buffer.dropped).toBe(1000);
  expect(buffer.text().split("\n").at(-2)).toBe("line 6999");
  expect(buffer.blocks.every((block) => block.lines.length <= 100)).toBe(true);
  buffer.clear();
  expect(buffer.text()).toBe("");
});
