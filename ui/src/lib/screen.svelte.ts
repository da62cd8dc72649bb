import { getContext, setContext } from "svelte";

import type { ContainerAct, ContainerRow, Failure, Reply } from "./generated/desktop";
import type { Kind } from "./collection";
import { isLive } from "./containers";
import type { Model } from "./model.svelte";
import { count } from "./text/format";
import { plain } from "./text/plain";

/** A page: a kind of rows that has a list of its own, or the machines. */
export type Page = Exclude<Kind, "tasks"> | "machines";
export type Tab = "summary" | "logs" | "inspect";

/** A question before something is lost. */
export interface Confirmation {
  title: string;
  text: string;
  /** The word on the button that does it. */
  act: string;
  run: () => void;
}

/** What lies over the page. */
export type Dialog =
  | { kind: "run"; image: string }
  | { kind: "pull" }
  | { kind: "confirm"; confirmation: Confirmation }
  | { kind: "palette" }
  | { kind: "keys" };

export interface Toast {
  id: number;
  bad: boolean;
  text: string;
}

const TOAST_TIME = 5000;
const DONE: Record<ContainerAct, string> = {
  start: "Started",
  stop: "Stopped",
  restart: "Restarted",
  kill: "Killed",
  pause: "Paused",
  unpause: "Resumed",
  remove: "Removed",
  forceRemove: "Removed",
};

/** What the user looks at, and the acts that the screens share. */
export class Screen {
  page = $state<Page>("containers");
  /** The container whose details are open. */
  opened = $state<string | null>(null);
  tab = $state<Tab>("summary");
  dialog = $state.raw<Dialog | null>(null);
  tasksOpen = $state(false);
  toasts = $state.raw<Toast[]>([]);
  /** Said to those who cannot see the screen. */
  announcement = $state("");
  /** Ids of what is being worked on. */
  busy = $state.raw<ReadonlySet<string>>(new Set());

  readonly model: Model;
  #nextToast = 1;

  constructor(model: Model) {
    this.model = model;
  }

  go(page: Page): void {
    this.page = page;
  }

  open(id: string, tab: Tab = this.tab): void {
    this.page = "containers";
    this.opened = id;
    this.tab = tab;
  }

  close(): void {
    this.dialog = null;
  }

  ask(confirmation: Confirmation): void {
    this.dialog = { kind: "confirm", confirmation };
  }

  say(text: string): void {
    this.announcement = text;
  }

  toast(text: string, bad = false): void {
    const toast = { id: this.#nextToast++, bad, text };
    this.toasts = [...this.toasts.slice(-3), toast];
    if (!bad) setTimeout(() => this.dismiss(toast.id), TOAST_TIME);
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  fail(failure: unknown): void {
    const text = typeof failure === "object" && failure !== null && "message" in failure ? failure.message : failure;
    this.toast(plain(String(text)), true);
  }

  /** Runs `work` while `ids` are marked as busy; a failure is shown. */
  async work(ids: string[], work: () => Promise<Reply>): Promise<Reply | undefined> {
    this.busy = new Set([...this.busy, ...ids]);
    try {
      return await work();
    } catch (failure) {
      this.fail(failure as Failure);
      return undefined;
    } finally {
      const gone = new Set(ids);
      this.busy = new Set([...this.busy].filter((id) => !gone.has(id)));
    }
  }

  async act(act: ContainerAct, ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    const names = ids.map((id) => this.model.containers.get(id)?.name ?? id);
    const reply = await this.work(ids, () => this.model.call({ call: "containers", act, ids }));
    const what = ids.length === 1 ? plain(names[0] ?? "") : count(ids.length, "container");
    if (reply) this.say(`${DONE[act]} ${what}`);
  }

  /** Starts what does not run, else stops. */
  toggle(rows: ContainerRow[]): void {
    const idle = rows.filter((row) => !isLive(row));
    const paused = rows.filter((row) => row.state === "paused");
    if (idle.length > 0) void this.act("start", ids(idle));
    else if (paused.length > 0) void this.act("unpause", ids(paused));
    else void this.act("stop", ids(rows));
  }

  /** Removes after a question. */
  remove(rows: ContainerRow[]): void {
    const first = rows[0];
    if (!first) return;
    const live = rows.filter(isLive).length;
    const what = rows.length === 1 ? plain(first.name) : count(rows.length, "container");
    this.ask({
      title: `Remove ${what}?`,
      text:
        live > 0
          ? `${live === 1 && rows.length === 1 ? "It is" : `${live} of them are`} running and will be stopped. What was written inside is lost; named volumes stay.`
          : "What was written inside is lost; named volumes stay.",
      act: live > 0 ? "Stop and remove" : "Remove",
      run: () => void this.act(live > 0 ? "forceRemove" : "remove", ids(rows)),
    });
  }

  removeImage(id: string): void {
    const row = this.model.images.get(id);
    if (!row) return;
    const uses = this.model.uses.get(id) ?? 0;
    this.ask({
      title: `Remove ${plain(row.names[0] ?? "this image")}?`,
      text:
        uses > 0
          ? `${count(uses, "container")} made from it will be stopped and removed too.`
          : row.names.length > 1
            ? `All its ${row.names.length} names go with it.`
            : "It can be pulled again.",
      act: uses > 0 ? `Remove with ${count(uses, "container")}` : "Remove",
      run: () =>
        void this.work([id], () =>
          this.model.call({ call: "remove", kind: "image", ids: [id], force: uses > 0 || row.names.length > 1 }),
        ),
    });
  }

  /** Removes a network or a volume after a question; `kind` is the core's word for it. */
  removeObject(kind: string, row: { id: string; name: string }, text: string): void {
    this.ask({
      title: `Remove ${plain(row.name)}?`,
      text,
      act: "Remove",
      run: () => void this.work([row.id], () => this.model.call({ call: "remove", kind, ids: [row.id], force: false })),
    });
  }

  /** Begins a task and answers its number. */
  async begin(call: Parameters<Model["call"]>[0]): Promise<number | undefined> {
    try {
      const reply = await this.model.call(call);
      return reply.reply === "task" ? reply.id : undefined;
    } catch (failure) {
      this.fail(failure);
      return undefined;
    }
  }
}

function ids(rows: ContainerRow[]): string[] {
  return rows.map((row) => row.id);
}

const KEY = Symbol("screen");

export function provideScreen(screen: Screen): void {
  setContext(KEY, screen);
}

export function useScreen(): Screen {
  return getContext<Screen>(KEY);
}
