/** Characters that move the cursor, turn the reading direction or show nothing: they could make a text lie. */
// eslint-disable-next-line no-control-regex
const TRICKS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/** A foreign text with such characters made visible as `<U+202E>`. */
export function plain(text: string): string {
  return text.replace(TRICKS, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}
