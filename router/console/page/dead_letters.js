// Events that were given up, and their second chance.

import { get, post, query } from "./api.js";
import { confirmed, fill, h, toast } from "./dom.js";
import { eventTable } from "./overview.js";
import { doing, header, select } from "./parts.js";
import { look, pulse } from "./pulse.js";

export async function show(place, [], wanted) {
  const name = wanted.get("function") ?? "";
  const chosen = new Set();
  const body = h("section");
  const draw = async () => {
    chosen.clear();
    const rows = await get(`/dlq${query({ function: name, limit: 500 })}`);
    const box = (row) => h("input", { type: "checkbox", "aria-label": `choose ${row.id}`, onchange: (event) => (event.target.checked ? chosen.add(row.id) : chosen.delete(row.id)) });
    fill(body, rows.length ? eventTable(rows, [["", box]]) : h("p", { class: "empty" }, "No dead letters."));
  };
  const meant = () => (chosen.size ? { ids: [...chosen] } : name ? { function: name } : { all: true });
  const said = () => (chosen.size ? `${chosen.size} chosen` : name ? `all of ${name}` : "all");
  const act = (path, question, action, told) => (event) => doing(event.target, async () => {
    if (!(await confirmed(question(said()), action))) return;
    toast(told(await post(path, meant())));
    await Promise.all([draw(), look()]);
  });
  const redrive = act("/dlq/redrive", (which) => `Try ${which} again? The attempts begin anew.`, "Redrive", (found) => `${found.redriven} are tried again`);
  const purge = act("/dlq/purge", (which) => `Delete ${which} for good?`, "Purge", (found) => `${found.purged} deleted`);
  const names = [["", "every function"], ...pulse.ps.filter((row) => row.dead || row.function === name).map((row) => [row.function, `${row.function} (${row.dead})`])];
  fill(
    place,
    header("Dead letters", h("button", { class: "main", onclick: redrive }, "Redrive"), h("button", { class: "danger", onclick: purge }, "Purge")),
    h("div", { class: "row" }, select("function", names, name, (event) => (location.hash = `#/dead-letters${query({ function: event.target.value })}`)),
      h("span", { class: "note" }, "those that are ticked, or else all that are listed")),
    body,
  );
  await draw();
}
