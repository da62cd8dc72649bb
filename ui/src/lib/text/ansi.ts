import { plain } from "./plain";

/** A piece of a line with one look. */
export interface Span {
  text: string;
  /** CSS classes: `ansi-1` … `ansi-15`, `ansi-bold`, `ansi-dim`, `ansi-italic`, `ansi-underline`. */
  look: string;
}

interface Look {
  color: number | undefined;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

const PLAIN: Look = { color: undefined, bold: false, dim: false, italic: false, underline: false };

/** CSI, OSC/DCS/PM/APC/SOS strings (also unterminated ones) and two-character escapes (ECMA-48). */
const ESCAPES =
  // eslint-disable-next-line no-control-regex
  /\u001b\[([0-?]*)[ -/]*([@-~])|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]|\u001b/g;

/** The last carriage return wins, as on a terminal that is written over. */
function overwritten(line: string): string {
  const text = line.replace(/\r+$/, "");
  return text.slice(text.lastIndexOf("\r") + 1);
}

/** A log line as spans of plain text; colours and weight are kept as classes, everything else is taken out. */
export function spans(line: string): Span[] {
  const text = overwritten(line);
  const result: Span[] = [];
  let look = PLAIN;
  let from = 0;
  const push = (to: number) => {
    if (to > from) result.push({ text: plain(text.slice(from, to)), look: classes(look) });
  };
  for (const match of text.matchAll(ESCAPES)) {
    push(match.index);
    from = match.index + match[0].length;
    if (match[2] === "m") look = change(look, match[1] ?? "");
  }
  push(text.length);
  return result;
}

/** The line without any escapes. */
export function bare(line: string): string {
  return plain(overwritten(line).replace(ESCAPES, ""));
}

function classes(look: Look): string {
  const names: string[] = [];
  if (look.color !== undefined) names.push(`ansi-${look.color}`);
  for (const name of ["bold", "dim", "italic", "underline"] as const) if (look[name]) names.push(`ansi-${name}`);
  return names.join(" ");
}

function change(look: Look, parameters: string): Look {
  const codes = parameters.split(/[;:]/).map((code) => Number(code) || 0);
  let next = { ...look };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) next = { ...PLAIN };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code >= 30 && code <= 37) next.color = code - 30;
    else if (code >= 90 && code <= 97) next.color = code - 82;
    else if (code === 39) next.color = undefined;
    else if (code === 38 || code === 48) {
      const kind = codes[at + 1];
      const index = codes[at + 2] ?? 0;
      if (kind === 5) {
        // Of the 256 colours only the sixteen named ones follow the theme; the rest stays in the text's colour.
        if (code === 38) next.color = index < 16 ? index : undefined;
        at += 2;
      } else if (kind === 2) {
        at += 4;
      }
    }
  }
  return next;
}
