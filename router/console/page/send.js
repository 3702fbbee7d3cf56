// An event by hand: made of a type and some facts, or written; who would take it is seen before it is sent.

import { get, post } from "./api.js";
import { fill, h, table } from "./dom.js";
import { badge, doing, header, select } from "./parts.js";

export async function show(place, [], wanted) {
  const shapes = await get("/shapes");
  const [facts, verdict] = [h("div", { class: "facts" }), h("section")];
  const text = h("textarea", { rows: 18, spellcheck: "false", "aria-label": "event" });
  const kind = select("event type", shapes.map(({ type }) => [type, type]), wanted.get("type") ?? "s3-put", () => choose());
  let late = 0;
  const make = async () => {
    const mine = ++late;
    const given = Object.fromEntries([...facts.querySelectorAll("input")].filter((one) => one.value !== one.defaultValue).map((one) => [one.name, one.value]));
    try {
      const made = await post(`/shapes/${kind.value}`, given);
      if (mine !== late) return;
      text.value = JSON.stringify(made, null, 2);
      await explain();
    } catch (error) {
      fill(verdict, h("p", { class: "problem" }, error.message));
    }
  };
  const choose = () => {
    const { facts: known } = shapes.find(({ type }) => type === kind.value);
    fill(facts, Object.entries(known).map(([name, value]) => h("label", {}, h("span", {}, name), h("input", { name, ...{ "data-default": value }, oninput: make }))));
    for (const one of facts.querySelectorAll("input")) {
      one.defaultValue = one.dataset.default;
    }
    return make();
  };
  const written = () => JSON.parse(text.value);
  const explain = async () => {
    const rows = await post("/why", { event: written() }).catch((error) => error.message);
    fill(verdict, h("h2", {}, "Who would take it"), typeof rows === "string" ? h("p", { class: "empty" }, rows) : taken(rows));
  };
  const check = (event) => doing(event.target, explain);
  const send = (event) => doing(event.target, async () => {
    const rows = await post("/events", { type: kind.value, event: written() });
    fill(verdict, h("h2", {}, "Sent"), table(
      [["function", (row) => row.function], ["state", (row) => badge(row.state)], ["event", (row) => h("a", { href: row.state === "queued" ? `#/events/${row.id}` : `#/logs?request_id=${row.id}` }, row.id)], ["error", (row) => row.error ?? ""]], rows));
  });
  fill(
    place,
    header("Send event"),
    h("p", { class: "note" }, "As if it had happened: each function whose triggers match gets it."),
    h("div", { class: "row" }, kind),
    facts,
    text,
    h("div", { class: "buttons" }, h("button", { class: "main", onclick: send }, "Send"), h("button", { onclick: check }, "Who would take it?")),
    verdict,
  );
  await choose();
}

const taken = (rows) =>
  table([["", (row) => badge(row.matches ? "ok" : "no")], ["function", (row) => row.function], ["trigger", (row) => row.trigger], ["why", (row) => row.why]], rows);
