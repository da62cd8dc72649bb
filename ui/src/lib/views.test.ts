import { asked, EMPTY, faultText, isWhole, partText, projectForm, serviceActs, toggled } from "./projects";
import { describe, expect, test } from "vitest";

import { container, imageDetails, image, sample, usage } from "../../tests/web/sample";
import { applications, stateOf, tone } from "./applications";
import { fits, terms } from "./filter";
import { inFolder, joined, parent, permissions, way } from "./files";
import { changedLimits, limitsProblem, proposed } from "./forms";
import { neighbours, networkGraph } from "./graph";
import { layers, readable } from "./images";
import { podTone, workers } from "./pods";
import { exactSize, ordered } from "./processes";
import type { Screen } from "./screen.svelte";
import { kept, points, rates, series } from "./stats";
import { chosenSize, isOfUse, unusedGroups } from "./usage";

describe("files", () => {
  test("paths", () => {
    expect([joined("/", "etc"), joined("/etc", "a b")]).toEqual(["/etc", "/etc/a b"]);
    expect([parent("/etc/nginx"), parent("/etc"), parent("/")]).toEqual(["/etc", "/", "/"]);
    expect(way("/etc/nginx").map((step) => step.path)).toEqual(["/", "/etc", "/etc/nginx"]);
    expect([permissions(0o644), permissions(0o751), permissions(0)]).toEqual(["rw-r--r--", "rwxr-x--x", "---------"]);
  });

  test.each([
    ["data.tar", "/home/me/data.tar"],
    ["../../etc/passwd", "/home/me/-..-etc-passwd"],
    ["..", "/home/me/file"],
    ["\u202egnp.exe", "/home/me/-gnp.exe"],
    ["a/b:1.tar", "/home/me/a-b-1.tar"],
  ])("a foreign name %j stays in the folder", (name, wanted) => {
    expect(proposed({ model: { downloads: "/home/me" } } as Screen, name)).toBe(wanted);
  });
});

describe("a tree that is told as a whole", () => {
  const row = (name: string, size = 0, directory = false) => ({ name, kind: directory ? "directory" : "file", directory, target: "", size, mode: 0o644, changed: 1 });
  const files = [row("top", 1), row("a", 4096, true), row("a/one", 2), row("a/b/two", 3), row("ab", 5), row("top", 7)];
  const seen = (folder: string) => inFolder(files, folder).map((row) => [row.name, row.directory, row.size]);
  test("is seen folder by folder, with the sizes of all that is in one", () => {
    expect(seen("/")).toEqual([["a", true, 5], ["ab", false, 5], ["top", false, 7]]);
    expect(seen("/a")).toEqual([["b", true, 3], ["one", false, 2]]);
    expect(seen("/a/b")).toEqual([["two", false, 3]]);
    expect(seen("/none")).toEqual([]);
  });
});

describe("networks", () => {
  const [net, vault] = sample().rows.networks.slice(1);
  const a = container(1, { id: "a", name: "a", networks: ["shop_default"] });
  const b = container(2, { id: "b", name: "b", networks: ["shop_default", "vault"] });
  const c = container(3, { id: "c", name: "c", networks: ["vault", "gone"] });
  const host = container(4, { id: "h", networks: [] });
  const ended = container(5, { id: "e", state: "exited", networks: ["vault"] });

  test("who reaches whom", () => {
    const graph = networkGraph([c, host, ended, b, a], net && vault ? [vault, net] : []);
    expect(graph.members.map((member) => member.row.id)).toEqual(["a", "b", "c"]);
    expect(graph.networks.map((network) => network.members)).toEqual([["a", "b"], ["b", "c"]]);
    expect(graph.alone.map((row) => row.id)).toEqual(["h"]);
    expect([...neighbours(graph, "b")].sort()).toEqual(["a", "c"]);
    expect([...neighbours(graph, "a")]).toEqual(["b"]);
    expect(neighbours(graph, "h").size).toBe(0);
  });
});

describe("images", () => {
  test.each([
    ["/bin/sh -c #(nop)  CMD [\"sh\"]", "CMD [\"sh\"]"],
    ["/bin/sh -c make all", "RUN make all"],
    ["RUN /bin/sh -c apt-get update # buildkit", "RUN apt-get update"],
    ["|2 A=1 B=2 /bin/sh -c make", "RUN make"],
    ["COPY . /app # buildkit", "COPY . /app"],
    ["", ""],
  ])("%j reads as %j", (step, wanted) => expect(readable(step)).toBe(wanted));

  test("layers begin with the base and share the whole", () => {
    const steps = layers(imageDetails(image("a")).history);
    expect(steps[0]?.step).toContain("ADD file");
    expect(steps.reduce((sum, step) => sum + step.share, 0)).toBeCloseTo(1);
    expect(layers([{ step: "x", size: 0, created: 0, comment: "" }])[0]?.share).toBe(0);
  });

  test("use", () => {
    const named = image("a");
    const dangling = image("b", { names: [] });
    expect([isOfUse(named, 0, "unused"), isOfUse(named, 2, "unused"), isOfUse(named, 2, "used")]).toEqual([true, false, true]);
    expect([isOfUse(dangling, 0, "dangling"), isOfUse(named, 0, "dangling"), isOfUse(named, 0, "all")]).toEqual([true, false, true]);
  });
});

test("what nothing uses comes in sorts", () => {
  const all = usage(sample());
  const groups = unusedGroups(all);
  expect(groups.map((group) => [group.kind, group.rows.length])).toEqual([["container", 1], ["dangling", 1], ["image", 1], ["volume", 1]]);
  expect(chosenSize(all, new Set([`container/${container(8).id}`, "volume/none"]))).toBe(61_000_000);
});

test("pods without the container that holds their namespaces", () => {
  const [pod] = sample().rows.pods;
  expect(pod && workers(pod).map((member) => member.name)).toEqual(["prometheus", "grafana"]);
  expect(pod && podTone(pod)).toBe("warn");
});

describe("use over time", () => {
  const at = (time: number, received: number) => ({ time, cpu: 0, memory: 0, memoryLimit: 0, received, sent: 0, read: 0, written: 0, pids: 0 });

  test("what grew in a second; a count that begins anew is no growth", () => {
    expect(rates([at(0, 0), at(2000, 4000), at(3000, 0), at(3000, 9)], (sample) => sample.received)).toEqual([2000, 0, 0]);
  });

  test("a limit is the chart's height, else the highest value", () => {
    expect(series([5, 20], 100, 10)).toEqual({ values: [5, 20], latest: 20, top: 100 });
    expect([series([5, 20], 0, 10).top, series([], 0, 10).top, series([], 0, 10).latest]).toEqual([20, 10, 0]);
    expect(points({ values: [0, 50, 200], latest: 200, top: 100 }, 299, 10)).toBe("297.0,10.0 298.0,5.0 299.0,0.0");
  });

  test("the oldest samples go", () => {
    let samples: ReturnType<typeof at>[] = [];
    for (let time = 0; time < 400; time += 1) samples = kept(samples, at(time, 0));
    expect([samples.length, samples[0]?.time]).toEqual([300, 100]);
  });
});

describe("the filter of containers", () => {
  const rows = sample().rows.containers;
  const found = (query: string) => rows.filter((row) => fits(row, terms(query))).map((row) => row.name);
  test.each([
    ["", rows.map((row) => row.name)],
    ["web", ["web"]],
    ["project:shop state:running", ["web", "api", "db"]],
    ["network:vault", ["db"]],
    ["port:80", ["web"]],
    ["port:8080", ["web"]],
    ["exit:1", ["import-2026-11"]],
    ["state:exited -exit:1", ["migrate", "backup"]],
    ["-project:shop -state:exited -state:created", ["registry", "dns", "toolbox"]],
    ["NAME:WEB", ["web"]],
    ["nginx:1.29", ["web"]],
    ['"postgres:18"', ["db"]],
    ['command:"sleep inf" name:dns', ["dns"]],
    ["constructor:x", []],
    ["name:", rows.map((row) => row.name)],
  ])("%j", (query, wanted) => expect(found(query)).toEqual(wanted));
});

describe("processes", () => {
  const row = (pid: number, parent: number, cpu = 0) => ({ pid, parent, user: `u${pid % 2}`, cpu, memory: pid, elapsed: "", command: `c${pid}` });

  test("each comes after its parent, and a circle ends", () => {
    const lines = ordered([row(9, 7), row(1, 0), row(7, 1), row(8, 1), row(20, 99)], "pid");
    expect(lines.map(({ row, depth }) => [row.pid, depth])).toEqual([[1, 0], [7, 1], [9, 2], [8, 1], [20, 0]]);
    expect(ordered([row(5, 5)], "pid").length).toBe(1);
  });

  test("the largest come first", () => {
    const rows = [row(1, 0, 2), row(2, 1, 5), row(3, 1, 5)];
    expect(ordered(rows, "cpu").map(({ row }) => row.pid)).toEqual([2, 3, 1]);
    expect(ordered(rows, "memory").map(({ row }) => row.pid)).toEqual([3, 2, 1]);
    expect(ordered(rows, "user").map(({ row }) => row.pid)).toEqual([2, 1, 3]);
  });
});

describe("limits", () => {
  test.each([[0, ""], [512 * 2 ** 20, "512m"], [2 ** 31, "2g"], [1500 * 1024, "1500k"], [7, "7"]])("%d is %j", (bytes, text) =>
    expect(exactSize(bytes)).toBe(text),
  );

  const before = { memory: "512m", cpus: "", processes: "100", restart: "on-failure", tries: "3" };
  test("only what is changed is asked for", () => {
    expect(changedLimits(before, { ...before })).toEqual({ memory: null, cpus: null, processes: null, restart: null });
    expect(changedLimits(before, { ...before, cpus: " 1.5 ", processes: "" })).toEqual({ memory: null, cpus: "1.5", processes: "", restart: null });
    expect(changedLimits(before, { ...before, tries: "5" }).restart).toBe("on-failure:5");
    expect(changedLimits(before, { ...before, restart: "always", tries: "" }).restart).toBe("always");
  });

  test.each([
    [{ memory: "much" }, "is no size"],
    [{ memory: "" }, "cannot be lifted"],
    [{ cpus: "-1" }, "no number of processors"],
    [{ processes: "0" }, "no number of processes"],
    [{ tries: "x" }, "no number of starts"],
    [{ restart: "no", tries: "3" }, "Only starts after failures"],
  ])("%j is refused", (wrong, reason) => expect(limitsProblem({ ...before, ...wrong }, before.memory)).toContain(reason));
  test("sizes as the command line takes them", () => {
    for (const memory of ["512m", "1.5g", "64kb", "64 MiB", "7", "7b"]) expect(limitsProblem({ ...before, memory }, "512m")).toBeUndefined();
  });
});

describe("projects that are brought up", () => {
  test("a form is the core's", () => {
    const form = { ...EMPTY, path: " /home/me/shop ", name: " s ", values: { A: "x=y", B: "" }, pull: true };
    expect(projectForm(form, undefined)).toEqual({ files: ["/home/me/shop"], folder: "", name: "s", envFiles: [], profiles: null, values: ["A=x=y"], build: false, pull: true, recreate: false, removeOrphans: false });
    const of = { name: "shop", folder: "/f", files: ["/f/a.yaml"], envFiles: ["/f/dev.env"] };
    expect(projectForm(form, of)).toMatchObject({ files: ["/f/a.yaml"], folder: "/f", name: "shop", envFiles: ["/f/dev.env"] });
  });
  test("a profile is taken and left", () => {
    const rows = [{ name: "a", services: [], active: true }, { name: "b", services: [], active: false }];
    expect([toggled(rows, "b"), toggled(rows, "a"), toggled([], "a")]).toEqual([["a", "b"], [], []]);
  });
  test("what is written stays where it is asked for", () => {
    const row = (name: string, asked: boolean) => ({ name, default: "", required: false, given: !asked, asked });
    const [wanted, others] = asked([row("A", true), row("B", false), row("C", false)], { B: "x" });
    expect([wanted.map((one) => one.name), others.map((one) => one.name)]).toEqual([["A", "B"], ["C"]]);
  });
  test("faults and acts are told in short", () => {
    expect(faultText({ file: "/f/compose.yaml", line: 3, path: "services.a", message: "wrong" })).toBe("compose.yaml, line 3: services.a: wrong");
    expect(faultText({ file: "", line: 0, path: "", message: "gone" })).toBe("gone");
    const service = { name: "a", image: "i", comes: "present" as const, ports: [], binds: [], create: 2, replaced: [], kept: ["a-1"], removed: ["a-9"] };
    expect(serviceActs(service).map((act) => act.text)).toEqual(["2 new", "a-9 goes", "stays"]);
    expect(partText("diverged", true).text).toContain("stays with its data");
    expect(["/a", "C:\\a", "a", "~/a", ""].map(isWhole)).toEqual([true, true, false, false, false]);
  });
});

describe("applications", () => {
  const group = { kind: "project", name: "shop" } as const;
  const part = (service: string, changes = {}) => ({ group, project: { service, once: false, folder: "", files: [], envFiles: [] }, ...changes });
  const web = container(1, { name: "web-1", ...part("web") });
  const second = container(2, { name: "web-2", ...part("web") });
  const db = container(3, { name: "db-1", ...part("db", { state: "exited", exitCode: 0 }) });
  const other = container(4, { group: { kind: "pod", name: "shop" } });
  const of = (...rows: ReturnType<typeof container>[]) => applications(rows).get("shop");

  test("are what their containers say", () => {
    const found = applications([second, other, db, web]);
    expect([...found.keys()]).toEqual(["shop"]);
    const shop = found.get("shop");
    expect(shop?.services.map((service) => [service.name, service.containers.map((row) => row.name)])).toEqual([["db", ["db-1"]], ["web", ["web-1", "web-2"]]]);
    expect([shop?.running, shop && stateOf(shop), shop && tone(shop)]).toEqual([2, "running", "ok"]);
  });

  test("a service that failed is missed, one that has done its work is not", () => {
    const failed = of(web, { ...db, exitCode: 1 });
    expect([failed && stateOf(failed), failed && tone(failed)]).toEqual(["degraded", "bad"]);
    const idle = of(db);
    expect([idle && stateOf(idle), idle && tone(idle)]).toEqual(["exited", "idle"]);
    const paused = of(web, { ...second, state: "paused" });
    expect([paused && stateOf(paused), paused && tone(paused)]).toEqual(["degraded", "warn"]);
  });
});
