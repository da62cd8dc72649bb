import { getContext, setContext } from "svelte";

import type { Call, ContainerAct, ContainerRow, Failure, ImageRow, PodRow, Reply } from "./generated/desktop";
import type { Kind } from "./collection";
import { isLive } from "./containers";
import { FIRST_TEXT } from "./kube";
import type { Model } from "./model.svelte";
import type { KnownProject } from "./projects";
import { count } from "./text/format";
import { t } from "./text/messages.svelte";
import { plain } from "./text/plain";
import { Terminals } from "./terminals.svelte";

/** A page: a kind of rows that has a list of its own, or something else that has one. */
export type Page = Exclude<Kind, "tasks" | "happenings"> | "applications" | "machines" | "registries" | "system" | "settings";
export type Tab = "summary" | "logs" | "terminal" | "files" | "stats" | "processes" | "inspect";

/** A field of a small form. */
export interface FormField {
  name: string;
  label: string;
  hint?: string;
  placeholder?: string;
  kind?: "text" | "password" | "lines" | "check" | "choice";
  value?: string;
  /** What can be chosen: values and their texts. */
  choices?: [string, string][];
  required?: boolean;
}

/** A small form in a dialog. */
export interface Form {
  title: string;
  text?: string;
  fields: FormField[];
  /** The word on the button that does it. */
  act: string;
  /** Does it; what it rejects with is shown and the dialog stays. */
  run: (values: Record<string, string>) => Promise<unknown>;
}

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
  | { kind: "run"; image: string; pod?: string }
  | { kind: "pull" }
  | { kind: "build" }
  | { kind: "clean" }
  | { kind: "up"; of?: KnownProject }
  | { kind: "kube"; id: string; name: string }
  | { kind: "form"; form: Form }
  | { kind: "log"; task: number }
  | { kind: "confirm"; confirmation: Confirmation }
  | { kind: "palette" }
  | { kind: "keys" };

export interface Toast {
  id: number;
  bad: boolean;
  text: string;
  /** Takes back what was said. */
  undo?: () => void;
}

const TOAST_TIME = 5000;
/** So long a removal can be taken back. */
export const UNDO_TIME = 8000;
const DONE: Record<ContainerAct, string> = {
  start: "Started {what}",
  stop: "Stopped {what}",
  restart: "Restarted {what}",
  kill: "Killed {what}",
  pause: "Paused {what}",
  unpause: "Resumed {what}",
  remove: "Removed {what}",
  forceRemove: "Removed {what}",
};

/** What the user looks at, and the acts that the screens share. */
export class Screen {
  page = $state<Page>("containers");
  /** The container whose details are open. */
  opened = $state<string | null>(null);
  tab = $state<Tab>("summary");
  dialog = $state.raw<Dialog | null>(null);
  /** The Kubernetes YAML that is written; it stays when other pages are looked at. */
  yaml = $state(FIRST_TEXT);
  tasksOpen = $state(false);
  toasts = $state.raw<Toast[]>([]);
  /** Said to those who cannot see the screen. */
  announcement = $state("");
  /** Ids of what is being worked on. */
  busy = $state.raw<ReadonlySet<string>>(new Set());
  /** Ids of what is removed unless the user takes it back: lists do not show them. */
  leaving = $state.raw<ReadonlySet<string>>(new Set());

  readonly model: Model;
  readonly terminals: Terminals;
  #nextToast = 1;

  constructor(model: Model) {
    this.model = model;
    this.terminals = new Terminals(model);
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

  form(form: Form): void {
    this.dialog = { kind: "form", form };
  }

  say(text: string): void {
    this.announcement = text;
  }

  toast(text: string, bad = false, undo?: () => void): number {
    const toast: Toast = { id: this.#nextToast++, bad, text, ...(undo ? { undo } : {}) };
    // What can still be taken back stays.
    const others = this.toasts.filter((one) => !one.undo).slice(-3);
    this.toasts = [...this.toasts.filter((one) => one.undo || others.includes(one)), toast];
    if (!bad) setTimeout(() => this.dismiss(toast.id), undo ? UNDO_TIME : TOAST_TIME);
    return toast.id;
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  fail(failure: unknown): void {
    this.toast(plain(this.reason(failure)), true);
  }

  /** Puts a text on the clipboard and says so. */
  async copy(text: string, done: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      this.toast(done);
    } catch (failure) {
      this.fail(failure);
    }
  }

  /** What a failure says. */
  reason(failure: unknown): string {
    const text = typeof failure === "object" && failure !== null && "message" in failure ? failure.message : failure;
    return String(text);
  }

  /** Hides `ids` and does `work` after a while, unless the user takes it back. A window that is closed meanwhile does nothing. */
  later(ids: string[], what: string, work: () => Promise<unknown>): void {
    const { connection } = this.model.health;
    this.leaving = new Set([...this.leaving, ...ids]);
    const back = () => {
      const returned = new Set(ids);
      this.leaving = new Set([...this.leaving].filter((id) => !returned.has(id)));
    };
    const timer = setTimeout(() => {
      if (this.model.health.connection === connection) return void work().finally(back);
      // Another engine may have an image of the same id.
      back();
      this.toast(t("{what} was not removed: another engine came into use", { what }), true);
    }, UNDO_TIME);
    this.toast(t("Removed {what}", { what }), false, () => {
      clearTimeout(timer);
      back();
      this.say(t("{what} is back", { what }));
    });
    this.say(t("Removed {what}", { what }));
  }

  async actOnPods(act: ContainerAct, rows: PodRow[]): Promise<void> {
    const wanted = rows.map((row) => row.id);
    const reply = await this.work(wanted, () => this.model.call({ call: "pods", act, ids: wanted }));
    const first = rows[0];
    if (reply && first) this.say(t(DONE[act], { what: plain(first.name) }));
  }

  async actOnProject(act: ContainerAct, name: string, members: string[]): Promise<void> {
    const reply = await this.work(members, () => this.model.call({ call: "project", act, name }));
    if (reply) this.say(t(DONE[act], { what: plain(name) }));
  }

  /** Removes a pod with its containers, after a question. */
  removePod(row: PodRow): void {
    const live = row.members.some((member) => member.state === "running" || member.state === "paused");
    this.ask({
      title: t("Remove {what}?", { what: plain(row.name) }),
      text: t("All its containers go with it, and what was written inside of them; named volumes stay."),
      act: live ? t("Stop and remove") : t("Remove"),
      run: () =>
        void this.work([row.id], () => this.model.call({ call: "remove", kind: "pod", ids: [row.id], force: live })),
    });
  }

  /** Begins a task and shows that it goes on. Rejects where it cannot begin. */
  async start(call: Call): Promise<void> {
    await this.model.call(call);
    this.tasksOpen = true;
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
    if (reply) this.say(t(DONE[act], { what }));
  }

  /** Starts what does not run, else stops. */
  toggle(rows: ContainerRow[]): void {
    const idle = rows.filter((row) => !isLive(row));
    const paused = rows.filter((row) => row.state === "paused");
    if (idle.length > 0) void this.act("start", ids(idle));
    else if (paused.length > 0) void this.act("unpause", ids(paused));
    else void this.act("stop", ids(rows));
  }

  /** Removes: what runs after a question, else at once, and the user can take it back. */
  remove(rows: ContainerRow[]): void {
    const first = rows[0];
    if (!first) return;
    const live = rows.filter(isLive).length;
    const what = rows.length === 1 ? plain(first.name) : count(rows.length, "container");
    if (live === 0) {
      const gone = ids(rows);
      if (this.opened !== null && gone.includes(this.opened)) this.opened = null;
      this.later(gone, what, () => this.act("remove", gone));
      return;
    }
    this.ask({
      title: t("Remove {what}?", { what }),
      text:
        live === 1 && rows.length === 1
          ? t("It is running and will be stopped. What was written inside is lost; named volumes stay.")
          : t("{live} of them are running and will be stopped. What was written inside is lost; named volumes stay.", { live }),
      act: t("Stop and remove"),
      run: () => void this.act("forceRemove", ids(rows)),
    });
  }

  removeImage(id: string): void {
    const row = this.model.images.get(id);
    if (!row) return;
    const uses = this.model.uses.get(id) ?? 0;
    const what = plain(row.names[0] ?? t("an unnamed image"));
    if (uses === 0) return this.removeUnused([row], what);
    this.ask({
      title: t("Remove {what}?", { what }),
      text: t("{containers} made from it will be stopped and removed too.", { containers: count(uses, "container") }),
      act: t("Remove with {containers}", { containers: count(uses, "container") }),
      run: () => void this.work([id], () => this.model.call({ call: "remove", kind: "image", ids: [id], force: true })),
    });
  }

  /** Removes images that nothing uses with all their names, unless the user takes it back. */
  removeUnused(rows: ImageRow[], what: string): void {
    const gone = rows.map((row) => row.id);
    this.later(gone, what, () =>
      this.work(gone, async () => {
        if (rows.every((row) => row.names.length <= 1)) {
          return this.model.call({ call: "remove", kind: "image", ids: gone, force: false });
        }
        // By its names and without force: a container that was made meanwhile keeps its image.
        const unused = rows.map((row) => ({ kind: "image", id: row.id, names: row.names, size: row.size }));
        return this.model.call({ call: "prune", rows: unused });
      }),
    );
  }

  /** Removes a network, a volume or a secret after a question; `kind` is the core's word for it. */
  removeObject(kind: string, row: { id: string; name: string }, text: string): void {
    this.ask({
      title: t("Remove {what}?", { what: plain(row.name) }),
      text,
      act: t("Remove"),
      run: () => void this.work([row.id], () => this.model.call({ call: "remove", kind, ids: [row.id], force: false })),
    });
  }

  /** Begins a task and answers its number. */
  async begin(call: Call): Promise<number | undefined> {
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
