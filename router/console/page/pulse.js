// What the daemon's figures were in the last minutes: looked at every two seconds, by all pages.

import { get, metrics } from "./api.js";
import { grown, parse } from "./metrics.js";

export const EVERY = 2000; // milliseconds
const LOOKS = 31; // about a minute
const POINTS = 150; // about five

export const pulse = { looks: [], invocations: [], errors: [], status: null, ps: [], lost: "" };
const readers = new Set();

/** Call *reader* after every look, until what is given is called. */
export function onPulse(reader) {
  readers.add(reader);
  if (pulse.status) reader();
  return () => readers.delete(reader);
}

/** The looks that rates are made of: the oldest that is kept, the one before the last, and the last. */
export const span = () => ({ first: pulse.looks[0]?.found, before: pulse.looks.at(-2), last: pulse.looks.at(-1) });

/** Something a second between the last two looks. */
export function perSecond(name, wanted = {}) {
  const { before, last } = span();
  return before ? (grown(before.found, last.found, name, wanted) * 1000) / (last.at - before.at) : 0;
}

const failed = (outcome) => outcome !== "ok";
export const FAILED = { outcome: failed };

/** Look now. Raises Refused. */
export async function look() {
  try {
    const [text, status, ps] = await Promise.all([metrics(), get("/status"), get("/ps")]);
    if (pulse.status && status.started !== pulse.status.started) pulse.looks = [];
    pulse.looks.push({ at: performance.now(), found: parse(text) });
    Object.assign(pulse, { status, ps, lost: "" });
    if (pulse.looks.length > LOOKS) pulse.looks.shift();
    if (pulse.looks.length > 1) {
      add(pulse.invocations, perSecond("router_invocations_total"));
      add(pulse.errors, perSecond("router_invocations_total", FAILED));
    }
  } catch (error) {
    if (error.status === 401) throw error;
    pulse.lost = error instanceof TypeError ? "the daemon does not answer" : error.message;
  }
  for (const reader of [...readers]) reader();
}

function add(points, value) {
  points.push(value);
  if (points.length > POINTS) points.shift();
}
