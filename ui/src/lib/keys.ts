/** Whether keys typed into `target` are text. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select, [data-editor]"))
  );
}

/** One key without Ctrl, Alt or Meta, in lower case; empty where one of them is held. */
export function single(event: KeyboardEvent): string {
  if (event.ctrlKey || event.altKey || event.metaKey) return "";
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

/** Ctrl (or Command) and this key. */
export function command(event: KeyboardEvent, key: string): boolean {
  return (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === key;
}

/** What the sheet shows. */
export const SHEET: { title: string; keys: [string[], string][] }[] = [
  {
    title: "Everywhere",
    keys: [
      [["Ctrl", "1 2 … 0"], "The pages"],
      [["Ctrl", "E"], "Applications"],
      [["Ctrl", "K"], "Find an act or an object"],
      [["/"], "Filter the list"],
      [["Ctrl", "F"], "Search the open log"],
      [["Esc"], "Close, go back"],
      [["?"], "This sheet"],
    ],
  },
  {
    title: "In a list",
    keys: [
      [["↑", "↓"], "Move (also K, J)"],
      [["Home", "End"], "First, last"],
      [["Space"], "Select for a joint act"],
      [["Enter"], "Open"],
      [["Delete"], "Remove"],
    ],
  },
  {
    title: "On a container",
    keys: [
      [["S"], "Start or stop"],
      [["R"], "Restart"],
      [["P"], "Pause or resume"],
      [["L"], "Logs"],
      [["T"], "Terminal"],
      [["F"], "Files"],
      [["U"], "Stats"],
      [["O"], "Processes"],
      [["I"], "Inspect"],
    ],
  },
  {
    title: "On an image",
    keys: [
      [["R"], "Run"],
      [["T"], "Tag"],
      [["P"], "Push"],
      [["D"], "Save to a file"],
    ],
  },
  {
    title: "On a pod, an application or a machine",
    keys: [
      [["S"], "Start or stop"],
      [["R"], "Restart the pod or the application"],
      [["U"], "Bring the application up again; use the machine's engine"],
    ],
  },
];
