import { isLive } from "./containers";
import { loadImages, makeNetwork, makePod, makeSecret, makeVolume } from "./forms";
import type { IconName } from "../components/shared/Icon.svelte";
import { stops } from "./machines";
import { PAGES } from "./pages";
import type { Screen } from "./screen.svelte";
import { shortImage } from "./text/format";
import { t } from "./text/messages.svelte";
import { plain } from "./text/plain";
import { score } from "./text/search";
import { contrast, theme } from "./theme.svelte";

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
    ...PAGES.map(({ page, label, icon, key }) => ({
      key: `go:${page}`,
      icon,
      text: t(label),
      detail: `Ctrl+${key}`,
      run: () => screen.go(page),
    })),
    { key: "run", icon: "plus", text: t("Run an image"), detail: "", run: () => (screen.dialog = { kind: "run", image: "" }) },
    { key: "pull", icon: "down", text: t("Pull an image"), detail: "", run: () => (screen.dialog = { kind: "pull" }) },
    { key: "build", icon: "hammer", text: t("Build an image"), detail: "", run: () => (screen.dialog = { kind: "build" }) },
    { key: "up", icon: "apps", text: t("Start an application from a file"), detail: "Compose", run: () => (screen.dialog = { kind: "up" }) },
    { key: "load", icon: "folder", text: t("Load images from a file"), detail: "", run: () => screen.form(loadImages(screen)) },
    { key: "pod", icon: "pod", text: t("New pod"), detail: "", run: () => screen.form(makePod(screen)) },
    { key: "network", icon: "network", text: t("New network"), detail: "", run: () => screen.form(makeNetwork(screen)) },
    { key: "volume", icon: "disk", text: t("New volume"), detail: "", run: () => screen.form(makeVolume(screen)) },
    { key: "secret", icon: "key", text: t("New secret"), detail: "", run: () => screen.form(makeSecret(screen)) },
    { key: "tasks", icon: "tasks", text: t("Show tasks"), detail: "", run: () => (screen.tasksOpen = true) },
    { key: "keys", icon: "keyboard", text: t("Keys"), detail: "?", run: () => (screen.dialog = { kind: "keys" }) },
    { key: "light", icon: "sun", text: t("Light colours"), detail: "", run: () => theme.set("light") },
    { key: "dark", icon: "moon", text: t("Dark colours"), detail: "", run: () => theme.set("dark") },
    { key: "contrast", icon: "gear", text: contrast.high ? t("Usual contrast") : t("High contrast"), detail: "", run: () => contrast.set(contrast.high ? "usual" : "more") },
    { key: "system", icon: "monitor", text: t("Colours of the system"), detail: "", run: () => theme.set("system") },
  ];
  for (const connection of model.connections) {
    if (connection.id === model.health.connection || !connection.available) continue;
    result.push({
      key: `use:${connection.id}`,
      icon: "server",
      text: t("Use {name}", { name: plain(connection.label) }),
      detail: t("connection"),
      run: () => void screen.work([], () => model.call({ call: "connect", connection: connection.id })),
    });
  }
  for (const row of model.containers.values()) {
    const name = plain(row.name);
    const detail = plain(shortImage(row.image));
    result.push({ key: `c:${row.id}`, icon: "box", text: name, detail, run: () => screen.open(row.id, "summary") });
    result.push({ key: `l:${row.id}`, icon: "logs", text: t("Logs of {name}", { name }), detail, run: () => screen.open(row.id, "logs") });
    const live = isLive(row);
    if (row.state === "running") {
      result.push({ key: `t:${row.id}`, icon: "terminal", text: t("Terminal in {name}", { name }), detail, run: () => screen.open(row.id, "terminal") });
    }
    result.push({
      key: `s:${row.id}`,
      icon: live ? "stop" : "play",
      text: t(live ? "Stop {name}" : "Start {name}", { name }),
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
      text: t("Run {name}", { name: plain(shortImage(name)) }),
      detail: t("image"),
      run: () => (screen.dialog = { kind: "run", image: name }),
    });
  }
  for (const machine of model.machines) {
    const stop = stops(machine);
    result.push({
      key: `m:${machine.name}`,
      icon: stop ? "stop" : "play",
      text: t(stop ? "Stop machine {name}" : "Start machine {name}", { name: plain(machine.name) }),
      detail: t(machine.state),
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
