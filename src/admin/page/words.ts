/** A number of things: `0.5`, `1,234`, or in short `12.3k`. */
export function countWords(count: number): string {
  if (count < 10 && !Number.isInteger(count)) return count.toFixed(1);
  if (count < 10_000) return Math.round(count).toLocaleString("en");
  return shortWords(count, ["", "k", "M", "G"]);
}

/** A number of bytes: `512 B`, `1.2 kB`. */
export function byteWords(bytes: number): string {
  return shortWords(bytes, [" B", " kB", " MB", " GB", " TB", " PB"]);
}

/** A time in one unit: `850 ms`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function timeWords(ms: number): string {
  const units = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1000, "s"],
  ] as const;
  const [size, unit] = units.find(([least]) => ms >= least) ?? [1, "ms"];
  return `${Math.floor(ms / size)} ${unit}`;
}

/** A short time: `0.35 ms`, `12 ms`. */
export function latencyWords(ms: number): string {
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${Math.round(ms).toLocaleString("en")} ms`;
}

/** How the last heartbeats ended: `the last 30 answered`, `2 of the last 30 missed`. */
export function heartbeatWords(outcomes: string): string {
  if (outcomes === "") return "no heartbeats so far";
  const missed = [...outcomes].filter((outcome) => outcome === "-").length;
  return missed === 0
    ? `the last ${outcomes.length} heartbeats answered`
    : `${missed} of the last ${outcomes.length} heartbeats missed`;
}

function shortWords(value: number, units: readonly string[]): string {
  const power = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return `${power > 0 && scaled < 100 ? scaled.toFixed(1) : Math.round(scaled)}${units[power]}`;
}
