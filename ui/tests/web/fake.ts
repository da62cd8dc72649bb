import { isDeepStrictEqual } from "node:util";

import { expect, type Page, type WebSocketRoute } from "@playwright/test";

import type {
  Call,
  ContainerRow,
  Event as CoreEvent,
  Failure,
  Reply,
  Snapshot,
  TaskRow,
} from "../../src/lib/generated/desktop";
import { SLOW } from "./base";
import { description, details, explanation, files, FOUND, imageDetails, PLAN, REGISTRIES, usage } from "./sample";

/** Some of the fields, of objects inside too. */
type PartOf<T> = T extends unknown[] ? T : { [Key in keyof T]?: PartOf<T[Key]> };

function fits(value: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null || Array.isArray(wanted)) return isDeepStrictEqual(value, wanted);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(wanted).every(([key, part]) => fits((value as Record<string, unknown>)[key], part));
}

/** A core that lives in the test: it answers what the page asks over the web transport. */
export class FakeCore {
  readonly calls: Call[] = [];
  /** Answers first; `undefined` leaves the call to the usual answer. */
  answer: (call: Call) => Reply | Failure | undefined = () => undefined;
  #socket: WebSocketRoute | undefined;
  #next = 1;
  #snapshot: Snapshot;
  /** How many calls `called` has found or passed over. */
  #past = 0;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  /** Opens the page with this core behind it, and waits until the page knows what the core has. */
  async open(page: Page): Promise<void> {
    await page.routeWebSocket(/\/rpc$/, (socket) => {
      this.#socket = socket;
      socket.onMessage((text) => this.#take(String(text)));
      this.emit({ event: "snapshot", snapshot: this.#snapshot });
    });
    await page.goto("/#token=test");
    await page.locator("footer option[value=native]").waitFor({ state: "attached" });
  }

  /** Waits for a call with these fields; the next one that is waited for comes after it. */
  async called<Name extends Call["call"]>(wanted: { call: Name } & PartOf<Extract<Call, { call: Name }>>): Promise<void> {
    const look = () => {
      const at = this.calls.findIndex((call, at) => at >= this.#past && fits(call, wanted));
      if (at < 0) return this.calls.slice(this.#past);
      this.#past = at + 1;
      return "called";
    };
    await expect.poll(look, { message: JSON.stringify(wanted) }).toBe("called");
  }

  emit(...events: CoreEvent[]): void {
    if (this.#socket === undefined) throw new Error("no page is open yet, and these events would be lost");
    this.#socket.send(JSON.stringify({ events }));
  }

  change(row: ContainerRow): void {
    this.emit({ event: "rows", change: { kind: "containers", changed: [row], removed: [] } });
  }

  task(row: Partial<TaskRow> & { id: number }): void {
    const whole: TaskRow = {
      title: "Pull docker.io/library/redis",
      state: "running",
      message: "",
      steps: [],
      failure: null,
      started: Date.now(),
      ended: null,
      cancellable: true,
      container: null,
      logged: false,
      freed: null,
      ...row,
    };
    this.emit({ event: "rows", change: { kind: "tasks", changed: [whole], removed: [] } });
  }

  /** The number of the last subscription or task. */
  get last(): number {
    return this.#next - 1;
  }

  log(...texts: string[]): void {
    const lines = texts.map((text, at) => ({ time: Date.now() + at, error: text.startsWith("!"), source: 0, text: text.replace(/^!/, "") }));
    this.emit({ event: "log", subscription: this.#next - 1, lines });
  }

  #take(text: string): void {
    const { id, call } = JSON.parse(text) as { id: number; call: Call };
    this.calls.push(call);
    const answer = this.answer(call) ?? this.#usual(call);
    const send = () => this.#socket?.send(JSON.stringify("kind" in answer ? { id, failure: answer } : { id, reply: answer }));
    // Beside a slow page, a slow core.
    if (SLOW > 1) setTimeout(send, SLOW * 20);
    else send();
  }

  #usual(call: Call): Reply | Failure {
    switch (call.call) {
      case "inspect": {
        const row = this.#snapshot.rows.containers.find((row) => row.id === call.id);
        return row ? { reply: "details", details: details(row) } : { kind: "NotFound", message: `no container ${call.id}` };
      }
      case "openLog":
      case "openTaskLog":
      case "openStats":
      case "openProcesses":
      case "openLogs":
      case "openVolume":
      case "openTerminal":
        return { reply: "subscription", subscription: this.#next++ };
      case "describe":
        return { reply: "description", description: description() };
      case "inspectImage": {
        const row = this.#snapshot.rows.images.find((row) => row.id === call.id);
        return row ? { reply: "image", details: imageDetails(row) } : { kind: "NotFound", message: `no image ${call.id}` };
      }
      case "listFiles":
        return { reply: "files", files: files(call.path) };
      case "usage":
        return { reply: "usage", usage: usage(this.#snapshot) };
      case "registries":
        return { reply: "registries", registries: REGISTRIES };
      case "places":
        return { reply: "places", places: [] };
      case "planProject":
        return { reply: "planned", plan: PLAN };
      case "generateKube":
        return { reply: "text", text: "apiVersion: v1\nkind: Pod\n" };
      case "checkKube":
        return { reply: "checked", check: { problem: null, objects: ["pod web"], unused: [], remarks: [] } };
      case "explain":
        return { reply: "explanation", explanation: explanation(call.image) };
      case "search":
        return { reply: "found", found: FOUND };
      case "tags":
        return { reply: "found", found: ["1.29", "1.28", "latest"].map((tag) => ({ name: `${call.repository}:${tag}`, description: "", stars: 0, official: false })) };
      case "pull":
      case "push":
      case "build":
      case "prune":
      case "download":
      case "upload":
      case "saveImages":
      case "loadImages":
      case "removeProject":
      case "upProject":
      case "playKube":
      case "downKube":
      case "downloadOfVolume":
      case "copyVolume":
      case "exportVolume":
      case "importVolume":
      case "run":
      case "createMachine":
      case "startMachine":
      case "stopMachine":
        return { reply: "task", id: this.#next++ };
      default:
        return { reply: "done" };
    }
  }
}
