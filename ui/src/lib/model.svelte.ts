import type {
  Call,
  Connection,
  Event as CoreEvent,
  Failure,
  Health,
  LogEntry,
  MachineRow,
  Reply,
} from "./generated/desktop";
import { clock } from "./clock.svelte";
import { apply, collect, rowsOf, type Collections } from "./collection";
import type { Transport } from "./transport";

/** Who reads a log. */
export interface LogReader {
  lines(lines: LogEntry[]): void;
  end(failure: Failure | null): void;
}

const NO_HEALTH: Health = { connection: "", state: "connecting", message: null, version: "", platform: "" };
/** Lines kept for a subscription whose number the screen does not know yet. */
const MOST_EARLY = 20_000;

/** What the core has told, ready for the screens. */
export class Model {
  connections = $state.raw<Connection[]>([]);
  health = $state.raw<Health>(NO_HEALTH);
  /** The rows of every kind; screens read one kind with `rowsOf`. */
  rows = $state.raw<Collections>({});
  machines = $state.raw<MachineRow[]>([]);
  machinesProblem = $state<string | null>(null);
  /** Whether the first snapshot has come. */
  ready = $state(false);
  /** Whether the core can be reached. */
  linked = $state(true);

  containers = $derived(rowsOf(this.rows, "containers"));
  images = $derived(rowsOf(this.rows, "images"));
  tasks = $derived(rowsOf(this.rows, "tasks"));
  /** How many containers use each image. */
  uses = $derived.by(() => {
    const uses = new Map<string, number>();
    for (const row of this.containers.values()) {
      const id = row.imageId.replace(/^sha256:/, "");
      uses.set(id, (uses.get(id) ?? 0) + 1);
    }
    return uses;
  });
  running = $derived([...this.containers.values()].filter((row) => row.state === "running").length);
  connection = $derived(this.connections.find((connection) => connection.id === this.health.connection));

  #transport: Transport;
  #readers = new Map<number, LogReader>();
  #early = new Map<number, CoreEvent[]>();

  constructor(transport: Transport) {
    this.#transport = transport;
    transport.listen(
      (batch) => this.take(batch),
      (linked) => {
        this.linked = linked;
      },
    );
  }

  call(call: Call): Promise<Reply> {
    return this.#transport.call(call);
  }

  open(url: string): void {
    this.#transport.open(url);
  }

  /** Follows a log until the returned function is called. */
  readLog(id: string, tail: number, reader: LogReader): () => void {
    let subscription: number | undefined;
    let closed = false;
    this.call({ call: "openLog", id, tail }).then(
      (reply) => {
        if (reply.reply !== "subscription") return;
        subscription = reply.subscription;
        if (closed) return this.#close(subscription);
        this.#readers.set(subscription, reader);
        const early = this.#early.get(subscription) ?? [];
        this.#early.delete(subscription);
        this.take(early);
      },
      (failure: Failure) => {
        if (!closed) reader.end(failure);
      },
    );
    return () => {
      closed = true;
      if (subscription !== undefined) this.#close(subscription);
    };
  }

  #close(subscription: number): void {
    this.#readers.delete(subscription);
    this.#early.delete(subscription);
    void this.call({ call: "closeLog", subscription }).catch(() => undefined);
  }

  take(batch: CoreEvent[]): void {
    if (batch.length === 0) return;
    clock.wake();
    for (const event of batch) this.#apply(event);
  }

  #apply(event: CoreEvent): void {
    switch (event.event) {
      case "snapshot": {
        const { snapshot } = event;
        this.connections = snapshot.connections;
        this.health = snapshot.health;
        this.rows = collect(snapshot.rows);
        this.machines = snapshot.machines;
        this.machinesProblem = snapshot.machinesProblem;
        this.ready = true;
        break;
      }
      case "connections":
        this.connections = event.connections;
        break;
      case "health":
        this.health = event.health;
        break;
      case "rows":
        this.rows = apply(this.rows, event.change);
        break;
      case "machines":
        this.machines = event.machines;
        this.machinesProblem = event.problem;
        break;
      case "log":
      case "logEnd":
        this.#log(event);
        break;
    }
  }

  #log(event: CoreEvent & { subscription: number }): void {
    const reader = this.#readers.get(event.subscription);
    if (!reader) {
      const early = this.#early.get(event.subscription) ?? [];
      if (early.length < MOST_EARLY) early.push(event);
      this.#early.set(event.subscription, early);
    } else if (event.event === "log") {
      reader.lines(event.lines);
    } else if (event.event === "logEnd") {
      reader.end(event.failure);
    }
  }
}
