import type { Grouping } from "./containers";

/** How much larger everything is drawn. */
const SIZES = [0.9, 1, 1.1, 1.25, 1.5] as const;
const KEY = "cove.zoom";

/** The size of everything on the screen. */
class Zoom {
  value = $state<number>(1);
  readonly sizes: readonly number[] = SIZES;

  start(): void {
    const stored = Number(localStorage.getItem(KEY));
    this.set(this.sizes.includes(stored) ? stored : 1);
  }

  set(value: number): void {
    this.value = value;
    document.documentElement.style.setProperty("zoom", value === 1 ? "" : String(value));
    localStorage.setItem(KEY, String(value));
  }
}

export const zoom = new Zoom();

const GROUPING = "cove.grouping";

/** What holds containers together in their list. */
class Groups {
  value = $state<Grouping>("own");

  start(): void {
    const stored = localStorage.getItem(GROUPING);
    if (stored === "image" || stored === "none") this.value = stored;
  }

  set(value: Grouping): void {
    this.value = value;
    localStorage.setItem(GROUPING, value);
  }
}

export const groups = new Groups();
