import type { Component } from "svelte";

import type { IconName } from "../components/shared/Icon.svelte";
import Containers from "../views/Containers.svelte";
import { rowsOf } from "./collection";
import type { Model } from "./model.svelte";
import type { Page } from "./screen.svelte";

/** A page, as the sidebar, the palette, the keys and the window know it. */
export interface PageEntry {
  page: Page;
  /** A key of the messages. */
  label: string;
  icon: IconName;
  /** Brings its view; all but the first one are brought when they are wanted. */
  view: () => Promise<Component>;
  /** The key that opens it, with Ctrl. */
  key: string;
}

/** The pages in the order of the sidebar. */
export const PAGES: PageEntry[] = [
  { page: "containers", label: "Containers", icon: "box", key: "1", view: () => Promise.resolve(Containers) },
  { page: "applications", label: "Applications", icon: "apps", key: "e", view: async () => (await import("../views/Applications.svelte")).default },
  { page: "pods", label: "Pods", icon: "pod", key: "2", view: async () => (await import("../views/Pods.svelte")).default },
  { page: "images", label: "Images", icon: "layers", key: "3", view: async () => (await import("../views/Images.svelte")).default },
  { page: "networks", label: "Networks", icon: "network", key: "4", view: async () => (await import("../views/Networks.svelte")).default },
  { page: "volumes", label: "Volumes", icon: "disk", key: "5", view: async () => (await import("../views/Volumes.svelte")).default },
  { page: "secrets", label: "Secrets", icon: "key", key: "6", view: async () => (await import("../views/Secrets.svelte")).default },
  { page: "machines", label: "Machines", icon: "server", key: "7", view: async () => (await import("../views/Machines.svelte")).default },
  { page: "registries", label: "Registries", icon: "cloud", key: "8", view: async () => (await import("../views/Registries.svelte")).default },
  { page: "system", label: "System", icon: "gauge", key: "9", view: async () => (await import("../views/System.svelte")).default },
  { page: "settings", label: "Settings", icon: "gear", key: "0", view: async () => (await import("../views/Settings.svelte")).default },
];

/** How many things a page lists; 0 where it lists none. */
export function size(model: Model, page: Page): number {
  switch (page) {
    case "applications":
      return model.projects;
    case "machines":
      return model.machines.length;
    case "registries":
    case "system":
    case "settings":
      return 0;
    default:
      return rowsOf(model.rows, page).size;
  }
}
