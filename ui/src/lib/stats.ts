import type { StatsSample } from "./generated/desktop";

/** Samples that are kept: five minutes of them. */
const MOST = 300;

/** A line of the charts. */
export interface Series {
  /** Values, oldest first. */
  values: number[];
  latest: number;
  /** What the chart's full height stands for. */
  top: number;
}

/** The samples with one more; the oldest go. */
export function kept(samples: readonly StatsSample[], sample: StatsSample): StatsSample[] {
  return [...samples.slice(-(MOST - 1)), sample];
}

/** What grew between each two samples, in a second. A count that began anew is no growth. */
export function rates(samples: readonly StatsSample[], of: (sample: StatsSample) => number): number[] {
  return samples.slice(1).map((sample, at) => {
    const before = samples[at] as StatsSample;
    const seconds = (sample.time - before.time) / 1000;
    return seconds > 0 ? Math.max(0, of(sample) - of(before)) / seconds : 0;
  });
}

/** A series whose chart is as high as its limit, or else as its highest value. */
export function series(values: number[], limit: number, least: number): Series {
  return { values, latest: values.at(-1) ?? 0, top: limit > 0 ? limit : Math.max(least, ...values) };
}

/** The points of a chart of `width` and `height`, for a polyline; the newest is at the right. */
export function points({ values, top }: Series, width: number, height: number): string {
  const step = width / (MOST - 1);
  const left = width - (values.length - 1) * step;
  return values
    .map((value, at) => `${(left + at * step).toFixed(1)},${(height - (Math.min(value, top) / top) * height).toFixed(1)}`)
    .join(" ");
}
