import type { Component } from "svelte";

import type { IconName } from "../components/shared/Icon.svelte";
import Containers from "../views/Containers.svelte";
import Images from "../views/Images.svelte";
import Machines from "../views/Machines.svelte";
import Networks from "../views/Networks.svelte";
import Volumes from "../views/Volumes.svelte";
import { rowsOf } from "./collection";
import type { Model } from "./model.svelte";
import type { Page } from "./screen.svelte";

/** A page, as the sidebar, the palette, the keys and the window know it. */
export interface PageEntry {
  page: Page;
  label: string;
  icon: IconName;
  view: Component;
}

/** The pages in the order of their keys, Ctrl and 1, 2, … */
export const PAGES: PageEntry[] = [
  { page: "containers", label: "Containers", icon: "box", view: Containers },
  { page: "images", label: "Images", icon: "layers", view: Images },
  { page: "networks", label: "Networks", icon: "network", view: Networks },
  { page: "volumes", label: "Volumes", icon: "disk", view: Volumes },
  { page: "machines", label: "Machines", icon: "server", view: Machines },
];

/** How many things a page lists. */
export function size(model: Model, page: Page): number {
  return page === "machines" ? model.machines.length : rowsOf(model.rows, page).size;
}
