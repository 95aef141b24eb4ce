/** From nothing to the most. */
const BARS = "▁▂▃▄▅▆▇█";

/**
 * Draws values as a row of bars, one character each, the oldest first; the highest bar is the largest of them.
 *
 * Nothing at all is the lowest bar, and so is 0; what is more than 0 is higher.
 *
 * @param width Characters; with fewer values the row begins with spaces.
 */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const most = Math.max(...shown, 0);
  const bars = shown.map((value) => {
    const height = most === 0 ? 0 : Math.ceil((Math.max(0, value) / most) * (BARS.length - 1));
    return BARS.charAt(height);
  });
  return bars.join("").padStart(width);
}
