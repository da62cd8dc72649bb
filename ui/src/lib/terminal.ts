import { FitAddon } from "@xterm/addon-fit";
import { Terminal as Xterm, type ITheme } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";

import type { Call } from "./generated/desktop";
import type { Model, Subscription } from "./model.svelte";
import { allowStyledSpans, withSheets } from "./strict-document";

allowStyledSpans();

/** Lines that can be scrolled back to. */
const SCROLLBACK = 5000;
/** The core is told of so many bytes at once that they are on the screen. */
const TOLD = 64 << 10;

/** What a terminal tells its surroundings. */
export interface TerminalEvents {
  /** The process has ended, or could not be started. */
  end(code: number | null, reason: string | null): void;
  /** The user wants the focus elsewhere. */
  leave(): void;
}

/** A terminal of a container on the screen. */
export class ContainerTerminal {
  #view: Xterm;
  #fit = new FitAddon();
  #subscription: Subscription;
  #observer: ResizeObserver;
  #model: Model;
  #place: HTMLElement;
  #owed = 0;
  #typed = "";

  constructor(place: HTMLElement, model: Model, options: { id: string; command: string; user: string }, events: TerminalEvents) {
    this.#model = model;
    this.#place = place;
    this.#view = new Xterm({
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--terminal-font") || "monospace",
      fontSize: 12,
      minimumContrastRatio: 4.5,
      screenReaderMode: true,
      scrollback: SCROLLBACK,
      theme: theme(),
    });
    this.#view.loadAddon(this.#fit);
    withSheets(() => this.#view.open(place));
    this.#fit.fit();
    this.#view.attachCustomKeyEventHandler((event) => {
      if (event.key !== "F6") return true;
      if (event.type === "keydown") events.leave();
      return false;
    });
    this.#subscription = model.subscribe(
      { call: "openTerminal", options: { ...options, columns: this.#view.cols, rows: this.#view.rows } },
      {
        take: (event) => {
          if (event.event === "terminal") this.#show(event.data);
        },
        end: (failure, code) => {
          this.#view.options.disableStdin = true;
          events.end(code, failure?.message ?? null);
        },
      },
    );
    this.#view.onData((data) => this.#type(data));
    this.#view.onResize(({ cols, rows }) => this.#send((subscription) => ({ call: "resize", subscription, columns: cols, rows })));
    // While it is not looked at it has no size, and keeps the one that it had.
    this.#observer = new ResizeObserver(() => {
      if (this.#place.clientWidth > 0) this.#fit.fit();
    });
    this.#observer.observe(place);
    this.#view.focus();
  }

  /** Takes over the colours of the page. */
  recolour(): void {
    this.#view.options.theme = theme();
  }

  /** Ends the process and takes the view away. */
  close(): void {
    this.#observer.disconnect();
    this.#subscription.close();
    this.#view.dispose();
  }

  #show(data: string): void {
    const text = atob(data);
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    this.#view.write(bytes, () => {
      this.#owed += bytes.length;
      if (this.#owed < TOLD) return;
      const shown = this.#owed;
      this.#owed = 0;
      this.#send((subscription) => ({ call: "shown", subscription, bytes: shown }));
    });
  }

  /** Keys that are pressed before the process has started are not lost. */
  #type(data: string): void {
    const text = this.#typed + data;
    const sent = this.#send((subscription) => ({ call: "type", subscription, data: text }));
    this.#typed = sent ? "" : text;
  }

  #send(call: (subscription: number) => Call): boolean {
    const { number } = this.#subscription;
    if (number === undefined) return false;
    // One that has just ended takes nothing more; its end is told.
    void this.#model.call(call(number)).catch(() => undefined);
    return true;
  }
}

/** The page's colours. */
function theme(): ITheme {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
  const colours: ITheme = {
    background: colour("--surface"),
    foreground: colour("--text"),
    cursor: colour("--accent"),
    cursorAccent: colour("--surface"),
    selectionBackground: colour("--line-strong"),
  };
  names.forEach((name, at) => {
    colours[name] = colour(`--ansi-${at}`);
    colours[`bright${name.charAt(0).toUpperCase()}${name.slice(1)}` as "brightRed"] = colour(`--ansi-${at}`);
  });
  return colours;
}
