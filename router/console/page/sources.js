// Where events come from: schedules, change feeds, queues, buses, and the state of each source.

import { get, post } from "./api.js";
import { confirmed, fill, h, table, toast } from "./dom.js";
import { badge, code, doing, header } from "./parts.js";
import { pulse } from "./pulse.js";
import { ago, clock, number } from "./words.js";

export async function show(place) {
  const sections = h("div");
  const draw = async () => {
    const [schedules, feeds, queues, buses, rules] = await Promise.all(["/schedules", "/feeds", "/queues", "/buses", "/buses/rules"].map(get));
    fill(sections, sources(), timed(schedules, draw), fed(feeds, draw), queued(queues, draw), ruled(buses, rules));
  };
  fill(place, header("Sources"), sections);
  await draw();
  const timer = setInterval(() => document.hidden || document.querySelector("dialog") || draw().catch(() => {}), 5000);
  return () => clearInterval(timer);
}

const sources = () =>
  table([["source", (row) => row.name], ["state", (row) => (row.health === "ok" ? badge("ok") : h("span", { class: "bad" }, row.health))]], pulse.status.sources);

function timed(rows, draw) {
  const run = (row) => (event) => doing(event.target, async () => {
    const { id } = await post(`/schedules/${encodeURIComponent(row.name)}/run`);
    toast(id ? `fired: ${id}` : "fired");
    await draw();
  });
  return rows.length > 0 && [
    h("h2", {}, "Schedules"),
    table(
      [["schedule", (row) => row.name], ["function", (row) => row.function], ["expression", (row) => h("code", {}, row.expression)], ["zone", (row) => row.timezone],
        ["next", (row) => h("span", { title: row.next }, ago(row.next))], ["last", (row) => h("span", { title: row.last }, ago(row.last))], ["missed", (row) => number(row.missed), "num"],
        ["state", (row) => badge(row.state)], ["", (row) => h("button", { class: "quiet", onclick: run(row) }, "Run now")]],
      rows,
    ),
  ];
}

function fed(rows, draw) {
  const sql = (row) => (event) => doing(event.target, async () => {
    const found = await get(`/feeds/${encodeURIComponent(row.name)}/sql`);
    const dialog = h("dialog", { onclose: () => dialog.remove() }, h("h2", {}, `What feed ${row.name} installs`), code(found.sql),
      h("div", { class: "buttons" }, h("button", { onclick: () => dialog.close() }, "Close"),
        !row.installed && h("button", { class: "main", onclick: (press) => doing(press.target, async () => {
          await post(`/feeds/${encodeURIComponent(row.name)}/install`);
          dialog.close();
          await draw();
        }) }, "Install")));
    document.body.append(dialog);
    dialog.showModal();
  });
  return rows.length > 0 && [
    h("h2", {}, "Change feeds"),
    table(
      [["table", (row) => row.name], ["function", (row) => row.function], ["installed", (row) => (row.installed ? badge("ok") : h("span", { class: "bad" }, "no"))],
        ["lag", (row) => number(row.lag), "num"], ["cursor", (row) => number(row.cursor), "num"], ["head", (row) => number(row.head), "num"],
        ["error", (row) => h("span", { class: "bad" }, row.error ?? "")], ["", (row) => h("button", { class: "quiet", onclick: sql(row) }, "SQL")]],
      rows,
    ),
  ];
}

function queued(rows, draw) {
  const purge = (row) => (event) => doing(event.target, async () => {
    if (!(await confirmed(`Delete all messages of ${row.name} for good?`, "Purge"))) return;
    toast(`${(await post(`/queues/${encodeURIComponent(row.name)}/purge`)).purged} deleted`);
    await draw();
  });
  const redrive = (row) => (event) => doing(event.target, async () => {
    if (!(await confirmed(`Move the messages of ${row.name} back to the queues they came from?`, "Redrive"))) return;
    await post(`/queues/${encodeURIComponent(row.name)}/redrive`);
    toast("they are being moved");
    await draw();
  });
  const counts = rows.length ? Object.keys(rows[0]).filter((key) => typeof rows[0][key] === "number") : [];
  return rows.length > 0 && [
    h("h2", {}, "Queues"),
    table(
      [["queue", (row) => row.name ?? row.queue], ...counts.map((key) => [key.replaceAll("_", " "), (row) => number(row[key]), "num"]),
        ["", (row) => [h("button", { class: "quiet", onclick: redrive(row) }, "Redrive"), h("button", { class: "quiet", onclick: purge(row) }, "Purge")]]],
      rows,
    ),
  ];
}

function ruled(buses, rules) {
  return [
    h("h2", {}, "Event buses"),
    table([["bus", (row) => row.name], ["rules", (row) => number(row.rules), "num"], ["archive", (row) => row.archive ?? "none"], ["events kept", (row) => number(row.events), "num"],
      ["oldest", (row) => clock(row.oldest)], ["newest", (row) => clock(row.newest)]], buses),
    rules.length > 0 && table(Object.keys(rules[0]).map((key) => [key.replaceAll("_", " "), (row) => shown(row[key])]), rules),
  ];
}

const shown = (value) => (value === null ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));
