import type { RunOptions } from "./generated/desktop";
import { t } from "./text/messages.svelte";

/** The form of the run dialog. */
export interface RunForm {
  image: string;
  name: string;
  command: string;
  ports: string;
  environment: string;
  volumes: string;
  remove: boolean;
  /** Names; empty is none, or the usual one. */
  pod: string;
  network: string;
}

/** One entry a line; ports and volumes may also be separated by commas or spaces. */
export function entries(text: string, separator: RegExp): string[] {
  return text
    .split(separator)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

/** What is wrong with the form, by field. The engine checks everything again. */
export function problems(form: RunForm): Partial<Record<keyof RunForm, string>> {
  const found: Partial<Record<keyof RunForm, string>> = {};
  if (form.image.trim() === "") found.image = t("Which image?");
  if (form.name !== "" && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(form.name.trim())) {
    found.name = t("Letters, digits, “_”, “.” and “-”; a letter or digit first.");
  }
  const port = entries(form.ports, /[\s,]+/).find(
    (entry) => !/^(\[[0-9a-fA-F:]+\]:|[0-9.]+:)?(\d{0,5}(-\d{1,5})?:)?\d{1,5}(-\d{1,5})?(\/(tcp|udp|sctp))?$/.test(entry),
  );
  if (port !== undefined) found.ports = t("“{entry}” is no port: write 8080:80.", { entry: port });
  const variable = entries(form.environment, /\n/).find((entry) => !/^[^=\s]+=/.test(entry));
  if (variable !== undefined) found.environment = t("“{entry}” is no variable: write NAME=value.", { entry: variable });
  const volume = entries(form.volumes, /\n/).find((entry) => !/^[^:]+:\/[^:]*(:[a-zA-Z,]+)?$/.test(entry));
  if (volume !== undefined) found.volumes = t("“{entry}” is no volume: write data:/path or /here:/there.", { entry: volume });
  return found;
}

/** The form as the core wants it. */
export function options(form: RunForm): RunOptions {
  return {
    image: form.image.trim(),
    name: form.name.trim(),
    command: form.command.trim(),
    ports: entries(form.ports, /[\s,]+/),
    environment: entries(form.environment, /\n/),
    volumes: entries(form.volumes, /\n/),
    remove: form.remove,
    pod: form.pod,
    // In a pod it is on the pod's networks.
    network: form.pod === "" ? form.network : "",
  };
}
