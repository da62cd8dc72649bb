import type { Call, Event as CoreEvent, Failure, Reply } from "../generated/desktop";
import type { Transport } from "./index";

type Answer = { id: number; reply: Reply } | { id: number; failure: Failure } | { events: CoreEvent[] } | { token: string };
type Waiting = { resolve: (reply: Reply) => void; reject: (failure: Failure) => void };

const LONGEST_PAUSE = 5000;
/** Where a page keeps the token that it was given, for as long as its tab is open. */
const KEPT = "cove.token";

/** One WebSocket for calls and events; it is opened again when it breaks. */
export class WebTransport implements Transport {
  #address: string;
  #token: string;
  #socket: WebSocket | undefined;
  #waiting = new Map<number, Waiting>();
  #unsent: string[] = [];
  #next = 1;
  #pause = 250;

  constructor(place: { protocol: string; host: string; hash: string }) {
    this.#address = `${place.protocol === "https:" ? "wss:" : "ws:"}//${place.host}/rpc`;
    // The fragment never leaves the browser, so the token is in no log and no referrer. It lets one page in, once.
    this.#token = new URLSearchParams(place.hash.slice(1)).get("token") ?? sessionStorage.getItem(KEPT) ?? "";
  }

  call(call: Call): Promise<Reply> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const text = JSON.stringify({ id, call });
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
      else this.#unsent.push(text);
    });
  }

  listen(events: (batch: CoreEvent[]) => void, link: (connected: boolean) => void): void {
    const socket = new WebSocket(this.#address, ["cove", `token.${this.#token}`]);
    this.#socket = socket;
    socket.onopen = () => {
      this.#pause = 250;
      link(true);
      for (const text of this.#unsent.splice(0)) socket.send(text);
    };
    socket.onmessage = (message) => {
      const answer = JSON.parse(String(message.data)) as Answer;
      if ("events" in answer) return events(answer.events);
      if ("token" in answer) return this.#keep(answer.token);
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ("reply" in answer) waiting?.resolve(answer.reply);
      else waiting?.reject(answer.failure);
    };
    socket.onclose = () => {
      link(false);
      this.#unsent = [];
      for (const waiting of this.#waiting.values()) {
        waiting.reject({ kind: "Unavailable", message: "the connection to Cove broke off" });
      }
      this.#waiting.clear();
      setTimeout(() => this.listen(events, link), this.#pause);
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    };
  }

  /** Keeps the page's own token, and takes the used one out of the address. */
  #keep(token: string): void {
    this.#token = token;
    sessionStorage.setItem(KEPT, token);
    history.replaceState(null, "", location.pathname);
  }

  open(url: string): void {
    window.open(url, "_blank", "noopener,noreferrer");
  }
}
