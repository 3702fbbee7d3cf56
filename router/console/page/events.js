// What was accepted: a list with filters, and one event with its attempts, its payload and what can be done with it.

import { get, post, query } from "./api.js";
import { confirmed, fill, h, table, toast } from "./dom.js";
import { eventTable } from "./overview.js";
import { badge, code, copied, doing, facts, header, select } from "./parts.js";
import { pulse } from "./pulse.js";
import { bytes, clock, number, pretty, quoted } from "./words.js";

const STATES = ["queued", "running", "retrying", "succeeded", "dead", "expired", "discarded"];
const SPANS = [["", "any time"], ["600", "10 minutes"], ["3600", "an hour"], ["86400", "a day"]];
const PAGE = 50;

export async function show(place, [id], wanted) {
  return id ? one(place, id) : list(place, wanted);
}

async function list(place, wanted) {
  const filters = Object.fromEntries(["function", "state", "source", "span"].map((key) => [key, wanted.get(key) ?? ""]));
  const choose = (key) => (event) => (location.hash = `#/events${query({ ...filters, [key]: event.target.value })}`);
  const names = pulse.ps.map((row) => [row.function, row.function]);
  const states = [["", "any state"], ["queued,retrying", "waiting"], ["dead,expired", "given up"], ...STATES.map((word) => [word, word])];
  const asked = { function: filters.function, state: filters.state, source: filters.source, limit: PAGE };
  if (filters.span) asked.since = Math.floor(Date.now() / 1000) - Number(filters.span);
  const rows = await get(`/events${query(asked)}`);
  const [body, more] = [h("section"), h("div", { class: "buttons" })];
  const draw = () => {
    fill(body, eventTable(rows));
    fill(more, rows.length >= PAGE && rows.length % PAGE === 0 && h("button", { onclick: older }, "Older"));
  };
  const older = (event) => doing(event.target, async () => {
    const next = await get(`/events${query({ ...asked, before: rows.at(-1).id })}`);
    rows.push(...next);
    draw();
    if (!next.length) fill(more);
  });
  const replay = (event) => doing(event.target, () => replayAll(asked));
  fill(
    place,
    header("Events", h("button", { class: "quiet", onclick: () => dispatchEvent(new Event("hashchange")) }, "Refresh"), h("button", { class: "quiet", onclick: replay }, "Replay these…")),
    h("div", { class: "row" },
      select("function", [["", "any function"], ...names], filters.function, choose("function")),
      select("state", states, filters.state, choose("state")),
      select("span", SPANS, filters.span, choose("span")),
      h("input", { name: "source", "aria-label": "source", placeholder: "source, as s3:inbox", value: filters.source, onchange: choose("source") })),
    body,
    more,
  );
  draw();
}

async function replayAll({ limit, ...filters }) {
  const asked = { ...filters, limit: 10000 };
  const { events, more } = await post("/events/replay", { query: asked, dry_run: true });
  const many = `${number(events.length)}${more ? ", the newest of them," : ""}`;
  if (!(await confirmed(`Accept ${many} events anew? Each becomes another event with an id of its own.`, "Replay"))) return;
  const { ids } = await post("/events/replay", { query: asked });
  toast(`${number(ids.length)} events accepted anew`);
}

async function one(place, id) {
  const { event, payload, history } = await get(`/events/${encodeURIComponent(id)}`);
  const names = pulse.ps.map((row) => [row.function, row.function]);
  const [name] = event.function.split(":"); // without its qualifier
  const to = select("to", names, name, null);
  const replay = (press) => doing(press.target, async () => {
    const [made] = (await post("/events/replay", { ids: [id], to: to.value === name ? "" : to.value })).ids;
    toast("accepted anew");
    location.hash = `#/events/${made}`;
  });
  const lines = await get(`/logs${query({ function: name, request_id: id, since: 1 })}`);
  fill(
    place,
    header(event.function, badge(event.state)),
    facts([["Request id", id], ["Source", event.source], ["Shard", event.shard], ["Accepted", clock(event.created)], ["Next attempt", event.due && clock(event.due)],
      ["Finished", event.finished && clock(event.finished)], ["Attempts", event.attempts], ["Size", bytes(event.size)], ["Error", event.error]]),
    h("div", { class: "buttons" }, h("button", { class: "main", onclick: replay, disabled: payload === null }, "Replay"), h("span", { class: "note" }, "to"), to,
      h("button", { class: "quiet", onclick: () => copied(`router events replay ${id}`) }, "Copy as router command"),
      payload !== null && h("button", { class: "quiet", onclick: () => copied(command(event.function, payload)) }, "Copy as aws command")),
    h("h2", {}, "Attempts"),
    table([["", (row) => `#${row.attempt}`], ["at", (row) => clock(row.at)], ["what came of it", (row) => row.error ?? "succeeded"]], history, { empty: "None has ended yet." }),
    h("h2", {}, "Event"),
    payload === null ? h("p", { class: "empty" }, "Its payload is not kept.") : code(pretty(payload)),
    h("h2", {}, "Log"),
    lines.length ? code(lines.map((line) => `${clock(line.time)} ${line.message.trimEnd()}`).join("\n")) : h("p", { class: "empty" }, "Nothing was logged yet."),
  );
}

/** What the AWS CLI, version 2, would be told to have the same event accepted. */
function command(name, payload) {
  const at = pulse.status.listeners.aws ? ` --endpoint-url ${pulse.status.listeners.aws}` : "";
  return `aws lambda invoke${at} --function-name ${quoted(name)} --invocation-type Event --cli-binary-format raw-in-base64-out --payload ${quoted(payload)} /dev/stdout`;
}
