import type { MachineRow } from "./generated/desktop";

/** What the state means to the eye. */
export function tone(machine: MachineRow): "ok" | "warn" | "bad" | "idle" {
  switch (machine.state) {
    case "running":
      return "ok";
    case "stopped":
      return "idle";
    case "starting":
    case "paused":
    case "degraded":
      return "warn";
    default:
      return "bad";
  }
}

/** Whether `stop` makes sense, else `start` does. A degraded machine is repaired by starting it. */
export function stops(machine: MachineRow): boolean {
  return machine.state === "running" || machine.state === "starting" || machine.state === "paused";
}
