import type { LogEntry } from "./generated/desktop";
import { bare, spans, type Span } from "./text/ansi";

export interface LogLine {
  key: number;
  time: number;
  error: boolean;
  /** Which of several it is from. */
  source: number;
  spans: Span[];
  bare: string;
}

export interface LogBlock {
  key: number;
  lines: LogLine[];
}

const BLOCK = 100;
const MOST_BLOCKS = 60;

/** The last lines of a log, in blocks so that only the last block is drawn again when lines come. */
export class LogBuffer {
  blocks = $state.raw<LogBlock[]>([]);
  /** How many old lines were let go. */
  dropped = $state(0);
  #next = 0;

  push(entries: LogEntry[]): void {
    const blocks = [...this.blocks];
    for (const entry of entries) {
      const line = {
        key: this.#next++,
        time: entry.time,
        error: entry.error,
        source: entry.source,
        spans: spans(entry.text),
        bare: bare(entry.text),
      };
      const last = blocks.at(-1);
      if (last && last.lines.length < BLOCK) blocks[blocks.length - 1] = { key: last.key, lines: [...last.lines, line] };
      else blocks.push({ key: line.key, lines: [line] });
    }
    while (blocks.length > MOST_BLOCKS) this.dropped += blocks.shift()?.lines.length ?? 0;
    this.blocks = blocks;
  }

  clear(): void {
    this.blocks = [];
    this.dropped = 0;
  }

  /** Everything that is kept, with the names of who wrote it where there are several. */
  text(names: readonly string[] = []): string {
    const of = (line: LogLine) => (names.length > 0 ? `${names[line.source] ?? "?"} | ${line.bare}\n` : `${line.bare}\n`);
    return this.blocks.map((block) => block.lines.map(of).join("")).join("");
  }
}
