import { Channel, invoke } from "@tauri-apps/api/core";

import type { Call, Event as CoreEvent, Reply } from "../generated/desktop";
import type { Transport } from "./index";

/** One command for calls, one channel for events. */
export class TauriTransport implements Transport {
  call(call: Call): Promise<Reply> {
    return invoke<Reply>("rpc", { call });
  }

  listen(events: (batch: CoreEvent[]) => void, link: (connected: boolean) => void): void {
    const channel = new Channel<CoreEvent[]>();
    channel.onmessage = events;
    void invoke("subscribe", { channel }).then(
      () => link(true),
      () => link(false),
    );
  }

  open(url: string): void {
    void invoke("open_link", { url });
  }
}
