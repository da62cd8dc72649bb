import { isLive, tone as toneOf } from "./containers";
import type { ContainerRow, PortRow } from "./generated/desktop";

/** A service of a Compose project. */
export interface Service {
  name: string;
  containers: ContainerRow[];
}

/** A Compose project, as its containers tell of it. */
export interface Application {
  /** Its name. */
  id: string;
  services: Service[];
  /** All its containers, those that were run once among them. */
  containers: ContainerRow[];
  ports: PortRow[];
  /** Its folder on the computer of who made it; empty where no container tells. */
  folder: string;
  files: string[];
  running: number;
  /** Seconds since the epoch: its oldest container's. */
  created: number;
}

/** The projects of these containers, by their names. */
export function applications(rows: Iterable<ContainerRow>): Map<string, Application> {
  const found = new Map<string, ContainerRow[]>();
  for (const row of rows) {
    if (row.group?.kind !== "project") continue;
    const members = found.get(row.group.name);
    if (members) members.push(row);
    else found.set(row.group.name, [row]);
  }
  return new Map([...found].map(([name, containers]) => [name, application(name, containers)]));
}

function application(id: string, containers: ContainerRow[]): Application {
  const sorted = [...containers].sort((a, b) => (a.name < b.name ? -1 : 1));
  const services = new Map<string, ContainerRow[]>();
  for (const row of sorted) {
    const name = row.project?.service ?? row.name;
    services.set(name, [...(services.get(name) ?? []), row]);
  }
  const folders = sorted.map((row) => row.project?.folder ?? "");
  return {
    id,
    services: [...services].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, members]) => ({ name, containers: members })),
    containers: sorted,
    ports: sorted.filter(isLive).flatMap((row) => row.ports),
    folder: folders.find((folder) => folder !== "") ?? "",
    files: [...new Set(sorted.flatMap((row) => row.project?.files ?? []))],
    running: sorted.filter((row) => row.state === "running").length,
    created: Math.min(...sorted.map((row) => row.created)),
  };
}

/** What its state means to the eye: something that failed, something that is stopped for a while, all at work, nothing. */
export function tone(one: Application): "ok" | "warn" | "bad" | "idle" {
  const tones = one.containers.map(toneOf);
  if (tones.includes("bad")) return "bad";
  if (tones.includes("warn")) return "warn";
  return one.running > 0 ? "ok" : "idle";
}

/** The state in one word, as the engine calls those of pods. */
export function stateOf(one: Application): "running" | "degraded" | "exited" {
  if (one.running === 0) return "exited";
  // What has done its work and ended well is missed by nobody.
  const missing = one.containers.filter((row) => row.state !== "running" && row.exitCode !== 0 && !row.project?.once);
  return missing.length > 0 ? "degraded" : "running";
}
