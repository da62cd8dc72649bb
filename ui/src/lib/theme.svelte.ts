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
