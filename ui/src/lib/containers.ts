import type { ContainerRow, GroupKind, PortRow } from "./generated/desktop";
import { fits, terms } from "./filter";
import { capital, span } from "./text/format";
import { t } from "./text/messages.svelte";

/** What holds containers together in the list: their pod or project, their image, or nothing. */
export type Grouping = "own" | "image" | "none";

/** A line of the list: the head of a group, or a container. */
export type Line =
  | { key: string; group: { kind: GroupKind | "image"; name: string; total: number; running: number; ids: string[] } }
  | { key: string; container: ContainerRow; nested: boolean };

const LIVE = new Set(["running", "paused", "stopping", "restarting"]);

/** Whether it has a process. */
export function isLive(row: ContainerRow): boolean {
  return LIVE.has(row.state);
}

/** What the state means to the eye. */
export function tone(row: ContainerRow): "ok" | "warn" | "bad" | "idle" {
  if (row.state === "running") return "ok";
  if (row.state === "paused" || row.state === "stopping" || row.state === "removing") return "warn";
  return row.exitCode !== null && row.exitCode !== 0 ? "bad" : "idle";
}

/** The state in words: `Up 3 min`, `Exited (1) 2 h ago`. */
export function status(row: ContainerRow, now: number): string {
  const since = (time: number) => span(now - time);
  switch (row.state) {
    case "running":
      return row.started > 0 ? t("Up {span}", { span: since(row.started) }) : t("Up");
    case "paused":
      return capital(t("paused"));
    case "exited":
    case "stopped":
      return row.ended > 0
        ? t("Exited ({code}) {span} ago", { code: row.exitCode ?? 0, span: since(row.ended) })
        : t("Exited ({code})", { code: row.exitCode ?? 0 });
    default:
      return capital(t(row.state));
  }
}

/** The link to a published TCP port, as seen from this computer. */
export function link(port: PortRow): string | undefined {
  if (port.protocol !== "tcp" || port.hostPort === 0) return undefined;
  const anywhere = port.host === "" || port.host === "0.0.0.0" || port.host === "::";
  if (!anywhere && !/^[0-9a-fA-F.:]+$/.test(port.host)) return undefined;
  const host = anywhere ? "localhost" : port.host.includes(":") ? `[${port.host}]` : port.host;
  return `http://${host}:${port.hostPort}/`;
}

/** Where a port leads: `8080→80`, with the protocol where that is not TCP. */
export function portText(port: PortRow): string {
  const end = port.protocol === "tcp" ? "" : `/${port.protocol}`;
  return `${port.hostPort}→${port.containerPort}${end}`;
}

function groupOf(row: ContainerRow, by: Grouping): { kind: GroupKind | "image"; name: string } | null {
  if (by === "image") return { kind: "image", name: row.image };
  return by === "own" ? row.group : null;
}

/** The list as it is shown: filtered, groups first come where their newest container is, running ones first. */
export function lines(
  rows: Iterable<ContainerRow>,
  query: string,
  onlyRunning: boolean,
  folded: ReadonlySet<string>,
  by: Grouping = "own",
): Line[] {
  const asked = terms(query);
  const wanted = [...rows].filter((row) => (!onlyRunning || isLive(row)) && fits(row, asked));
  wanted.sort((a, b) => Number(isLive(b)) - Number(isLive(a)) || b.created - a.created || (a.id < b.id ? -1 : 1));
  const groups = new Map<string, ContainerRow[]>();
  const order: (ContainerRow | string)[] = [];
  for (const row of wanted) {
    const group = groupOf(row, by);
    if (group === null) {
      order.push(row);
      continue;
    }
    const key = `${group.kind}/${group.name}`;
    const members = groups.get(key);
    if (members) members.push(row);
    else {
      groups.set(key, [row]);
      order.push(key);
    }
  }
  const result: Line[] = [];
  for (const entry of order) {
    if (typeof entry !== "string") {
      result.push({ key: entry.id, container: entry, nested: false });
      continue;
    }
    const members = groups.get(entry) ?? [];
    const group = members[0] ? groupOf(members[0], by) : null;
    if (!group) continue;
    result.push({
      key: `group:${entry}`,
      group: {
        ...group,
        total: members.length,
        running: members.filter(isLive).length,
        ids: members.map((row) => row.id),
      },
    });
    if (folded.has(`group:${entry}`)) continue;
    members.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const row of members) result.push({ key: row.id, container: row, nested: true });
  }
  return result;
}
