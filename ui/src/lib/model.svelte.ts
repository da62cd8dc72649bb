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
import { t } from "./text/messages.svelte";
import type { Transport } from "./transport";

/** An event of a subscription. */
export type FlowEvent = Extract<CoreEvent, { subscription: number }>;

/** Who takes what a subscription brings. */
export interface Flow {
  take(event: FlowEvent): void;
  /** There is no more: with the exit code of what a terminal showed, or why it cannot go on. */
  end(failure: Failure | null, code: number | null): void;
}

/** An open subscription. */
export interface Subscription {
  /** Its number, once the core has told it. */
  readonly number: number | undefined;
  close(): void;
}

/** Who reads a log. */
export interface LogReader {
  lines(lines: LogEntry[]): void;
  end(failure: Failure | null): void;
}

const NO_HEALTH: Health = { connection: "", state: "connecting", message: null, version: "", platform: "" };
/** Events kept for a subscription whose number the screen does not know yet. */
const MOST_EARLY = 20_000;

/** What the core has told, ready for the screens. */
export class Model {
  connections = $state.raw<Connection[]>([]);
  health = $state.raw<Health>(NO_HEALTH);
  /** The rows of every kind; screens read one kind with `rowsOf`. */
  rows = $state.raw<Collections>({});
  machines = $state.raw<MachineRow[]>([]);
  machinesProblem = $state<string | null>(null);
  /** The folder of this computer where files are put, unless the user says another. */
  downloads = $state("");
  /** Whether the first snapshot has come. */
  ready = $state(false);
  /** Whether the core can be reached. */
  linked = $state(true);

  containers = $derived(rowsOf(this.rows, "containers"));
  images = $derived(rowsOf(this.rows, "images"));
  pods = $derived(rowsOf(this.rows, "pods"));
  networks = $derived(rowsOf(this.rows, "networks"));
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
  /** How many Compose projects there are. */
  projects = $derived.by(() => {
    const names = new Set<string>();
    for (const row of this.containers.values()) if (row.group?.kind === "project") names.add(row.group.name);
    return names.size;
  });
  connection = $derived(this.connections.find((connection) => connection.id === this.health.connection));

  #transport: Transport;
  #flows = new Map<number, Flow>();
  #early = new Map<number, FlowEvent[]>();
  /** Subscriptions that wait for their number; only then may events come before it. */
  #opening = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
    transport.listen(
      (batch) => this.take(batch),
      (linked) => {
        this.linked = linked;
        if (!linked) this.#lose();
      },
    );
  }

  call(call: Call): Promise<Reply> {
    return this.#transport.call(call);
  }

  open(url: string): void {
    this.#transport.open(url);
  }

  /** Opens a subscription: `call` is answered with its number. */
  subscribe(call: Call, flow: Flow): Subscription {
    let number: number | undefined;
    let closed = false;
    this.#opening += 1;
    const asked = this.call(call).then(
      (reply) => {
        if (reply.reply !== "subscription") return;
        number = reply.subscription;
        if (closed) return this.#close(number);
        this.#flows.set(number, flow);
        const early = this.#early.get(number) ?? [];
        this.#early.delete(number);
        for (const event of early) this.#flow(event);
      },
      (failure: Failure) => {
        if (!closed) flow.end(failure, null);
      },
    );
    void asked.finally(() => {
      this.#opening -= 1;
      if (this.#opening === 0) this.#early.clear();
    });
    return {
      get number() {
        return number;
      },
      close: () => {
        closed = true;
        if (number !== undefined) this.#close(number);
      },
    };
  }

  /** Follows a log until the returned function is called. */
  readLog(call: Extract<Call, { call: "openLog" | "openLogs" | "openTaskLog" }>, reader: LogReader): () => void {
    const subscription = this.subscribe(call, {
      take: (event) => {
        if (event.event === "log") reader.lines(event.lines);
      },
      end: (failure) => reader.end(failure),
    });
    return () => subscription.close();
  }

  #close(subscription: number): void {
    this.#flows.delete(subscription);
    this.#early.delete(subscription);
    void this.call({ call: "close", subscription }).catch(() => undefined);
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
        this.downloads = snapshot.downloads;
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
      case "terminal":
      case "stats":
      case "processes":
      case "files":
      case "end":
        this.#flow(event);
        break;
    }
  }

  /** The core ends the subscriptions of a page whose connection breaks off. */
  #lose(): void {
    const flows = [...this.#flows.values()];
    this.#flows.clear();
    this.#early.clear();
    const message = t("The connection to Cove broke off.");
    for (const flow of flows) flow.end({ kind: "Unavailable", message }, null);
  }

  #flow(event: FlowEvent): void {
    const flow = this.#flows.get(event.subscription);
    if (!flow) {
      // Another page's, or one that was closed.
      if (this.#opening === 0) return;
      const early = this.#early.get(event.subscription) ?? [];
      if (early.length < MOST_EARLY) early.push(event);
      this.#early.set(event.subscription, early);
    } else if (event.event === "end") {
      this.#flows.delete(event.subscription);
      flow.end(event.failure, event.code);
    } else {
      flow.take(event);
    }
  }
}
