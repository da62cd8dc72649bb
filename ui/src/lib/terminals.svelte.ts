import { SvelteMap } from "svelte/reactivity";

import type { Model } from "./model.svelte";
import type { ContainerTerminal } from "./terminal";
import { t } from "./text/messages.svelte";

/** What is run, and as whom; empty for a shell and for the container's user. */
export interface Wanted {
  command: string;
  user: string;
}

/** One run of a terminal. Its view keeps its lines while it is taken from one place of the page to another. */
export class TerminalRun {
  /** How it ended; `null` while it goes on. */
  ended = $state<string | null>(null);
  readonly wanted: Wanted;
  readonly #view = document.createElement("div");
  #terminal: ContainerTerminal | undefined;
  #closed = false;
  #begun = false;

  constructor(wanted: Wanted) {
    this.wanted = wanted;
    this.#view.className = "h-full";
  }

  /** Shows it in `place`; the first time it is begun. */
  show(place: HTMLElement, begin: () => Promise<ContainerTerminal>): void {
    place.append(this.#view);
    this.#terminal?.recolour();
    if (this.#begun) return;
    this.#begun = true;
    begin().then(
      (terminal) => {
        this.#terminal = terminal;
        if (this.#closed) terminal.close();
      },
      // What was to be loaded could not be.
      (failure: unknown) => (this.ended = failure instanceof Error ? failure.message : String(failure)),
    );
  }

  get view(): HTMLElement {
    return this.#view;
  }

  recolour(): void {
    this.#terminal?.recolour();
  }

  /** It goes on out of sight. */
  hide(): void {
    this.#view.remove();
  }

  /** Ends its process and takes it away. */
  close(): void {
    this.#closed = true;
    this.#terminal?.close();
    this.#view.remove();
  }
}

/** The terminals of the containers, one for each: they go on while something else is looked at. */
export class Terminals {
  #model: Model;
  #runs = new SvelteMap<string, TerminalRun>();

  constructor(model: Model) {
    this.#model = model;
  }

  of(id: string): TerminalRun | undefined {
    return this.#runs.get(id);
  }

  /** Begins one in place of the one that is there. */
  begin(id: string, wanted: Wanted): void {
    for (const gone of [...this.#runs.keys()].filter((other) => !this.#model.containers.has(other))) this.end(gone);
    this.#runs.get(id)?.close();
    this.#runs.set(id, new TerminalRun(wanted));
  }

  end(id: string): void {
    this.#runs.get(id)?.close();
    this.#runs.delete(id);
  }

  /** Shows the container's terminal in `place`. `told` is told how it ended, `leave` that the keyboard is to go elsewhere. */
  show(id: string, run: TerminalRun, place: HTMLElement, told: (how: string) => void, leave: () => void): void {
    run.show(place, async () => {
      // It is larger than all the rest, so it is brought when it is wanted.
      const { ContainerTerminal } = await import("./terminal");
      return new ContainerTerminal(run.view, this.#model, { id, ...run.wanted }, {
        end: (code, reason) => {
          run.ended = reason ?? (code === null ? t("The terminal has ended.") : t("The process has ended with {code}.", { code }));
          told(run.ended);
        },
        leave,
      });
    });
  }
}
