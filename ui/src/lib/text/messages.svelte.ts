/** A language of the screen. */
export type Language = "en" | "ko";
type Values = Record<string, string | number>;

export const LANGUAGES: { language: Language; label: string }[] = [
  { language: "en", label: "English" },
  { language: "ko", label: "한국어" },
];

const KEY = "cove.language";

function first(): Language {
  const stored = localStorage.getItem(KEY);
  if (stored === "en" || stored === "ko") return stored;
  return navigator.languages.some((name) => name.toLowerCase().startsWith("ko")) ? "ko" : "en";
}

/** The language of the screen and its texts. English ones are their own keys, so what has no translation shows English. */
class Messages {
  language = $state<Language>("en");
  #texts = $state.raw<Readonly<Record<string, string>>>({});

  /** The language that was chosen, else the system's. */
  async start(): Promise<void> {
    const language = first();
    if (language !== "en") await this.#use(language);
  }

  /** Another language, from now on and next time. */
  async choose(language: Language): Promise<void> {
    localStorage.setItem(KEY, language);
    await this.#use(language);
  }

  async #use(language: Language): Promise<void> {
    this.#texts = language === "ko" ? (await import("./ko")).ko : {};
    this.language = language;
    document.documentElement.lang = language;
  }

  text(key: string): string {
    return this.#texts[key] ?? key;
  }
}

export const messages = new Messages();

/** A text in the language of the screen, with `{name}` replaced by the value of that name. */
export function t(text: string, values?: Values): string {
  return filled(messages.text(text), values);
}

/** `text` with `{name}` replaced by the value of that name; in one pass, so that a value is never read as a place. */
export function filled(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}
