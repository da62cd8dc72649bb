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
