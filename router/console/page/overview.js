// How it goes: rates, what waits, what fails first, and what was accepted last.

import { get } from "./api.js";
import { fill, h, table } from "./dom.js";
import { grown, quantile, sum } from "./metrics.js";
import { badge, header, sparkline, tile } from "./parts.js";
import { FAILED, onPulse, perSecond, pulse, span } from "./pulse.js";
import { age, ago, dollars, duration, number, rate } from "./words.js";

const DURATION = "router_invocation_duration_seconds";

export async function show(place) {
  const [problems, tiles, functions, events] = [h("div"), h("div", { class: "tiles" }), h("section"), h("section")];
  fill(place, header("Overview"), problems, tiles, functions, events);
  const stop = onPulse(() => {
    fill(problems, pulse.status.problems.map((text) => h("p", { class: "problem" }, text)));
    fill(tiles, figures());
    fill(functions, h("h2", {}, "Functions"), list(pulse.ps));
    recent(events);
  });
  return stop;
}

function figures() {
  const { first, last } = span();
  const total = (key) => pulse.ps.reduce((count, row) => count + row[key], 0);
  const [invocations, errors] = [perSecond("router_invocations_total"), perSecond("router_invocations_total", FAILED)];
  const commits = grown(first, last.found, "router_store_commits");
  const environments = sum(last.found, "router_environments");
  return [
    tile("Invocations", `${rate(invocations)}/s`, { note: `${number(total("requests"))} since the start`, drawing: sparkline(pulse.invocations, pulse.errors) }),
    tile("Errors", `${rate(errors)}/s`, { note: `${number(total("errors"))} since the start`, bad: errors > 0, href: "#/logs?failed=true" }),
    tile("Duration", duration(quantile(first, last.found, DURATION, 0.5)), { note: `p95 ${duration(quantile(first, last.found, DURATION, 0.95))}, last minute` }),
    tile("Queued", number(total("queued")), { note: `${number(total("running"))} running`, href: "#/events?state=queued,retrying" }),
    tile("Dead letters", number(total("dead")), { bad: total("dead") > 0, href: "#/dead-letters" }),
    tile("Environments", number(environments), { note: `${rate(perSecond("router_cold_starts_total"))} cold starts/s` }),
    tile("Store", commits ? duration(grown(first, last.found, "router_store_sync_seconds") / commits) : "idle", { note: "a synced commit, last minute", href: "#/health" }),
    tile("Up", age((Date.now() - Date.parse(pulse.status.started)) / 1000), { note: `version ${pulse.status.version}, pid ${pulse.status.pid}`, href: "#/health" }),
  ];
}

/** The functions, those with trouble first. */
export function list(rows) {
  const { first, last } = span();
  const trouble = (row) => (row.dead > 0 ? 2 : 0) + (row.errors > 0 ? 1 : 0);
  return table(
    [
      ["function", (row) => h("a", { href: `#/functions/${encodeURIComponent(row.function)}` }, row.function)],
      ["runtime", (row) => row.runtime],
      ["invocations", (row) => number(row.requests), "num"],
      ["now", (row) => `${rate(perSecond("router_invocations_total", { function: row.function }))}/s`, "num"],
      ["errors", (row) => h("span", { class: row.errors ? "bad" : "" }, number(row.errors)), "num"],
      ["p95", (row) => duration(quantile(first, last?.found ?? new Map(), DURATION, 0.95, { function: row.function })), "num"],
      ["running", (row) => number(row.running), "num"],
      ["queued", (row) => number(row.queued), "num"],
      ["dead", (row) => h("span", { class: row.dead ? "bad" : "" }, number(row.dead)), "num"],
      ["environments", (row) => number(row.environments), "num"],
      ["on Lambda", (row) => dollars(row.cost_usd), "num"],
    ],
    [...rows].sort((a, b) => trouble(b) - trouble(a) || b.requests - a.requests),
    { empty: "The config has no functions.", href: (row) => `#/functions/${encodeURIComponent(row.function)}` },
  );
}

let asking = false;

async function recent(section) {
  if (asking) return;
  asking = true;
  try {
    fill(section, h("h2", {}, "Accepted last"), eventTable(await get("/events?limit=12")));
  } catch {
    // the next look tells what is wrong
  } finally {
    asking = false;
  }
}

/** Events of the journal. */
export function eventTable(rows, more = []) {
  return table(
    [
      ...more,
      ["state", (row) => badge(row.state)],
      ["function", (row) => h("a", { href: `#/events/${row.id}` }, row.function)],
      ["source", (row) => row.source],
      ["accepted", (row) => h("span", { title: row.created }, ago(row.created))],
      ["took", (row) => (row.finished ? duration((Date.parse(row.finished) - Date.parse(row.created)) / 1000) : "–"), "num"],
      ["attempts", (row) => number(row.attempts), "num"],
      ["error", (row) => h("span", { class: "cut" }, row.error ?? "")],
    ],
    rows,
    { empty: "No events: synchronous invocations are not kept here, their logs are.", href: (row) => `#/events/${row.id}` },
  );
}
