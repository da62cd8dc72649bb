import type { Call, Event as CoreEvent, Reply } from "../generated/desktop";

/** The way to the core: the same for the window and for a browser. */
export interface Transport {
  /** Asks or orders something. Rejects with a `Failure`. */
  call(call: Call): Promise<Reply>;
  /** Hands over every batch of events; the first one begins with a snapshot. */
  listen(events: (batch: CoreEvent[]) => void, link: (connected: boolean) => void): void;
  /** Opens a published port in the user's browser. */
  open(url: string): void;
}

/** The window's transport inside the window, the web one in a browser. */
export async function connect(): Promise<Transport> {
  if ("__TAURI_INTERNALS__" in window) {
    return new (await import("./tauri")).TauriTransport();
  }
  return new (await import("./web")).WebTransport(location);
}
