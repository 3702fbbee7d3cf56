// Prometheus's text format, and what two looks at it say together. Nothing here knows the page or the clock.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Text → Map of name → [{labels, value}]. */
export function parse(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    const match = line.startsWith("#") ? null : LINE.exec(line);
    if (!match) continue;
    const labels = Object.fromEntries([...(match[2] ?? "").matchAll(LABEL)].map(([, name, value]) => [name, unescaped(value)]));
    if (!found.has(match[1])) found.set(match[1], []);
    found.get(match[1]).push({ labels, value: Number(match[3]) });
  }
  return found;
}

const unescaped = (value) => value.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter));

/** The sum over the samples of a name whose labels have these values. */
export function sum(metrics, name, wanted = {}) {
  return (metrics.get(name) ?? []).filter((one) => fits(one.labels, wanted)).reduce((total, one) => total + one.value, 0);
}

const fits = (labels, wanted) => Object.entries(wanted).every(([key, value]) => (typeof value === "function" ? value(labels[key]) : labels[key] === value));

/** How much a counter grew; one that a restart set back grew by what it shows. */
export function grown(before, now, name, wanted = {}) {
  const [then, at] = [before ? sum(before, name, wanted) : 0, sum(now, name, wanted)];
  return at < then ? at : at - then;
}

const bound = (text) => (text === "+Inf" ? Infinity : Number(text));

/** A quantile (0…1) of what a histogram was told between two looks, in its unit; NaN when it was told nothing. */
export function quantile(before, now, name, q, wanted = {}) {
  const bounds = [...new Set((now.get(`${name}_bucket`) ?? []).map((one) => bound(one.labels.le)))].sort((a, b) => a - b);
  const counts = bounds.map((top) => grown(before, now, `${name}_bucket`, { ...wanted, le: (text) => bound(text) === top }));
  const rank = q * (counts.at(-1) ?? 0);
  if (!counts.at(-1)) return NaN;
  const at = counts.findIndex((count) => count >= rank);
  const [low, below] = at ? [bounds[at - 1], counts[at - 1]] : [0, 0];
  if (bounds[at] === Infinity) return low;
  return low + ((bounds[at] - low) * (rank - below)) / (counts[at] - below || 1);
}
