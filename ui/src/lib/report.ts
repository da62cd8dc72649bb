import { rowsOf } from "./collection";
import type { Model } from "./model.svelte";

/** Most failures that are told. */
const MOST = 10;

function tally(words: Iterable<string>): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const parts = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([word, count]) => `${count} ${word}`);
  return parts.length > 0 ? parts.join(", ") : "none";
}

/** What helps to understand a problem: kinds, states and numbers. It names no object of the user's, and no address. */
export function report(model: Model, browser: string): string {
  const { health } = model;
  const connection = model.connection?.kind ?? "none";
  const failures = [...model.tasks.values()].filter((task) => task.failure !== null).slice(-MOST);
  return [
    `engine: ${connection}, ${health.state}, Cove ${health.version || "?"}, ${health.platform || "?"}`,
    `containers: ${tally([...model.containers.values()].map((row) => row.state))}`,
    `pods: ${tally([...model.pods.values()].map((row) => row.state))}`,
    `images: ${model.images.size}, networks: ${model.networks.size}, volumes: ${rowsOf(model.rows, "volumes").size}`,
    `machines: ${tally(model.machines.map((machine) => `${machine.provider} ${machine.state}`))}`,
    `failed tasks: ${tally(failures.map((task) => `${task.title.split(" ")[0] ?? "?"} (${task.failure?.kind ?? "?"})`))}`,
    `view: ${browser}`,
    "",
  ].join("\n");
}
