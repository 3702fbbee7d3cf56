// Numbers and times as people read them.

/** 12,345 or 1.2; nothing behind the point where that says nothing. */
export function number(value, digits = 0) {
  return Number.isFinite(value) ? value.toLocaleString("en", { maximumFractionDigits: digits }) : "–";
}

/** Dollars, to two digits that say something. */
export const dollars = (value) => (Number.isFinite(value) ? `$${value.toLocaleString("en", value < 1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2 })}` : "–");

/** Something a second. */
export const rate = (value) => (value > 0 && value < 10 ? number(value, 1) : number(value));

/** Seconds as 0.8 ms, 12 ms, 3.4 s, 5 min. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 0.01) return `${number(seconds * 1000, 1)} ms`;
  if (seconds < 1) return `${number(seconds * 1000)} ms`;
  return seconds < 120 ? `${number(seconds, 1)} s` : age(seconds);
}

/** How long that is, in its largest unit. */
export function age(seconds) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const [size, unit] = units.find(([one]) => seconds >= one) ?? [1, "s"];
  return `${number(Math.max(0, seconds) / size, seconds / size < 10 && size > 1 ? 1 : 0)} ${unit}`;
}

/** An ISO time seen from now: 12 s ago, in 4 min. */
export function ago(text, now = Date.now()) {
  if (!text) return "–";
  const seconds = (now - Date.parse(text)) / 1000;
  return seconds >= 0 ? `${age(seconds)} ago` : `in ${age(-seconds)}`;
}

/** An ISO time on this machine's clock. */
export function clock(text) {
  if (!text) return "–";
  const at = new Date(text);
  const day = at.toDateString() === new Date().toDateString() ? "" : `${at.toLocaleDateString("sv")} `;
  return `${day}${at.toLocaleTimeString("sv")}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** JSON with indents; what is none, as it is. */
export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Bytes as 3.4 MB. */
export function bytes(count) {
  const units = ["B", "kB", "MB", "GB"];
  const step = count > 0 ? Math.min(units.length - 1, Math.floor(Math.log10(count) / 3)) : 0;
  return `${number(count / 1000 ** step, step ? 1 : 0)} ${units[step]}`;
}

/** A word of a shell. */
export const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
