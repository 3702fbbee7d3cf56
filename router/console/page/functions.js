// All functions, and one: test it, watch it, see how it is configured and what it logs.

import { answered, get, post } from "./api.js";
import { fill, h, table, toast } from "./dom.js";
import { stream } from "./logs.js";
import { quantile, sum } from "./metrics.js";
import { list } from "./overview.js";
import { badge, code, doing, facts, header, select, sparkline, tile } from "./parts.js";
import { FAILED, onPulse, perSecond, pulse, span } from "./pulse.js";
import { age, dollars, duration, number, pretty, rate } from "./words.js";

const DURATION = "router_invocation_duration_seconds";
const TABS = [["test", "Test", test], ["monitor", "Monitor", monitor], ["configuration", "Configuration", configuration], ["logs", "Logs", logged]];

export async function show(place, [name, tab = "test"]) {
  if (!name) {
    const section = h("section");
    fill(place, header("Functions"), section);
    return onPulse(() => fill(section, list(pulse.ps)));
  }
  const told = await get(`/functions/${encodeURIComponent(name)}`);
  const section = h("section");
  const at = (key) => `#/functions/${encodeURIComponent(name)}/${key}`;
  fill(
    place,
    header(name, h("span", { class: "note" }, told.runtime)),
    h("div", { class: "tabs" }, TABS.map(([key, title]) => h("a", { href: at(key), "aria-current": key === tab ? "page" : null }, title))),
    section,
  );
  return (TABS.find(([key]) => key === tab) ?? TABS[0])[2](section, told);
}

// -- test

const saved = {
  key: (name) => `event-router.tests.${name}`,
  all: (name) => JSON.parse(localStorage.getItem(saved.key(name)) ?? "{}"),
  put: (name, tests) => localStorage.setItem(saved.key(name), JSON.stringify(tests)),
};

async function test(section, { function: name }) {
  const shapes = await get("/shapes");
  const payload = h("textarea", { rows: 14, spellcheck: "false", "aria-label": "event" }, "{}");
  const title = h("input", { placeholder: "name of this test", "aria-label": "name of this test" });
  const [result, tests] = [h("div"), h("span")];
  const load = async (event) => {
    const kind = event.target.value;
    if (kind) payload.value = JSON.stringify(await post(`/shapes/${kind}`), null, 2);
  };
  const shown = () => {
    const known = saved.all(name);
    const names = Object.keys(known);
    fill(tests, names.length > 0 && select("saved test", [["", "saved tests…"], ...names.map((one) => [one, one])], "", (event) => {
      title.value = event.target.value;
      payload.value = known[event.target.value] ?? payload.value;
    }));
  };
  const save = () => {
    if (!title.value) return toast("give the test a name", "bad");
    saved.put(name, { ...saved.all(name), [title.value]: payload.value });
    shown();
    return toast("kept in this browser");
  };
  const drop = () => {
    const { [title.value]: gone, ...rest } = saved.all(name);
    saved.put(name, rest);
    shown();
    if (gone !== undefined) toast("forgotten");
  };
  const invoke = (event) => doing(event.target, () => invoked(name, payload.value, result));
  const queue = (event) => doing(event.target, () => queued(name, payload.value, result));
  shown();
  fill(
    section,
    h("div", { class: "row" }, select("event type", [["", "event from AWS…"], ...shapes.map(({ type }) => [type, type])], "", load), tests, title,
      h("button", { class: "quiet", onclick: save }, "Keep"), h("button", { class: "quiet", onclick: drop }, "Forget")),
    payload,
    h("div", { class: "buttons" }, h("button", { class: "main", onclick: invoke }, "Invoke"), h("button", { onclick: queue }, "Queue as Event")),
    result,
  );
}

async function invoked(name, payload, result) {
  fill(result, h("p", { class: "note" }, "running…"));
  const began = performance.now();
  const path = `/functions/${encodeURIComponent(name)}/invocations`;
  const { text, headers } = await answered("POST", path, payload, { "x-amz-log-type": "Tail" }).catch((error) => (fill(result), Promise.reject(error)));
  const error = headers.get("x-amz-function-error");
  fill(
    result,
    h("h2", {}, error ? "Failed " : "Succeeded ", badge(error ? "failed" : "ok")),
    facts([["Error", error], ["Took", `${duration((performance.now() - began) / 1000)} with the way`], ["Version", headers.get("x-amz-executed-version")], ["Request id", headers.get("x-amzn-requestid")]]),
    h("h3", {}, "Result"),
    code(pretty(text)),
    h("h3", {}, "Log"),
    code(unpacked(headers.get("x-amz-log-result") ?? "")),
  );
}

async function queued(name, payload, result) {
  const { headers } = await answered("POST", `/functions/${encodeURIComponent(name)}/invocations`, payload, { "x-amz-invocation-type": "Event" });
  const id = headers.get("x-amzn-requestid");
  fill(result, h("p", {}, "Accepted and synced: ", h("a", { href: `#/events/${id}` }, id)));
}

const unpacked = (text) => new TextDecoder().decode(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));

// -- monitor

function monitor(section, { function: name, timeout, memory, reserved_concurrency: reserved }) {
  const points = [];
  const errors = [];
  return onPulse(() => {
    const { first, last } = span();
    const wanted = { function: name };
    const of = (metric, more = {}) => sum(last.found, metric, { ...wanted, ...more });
    points.push(perSecond("router_invocations_total", wanted));
    errors.push(perSecond("router_invocations_total", { ...wanted, ...FAILED }));
    const [total, failed] = [of("router_invocations_total"), of("router_invocations_total", FAILED)];
    const row = pulse.ps.find((one) => one.function === name) ?? {};
    const q = (share) => duration(quantile(first, last.found, DURATION, share, wanted));
    fill(section, h("div", { class: "tiles" },
      tile("Invocations", number(total), { note: `${rate(points.at(-1))}/s`, drawing: sparkline(points, errors) }),
      tile("Errors", number(failed), { note: total ? `${number((failed / total) * 100, 2)} %` : "", bad: failed > 0 }),
      tile("Duration p50", q(0.5), { note: "last minute" }),
      tile("p95", q(0.95), { note: "last minute" }),
      tile("p99", q(0.99), { note: `last minute; timeout ${duration(timeout)}` }),
      tile("Running", number(row.running), { note: reserved === null ? "no concurrency reserved" : `of ${reserved} reserved` }),
      tile("Queued", number(row.queued), { href: `#/events?function=${encodeURIComponent(name)}&state=queued,retrying` }),
      tile("Dead letters", number(row.dead), { bad: row.dead > 0, href: `#/dead-letters?function=${encodeURIComponent(name)}` }),
      tile("Environments", number(row.environments), { note: `${number(of("router_cold_starts_total"))} cold starts; ${memory} MB each` }),
      tile("Throttles", number(of("router_throttles_total")), {}),
      tile("On Lambda", dollars(row.cost_usd), { note: `${number(row.gb_seconds, 3)} GB-s, estimated` })));
  });
}

// -- configuration

function configuration(section, told) {
  fill(
    section,
    h("h2", {}, "Triggers"),
    table([["kind", (row) => badge(row.kind)], ["what", (row) => row.what], ["invokes", (row) => row.invokes]], told.triggers, { empty: "No trigger: it is invoked by name." }),
    told.urls.length > 0 && [h("h2", {}, "Addresses"), h("ul", { class: "plain" }, told.urls.map((url) => h("li", {}, h("code", {}, url))))],
    h("h2", {}, "Settings"),
    facts([
      ["Declared in", told.declared], ["Runtime", told.runtime], ["Handler", told.handler], ["Command", told.command.join(" ")], ["Code", told.code],
      ["CodeSha256", told.code_sha256], ["Layers", told.layers.join(", ")], ["Timeout", duration(told.timeout)], ["Memory", `${told.memory} MB`],
      ["/tmp", `${told.ephemeral_storage} MB`], ["Environment", told.environment.join(", ") || "no variables"], ["Role", told.role || "none: it may call nothing"],
      ["Isolation", told.isolation], ["Requires", told.require.join(", ")], ["Reserved concurrency", told.reserved_concurrency],
      ["Provisioned concurrency", told.provisioned_concurrency], ["SnapStart", told.snap_start && "on"], ["Log format", told.log_format],
      ["Retries", told.maximum_retry_attempts], ["Event age", age(told.maximum_event_age)], ["On success", told.on_success], ["On failure", told.on_failure],
      ["Dead letters", told.dead_letter], ["Aliases", told.aliases.join(", ")],
    ]),
  );
}

function logged(section, { function: name }) {
  return stream(section, { function: name });
}
