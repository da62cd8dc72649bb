export type Theme = "system" | "light" | "dark";

const KEY = "cove.theme";
const ORDER: Theme[] = ["system", "light", "dark"];

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

/** Light, dark, or as the system says. */
class ThemeChoice {
  value = $state<Theme>("system");

  start(): void {
    this.set(stored());
  }

  set(value: Theme): void {
    this.value = value;
    if (value === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = value;
    localStorage.setItem(KEY, value);
  }

  next(): void {
    this.set(ORDER[(ORDER.indexOf(this.value) + 1) % ORDER.length] ?? "system");
  }
}

export const theme = new ThemeChoice();

export type Contrast = "system" | "more" | "usual";

const CONTRAST = "cove.contrast";

/** How strongly things stand out: as the system says, more, or as usual. */
class ContrastChoice {
  value = $state<Contrast>("system");
  /** Whether it is high at this moment. */
  high = $state(false);

  start(): void {
    const value = localStorage.getItem(CONTRAST);
    this.set(value === "more" || value === "usual" ? value : "system");
    matchMedia("(prefers-contrast: more)").addEventListener("change", () => this.#show());
  }

  set(value: Contrast): void {
    this.value = value;
    localStorage.setItem(CONTRAST, value);
    this.#show();
  }

  #show(): void {
    this.high = this.value === "more" || (this.value === "system" && matchMedia("(prefers-contrast: more)").matches);
    if (this.high) document.documentElement.dataset["contrast"] = "more";
    else delete document.documentElement.dataset["contrast"];
  }
}

export const contrast = new ContrastChoice();
