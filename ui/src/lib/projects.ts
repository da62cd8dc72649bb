import type { Application } from "./applications";
import type { PartState, PlannedChange, PlannedService, ProfileRow, ProjectFault, ProjectForm, VariableRow } from "./generated/desktop";
import { t } from "./text/messages.svelte";

/** A project of files that are known: one that is to be brought up again. */
export interface KnownProject {
  name: string;
  folder: string;
  files: string[];
  envFiles: string[];
}

/** What is filled in to bring a project up. */
export interface UpForm {
  path: string;
  name: string;
  /** Those that were chosen; nothing as long as none was. */
  profiles: string[] | null;
  values: Record<string, string>;
  build: boolean;
  pull: boolean;
  recreate: boolean;
  removeOrphans: boolean;
}

export const EMPTY: UpForm = { path: "", name: "", profiles: null, values: {}, build: false, pull: false, recreate: false, removeOrphans: false };

/** Whether a path of this computer is whole. */
export function isWhole(path: string): boolean {
  return /^(\/|[a-zA-Z]:[\\/])/.test(path.trim());
}

/** A project of the list, as far as its containers tell where its files are. */
export function known(one: Application): KnownProject | undefined {
  if (one.files.length === 0) return undefined;
  const envFiles = [...new Set(one.containers.flatMap((row) => row.project?.envFiles ?? []))];
  return { name: one.id, folder: one.folder, files: one.files, envFiles };
}

/** The form as the core wants it. */
export function projectForm(form: UpForm, of: KnownProject | undefined): ProjectForm {
  const values = Object.entries(form.values).filter(([, value]) => value !== "");
  return {
    files: of?.files ?? [form.path.trim()],
    folder: of?.folder ?? "",
    name: of?.name ?? form.name.trim(),
    envFiles: of?.envFiles ?? [],
    profiles: form.profiles,
    values: values.map(([name, value]) => `${name}=${value}`),
    build: form.build,
    pull: form.pull,
    recreate: form.recreate,
    removeOrphans: form.removeOrphans,
  };
}

/** The profiles once one of them was chosen, or not any more. */
export function toggled(rows: readonly ProfileRow[], name: string): string[] {
  return rows.filter((row) => row.active !== (row.name === name)).map((row) => row.name);
}

/** Whether a variable's value is better not shown while it is written. */
export function isSecret(name: string): boolean {
  return /pass|secret|token|key|credential/i.test(name);
}

/** The variables that are asked for, and the others. */
export function asked(rows: readonly VariableRow[], values: Record<string, string>): [VariableRow[], VariableRow[]] {
  // What was written here stays where it is written.
  const here = (row: VariableRow) => row.asked || (values[row.name] ?? "") !== "";
  return [rows.filter(here), rows.filter((row) => !here(row))];
}

/** Where something is and what is wrong with it. */
export function faultText({ file, line, path, message }: ProjectFault): string {
  const name = file.split(/[\\/]/).at(-1) ?? file;
  const place = line > 0 ? [name, t("line {line}", { line })].filter((part) => part !== "").join(", ") : name;
  return [place, path, message].filter((part) => part !== "").join(": ");
}

/** In what a container is not what the file describes. */
export function changeText({ kind, what }: PlannedChange): string {
  switch (kind) {
    case "forced":
      return t("all are made anew");
    case "imageName":
      return t("the image is {what}", { what });
    case "image":
      return t("the image is a newer one");
    case "network":
      return t("it joins the network {what}", { what });
    case "volume":
      return t("it gets the volume {what}", { what });
    case "variable":
      return t("the variable {what} has another value", { what });
    case "ports":
      return what === "" ? t("no port is published") : t("the ports are {what}", { what });
    case "command":
      return t("the command is {what}", { what });
    case "other":
      return t("its description is another");
  }
}

export type PlanTone = "new" | "change" | "keep" | "gone";

/** What is done for a service, in short. */
export function serviceActs(service: PlannedService): { tone: PlanTone; text: string }[] {
  const acts: { tone: PlanTone; text: string }[] = [];
  if (service.create === 1) acts.push({ tone: "new", text: t("new") });
  else if (service.create > 1) acts.push({ tone: "new", text: t("{count} new", { count: service.create }) });
  if (service.replaced.length > 0) acts.push({ tone: "change", text: t("made anew") });
  if (service.removed.length > 0) acts.push({ tone: "gone", text: t("{names} goes", { names: service.removed.join(", ") }) });
  if (service.kept.length > 0) acts.push({ tone: "keep", text: t("stays") });
  return acts;
}

/** What is done about a network or volume. */
export function partText(state: PartState, volume: boolean): { tone: PlanTone; text: string } {
  switch (state) {
    case "missing":
      return { tone: "new", text: t("new") };
    case "kept":
    case "external":
      return { tone: "keep", text: t("there") };
    case "foreign":
      return { tone: "keep", text: t("there, and not of this project") };
    case "diverged":
      return volume
        ? { tone: "change", text: t("described otherwise; stays with its data") }
        : { tone: "change", text: t("made anew") };
  }
}
