import type { PodMember, PodRow } from "./generated/desktop";

/** Whether something of it runs. */
export function podIsLive(row: PodRow): boolean {
  return row.state === "running" || row.state === "degraded" || row.state === "paused";
}

/** Its containers without the one that only holds what they share. */
export function workers(row: PodRow): PodMember[] {
  return row.members.filter((member) => !member.infra);
}

/** What the state means to the eye. */
export function podTone(row: PodRow): "ok" | "warn" | "bad" | "idle" {
  switch (row.state) {
    case "running":
      return "ok";
    case "degraded":
    case "paused":
      return "warn";
    case "error":
      return "bad";
    default:
      return "idle";
  }
}
