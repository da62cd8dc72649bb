import { isLive } from "./containers";
import type { IconName } from "../components/shared/Icon.svelte";
import { stops } from "./machines";
import { PAGES } from "./pages";
import type { Screen } from "./screen.svelte";
import { shortImage } from "./text/format";
import { plain } from "./text/plain";
import { score } from "./text/search";
import { theme } from "./theme.svelte";

/** Something that the palette can do. */
export interface Entry {
  key: string;
  icon: IconName;
  text: string;
  detail: string;
  run: () => void;
}

const MOST = 50;

function all(screen: Screen): Entry[] {
  const { model } = screen;
  const result: Entry[] = [
    ...PAGES.map(({ page, label, icon }, at) => ({
      key: `go:${page}`,
      icon,
      text: label,
      detail: `Ctrl+${at + 1}`,
      run: () => screen.go(page),
    })),
    { key: "run", icon: "plus", text: "Run an image", detail: "", run: () => (screen.dialog = { kind: "run", image: "" }) },
    { key: "pull", icon: "down", text: "Pull an image", detail: "", run: () => (screen.dialog = { kind: "pull" }) },
    { key: "tasks", icon: "tasks", text: "Show tasks", detail: "", run: () => (screen.tasksOpen = true) },
    { key: "keys", icon: "keyboard", text: "Keys", detail: "?", run: () => (screen.dialog = { kind: "keys" }) },
    { key: "light", icon: "sun", text: "Light colours", detail: "", run: () => theme.set("light") },
    { key: "dark", icon: "moon", text: "Dark colours", detail: "", run: () => theme.set("dark") },
    { key: "system", icon: "monitor", text: "Colours of the system", detail: "", run: () => theme.set("system") },
  ];
  for (const connection of model.connections) {
    if (connection.id === model.health.connection || !connection.available) continue;
    result.push({
      key: `use:${connection.id}`,
      icon: "server",
      text: `Use ${plain(connection.label)}`,
      detail: "connection",
      run: () => void screen.work([], () => model.call({ call: "connect", connection: connection.id })),
    });
  }
  for (const row of model.containers.values()) {
    const name = plain(row.name);
    const detail = plain(shortImage(row.image));
    result.push({ key: `c:${row.id}`, icon: "box", text: name, detail, run: () => screen.open(row.id, "summary") });
    result.push({ key: `l:${row.id}`, icon: "logs", text: `Logs of ${name}`, detail, run: () => screen.open(row.id, "logs") });
    const live = isLive(row);
    result.push({
      key: `s:${row.id}`,
      icon: live ? "stop" : "play",
      text: `${live ? "Stop" : "Start"} ${name}`,
      detail,
      run: () => void screen.act(live ? "stop" : "start", [row.id]),
    });
  }
  for (const row of model.images.values()) {
    const name = row.names[0];
    if (name === undefined) continue;
    result.push({
      key: `i:${row.id}`,
      icon: "layers",
      text: `Run ${plain(shortImage(name))}`,
      detail: "image",
      run: () => (screen.dialog = { kind: "run", image: name }),
    });
  }
  for (const machine of model.machines) {
    const stop = stops(machine);
    result.push({
      key: `m:${machine.name}`,
      icon: stop ? "stop" : "play",
      text: `${stop ? "Stop" : "Start"} machine ${plain(machine.name)}`,
      detail: machine.state,
      run: () => void screen.begin({ call: stop ? "stopMachine" : "startMachine", name: machine.name }),
    });
  }
  return result;
}

/** What fits the query, best first. */
export function entries(screen: Screen, query: string): Entry[] {
  if (query.trim() === "") return all(screen).slice(0, 12);
  return all(screen)
    .map((entry) => ({ entry, points: score(query, entry.text) || score(query, entry.detail) / 4 }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points)
    .slice(0, MOST)
    .map(({ entry }) => entry);
}
