import type { ContainerDetails, ContainerRow, LimitsForm } from "./generated/desktop";
import { exactSize } from "./processes";
import { entries } from "./run";
import type { Form, Screen } from "./screen.svelte";
import { shortImage } from "./text/format";
import { t } from "./text/messages.svelte";
import { plain } from "./text/plain";

/** A file beside others of this computer, as long as the core knows a folder for it. */
export function proposed(screen: Screen, name: string): string {
  const folder = screen.model.downloads;
  const separator = folder.includes("\\") ? "\\" : "/";
  // What comes from an image or a container must not lead to another folder.
  const safe = name.replace(/[^\p{L}\p{M}\p{N}_.-]+/gu, "-").replace(/^\.+/, "");
  return folder === "" ? "" : `${folder}${folder.endsWith(separator) ? "" : separator}${safe || "file"}`;
}

const place = (screen: Screen, name: string) => ({
  name: "to",
  label: t("File on this computer"),
  hint: t("A whole path at which nothing is yet."),
  value: proposed(screen, name),
  required: true,
});

/** Limits and restart policy as they are; only what is changed is asked for. */
export function changeLimits(screen: Screen, row: ContainerRow, details: ContainerDetails): Form {
  const policy = details.restartPolicy === "" ? "no" : details.restartPolicy;
  const before = {
    memory: exactSize(details.memoryLimit),
    cpus: details.nanoCpus > 0 ? String(details.nanoCpus / 1e9) : "",
    processes: details.pidsLimit > 0 ? String(details.pidsLimit) : "",
    restart: policy,
    tries: details.restartTries > 0 ? String(details.restartTries) : "",
  };
  return {
    title: t("Limits of {name}", { name: plain(row.name) }),
    text: t("They hold at once, without a restart. Ports, mounts, networks and the command stay as they were made: for others, run another container."),
    fields: [
      { name: "memory", label: t("Memory"), value: before.memory, placeholder: t("no limit"), hint: t("Such as 512m or 2g. It can be changed, but not lifted.") },
      { name: "cpus", label: t("Processors"), value: before.cpus, placeholder: t("no limit"), hint: t("Such as 1.5; empty lifts the limit.") },
      { name: "processes", label: t("Processes and threads"), value: before.processes, placeholder: t("no limit"), hint: t("Empty lifts the limit.") },
      {
        name: "restart",
        label: t("When it ends"),
        kind: "choice",
        value: before.restart,
        choices: [
          ["no", t("it stays as it is")],
          ["on-failure", t("start it again after a failure")],
          ["always", t("start it again always")],
          ["unless-stopped", t("start it again unless it was stopped")],
        ],
      },
      { name: "tries", label: t("Most starts after failures"), value: before.tries, placeholder: t("any number") },
    ],
    act: t("Change"),
    run: async (values) => {
      const problem = limitsProblem(values, before.memory);
      if (problem !== undefined) throw new Error(problem);
      const limits = changedLimits(before, values);
      if (Object.values(limits).some((value) => value !== null)) {
        await screen.model.call({ call: "update", id: row.id, limits });
        screen.toast(t("Changed the limits of {name}", { name: plain(row.name) }));
      }
    },
  };
}

/** What is wrong with the form of limits; the engine checks everything again. */
export function limitsProblem(values: Record<string, string>, memoryBefore: string): string | undefined {
  const { memory = "", cpus = "", processes = "", restart = "", tries = "" } = values;
  const has = (text: string, pattern: RegExp) => text.trim() === "" || pattern.test(text.trim());
  if (!has(memory, /^\d+(\.\d+)? ?([bkmgt]|[kmgt]i?b)?$/i)) return t("“{entry}” is no size: write 512m or 2g.", { entry: memory });
  if (memory.trim() === "" && memoryBefore !== "") return t("A memory limit cannot be lifted while the container is there: raise it.");
  if (!has(cpus, /^\d+(\.\d+)?$/)) return t("“{entry}” is no number of processors: write 1.5.", { entry: cpus });
  if (!has(processes, /^[1-9]\d*$/)) return t("“{entry}” is no number of processes.", { entry: processes });
  if (!has(tries, /^\d+$/)) return t("“{entry}” is no number of starts.", { entry: tries });
  if (tries.trim() !== "" && restart !== "on-failure") return t("Only starts after failures are counted.");
  return undefined;
}

/** The limits that are other than before. */
export function changedLimits(before: Record<"memory" | "cpus" | "processes" | "restart" | "tries", string>, values: Record<string, string>): LimitsForm {
  const of = (name: keyof typeof before) => (values[name] ?? "").trim();
  const changed = (name: keyof typeof before) => (of(name) === before[name] ? null : of(name));
  const policy = (restart: string, tries: string) => (restart === "on-failure" && tries !== "" ? `${restart}:${tries}` : restart);
  const restart = policy(of("restart"), of("tries"));
  return {
    memory: changed("memory"),
    cpus: changed("cpus"),
    processes: changed("processes"),
    restart: restart === policy(before.restart, before.tries) ? null : restart,
  };
}

export function makePod(screen: Screen): Form {
  return {
    title: t("New pod"),
    text: t("Its containers reach each other on localhost, and these ports are theirs together."),
    fields: [
      { name: "name", label: t("Name"), placeholder: t("chosen for you") },
      { name: "ports", label: t("Ports"), placeholder: "8080:80, 5432:5432" },
    ],
    act: t("Make"),
    run: ({ name = "", ports = "" }) =>
      screen.model.call({ call: "createPod", name: name.trim(), ports: entries(ports, /[\s,]+/) }),
  };
}

export function makeNetwork(screen: Screen): Form {
  return {
    title: t("New network"),
    fields: [
      { name: "name", label: t("Name"), placeholder: "backend", required: true },
      { name: "subnet", label: t("Subnet"), placeholder: t("chosen for you"), hint: t("Such as 10.89.5.0/24.") },
      { name: "gateway", label: t("Gateway"), placeholder: t("the first address") },
      { name: "internal", label: t("Without a way out"), kind: "check" },
      { name: "ipv6", label: t("Also with IPv6 addresses"), kind: "check" },
    ],
    act: t("Make"),
    run: ({ name = "", subnet = "", gateway = "", internal, ipv6 }) =>
      screen.model.call({
        call: "createNetwork",
        options: {
          name: name.trim(),
          subnet: subnet.trim(),
          gateway: gateway.trim(),
          internal: internal === "yes",
          ipv6: ipv6 === "yes",
        },
      }),
  };
}

export function makeVolume(screen: Screen): Form {
  return {
    title: t("New volume"),
    fields: [{ name: "name", label: t("Name"), placeholder: t("chosen for you") }],
    act: t("Make"),
    run: ({ name = "" }) => screen.model.call({ call: "createVolume", name: name.trim() }),
  };
}

export function exportVolume(screen: Screen, name: string): Form {
  return {
    title: t("Export {name}", { name: plain(name) }),
    text: t("All its files go into a tar archive."),
    fields: [place(screen, `${name}.tar`)],
    act: t("Export"),
    run: ({ to = "" }) => screen.start({ call: "exportVolume", name, to }),
  };
}

export function importVolume(screen: Screen, name: string): Form {
  return {
    title: t("Import into {name}", { name: plain(name) }),
    text: t("What is in the archive is added; files of the same names are replaced."),
    fields: [{ name: "from", label: t("Archive on this computer"), hint: t("A whole path."), required: true }],
    act: t("Import"),
    run: ({ from = "" }) => screen.start({ call: "importVolume", name, from }),
  };
}

export function copyVolume(screen: Screen, name: string): Form {
  return {
    title: t("Copy {name}", { name: plain(name) }),
    text: t("Its files go into a new volume, without its labels and options. What containers write meanwhile may be in it by half."),
    fields: [{ name: "to", label: t("Name"), placeholder: t("chosen for you") }],
    act: t("Copy"),
    run: ({ to = "" }) => screen.start({ call: "copyVolume", name, to: to.trim() }),
  };
}

/** `path` is counted from the volume's root on. */
export function downloadOfVolume(screen: Screen, volume: string, path: string, directory: boolean): Form {
  const name = path.split("/").at(-1) ?? "file";
  return {
    title: t("Download {name}", { name: plain(name) }),
    text: directory ? t("A folder comes as a tar archive.") : undefined,
    fields: [place(screen, directory ? `${name}.tar` : name)],
    act: t("Download"),
    run: ({ to = "" }) => screen.start({ call: "downloadOfVolume", name: volume, path, to }),
  };
}

export function removeProject(screen: Screen, name: string): Form {
  return {
    title: t("Remove {what}?", { what: plain(name) }),
    text: t("Its containers are stopped and removed with what was written inside of them, then its networks. Its files on this computer stay."),
    fields: [{ name: "volumes", label: t("Also its volumes, with their data"), kind: "check" }],
    act: t("Remove"),
    run: ({ volumes }) => screen.start({ call: "removeProject", name, volumes: volumes === "yes" }),
  };
}

export function downKube(screen: Screen, text: string): Form {
  return {
    title: t("Take it down?"),
    text: t("The pods and secrets that the text describes are removed, with what was written inside of the containers."),
    fields: [{ name: "volumes", label: t("Also its volumes, with their data"), kind: "check" }],
    act: t("Take down"),
    run: ({ volumes }) => screen.start({ call: "downKube", text, volumes: volumes === "yes" }),
  };
}

export function makeSecret(screen: Screen): Form {
  return {
    title: t("New secret"),
    fields: [
      { name: "name", label: t("Name"), placeholder: "db-password", required: true },
      { name: "data", label: t("Data"), kind: "password", required: true },
    ],
    act: t("Keep"),
    run: ({ name = "", data = "" }) => screen.model.call({ call: "createSecret", name: name.trim(), data, replace: false }),
  };
}

export function replaceSecret(screen: Screen, name: string): Form {
  return {
    title: t("New data for {name}", { name: plain(name) }),
    text: t("Containers that are made from now on get it; those that are there keep what they have."),
    fields: [{ name: "data", label: t("Data"), kind: "password", required: true }],
    act: t("Replace"),
    run: ({ data = "" }) => screen.model.call({ call: "createSecret", name, data, replace: true }),
  };
}

export function tagImage(screen: Screen, id: string, name: string): Form {
  return {
    title: t("Another name for {name}", { name: plain(shortImage(name)) }),
    text: t("To push an image somewhere, give it a name that begins with the registry."),
    fields: [{ name: "name", label: t("Name"), placeholder: "quay.io/team/app:1.0", value: name, required: true }],
    act: t("Add the name"),
    run: ({ name: next = "" }) => screen.model.call({ call: "tag", id, name: next.trim() }),
  };
}

export function pushImage(screen: Screen, names: string[]): Form {
  const first = names[0] ?? "";
  return {
    title: t("Push {name}", { name: plain(shortImage(first)) }),
    text: t("It goes to the registry that its name begins with. Another name is given with “Tag”."),
    fields: [
      { name: "image", label: t("Name"), kind: "choice", value: first, choices: names.map((name) => [name, plain(name)]) },
    ],
    act: t("Push"),
    run: ({ image = "" }) => screen.start({ call: "push", image }),
  };
}

export function saveImages(screen: Screen, names: string[]): Form {
  const first = names[0] ?? "image";
  return {
    title: names.length === 1 ? t("Save {name}", { name: plain(shortImage(first)) }) : t("Save {count} images", { count: names.length }),
    fields: [
      place(screen, `${names.length === 1 ? shortImage(first) : "images"}.tar`),
      {
        name: "format",
        label: t("Format"),
        kind: "choice",
        value: "docker",
        choices: names.length === 1
          ? [["docker", t("As docker save writes it")], ["oci", t("OCI archive")]]
          : [["docker", t("As docker save writes it")]],
      },
    ],
    act: t("Save"),
    run: ({ to = "", format }) => screen.start({ call: "saveImages", names, format: format === "oci" ? "oci" : "docker", to }),
  };
}

export function loadImages(screen: Screen): Form {
  return {
    title: t("Load images from a file"),
    fields: [{ name: "from", label: t("Archive on this computer"), placeholder: proposed(screen, "image.tar"), hint: t("A whole path."), required: true }],
    act: t("Load"),
    run: ({ from = "" }) => screen.start({ call: "loadImages", from }),
  };
}

export function download(screen: Screen, id: string, path: string, directory: boolean): Form {
  const name = path.split("/").filter(Boolean).at(-1) ?? "root";
  return {
    title: t("Download {name}", { name: plain(name) }),
    text: directory ? t("A folder comes as a tar archive.") : undefined,
    fields: [place(screen, directory ? `${name}.tar` : name)],
    act: t("Download"),
    run: ({ to = "" }) => screen.start({ call: "download", id, path, to }),
  };
}

/** `begun` is told the task's number. */
export function upload(screen: Screen, id: string, folder: string, begun: (task: number) => void): Form {
  return {
    title: t("Upload into {name}", { name: plain(folder) }),
    text: t("A file of the same name is replaced."),
    fields: [{ name: "from", label: t("File on this computer"), placeholder: proposed(screen, "settings.json"), hint: t("A whole path."), required: true }],
    act: t("Upload"),
    run: async ({ from = "" }) => {
      const reply = await screen.model.call({ call: "upload", id, from: from.trim(), to: folder });
      screen.tasksOpen = true;
      if (reply.reply === "task") begun(reply.id);
    },
  };
}

export function saveReport(screen: Screen, text: string): Form {
  return {
    title: t("Save a report"),
    text: t("What is shown here, with what the engine says of itself and its host: a text that you can read before you give it to somebody. It goes nowhere by itself."),
    fields: [place(screen, "cove-report.txt")],
    act: t("Save"),
    run: async ({ to = "" }) => {
      await screen.model.call({ call: "saveReport", to: to.trim(), screen: text });
      screen.toast(t("Saved as {place}", { place: plain(to.trim()) }));
    },
  };
}

export function login(screen: Screen, done: () => void, registry = ""): Form {
  return {
    title: t("Log in to a registry"),
    text: t("The registry is asked, and the login is kept where podman and docker look for it, too."),
    fields: [
      { name: "registry", label: t("Registry"), placeholder: "quay.io", value: registry, required: true },
      { name: "username", label: t("User name"), required: true },
      { name: "password", label: t("Password or token"), kind: "password", required: true },
    ],
    act: t("Log in"),
    run: async ({ registry: where = "", username = "", password = "" }) => {
      await screen.model.call({ call: "login", registry: where.trim(), username: username.trim(), password });
      done();
    },
  };
}
