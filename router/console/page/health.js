// Is this machine and this daemon fit, and what to do where not.

import { get, post } from "./api.js";
import { fill, h, table, toast } from "./dom.js";
import { badge, doing, facts, header } from "./parts.js";
import { look, pulse } from "./pulse.js";
import { clock } from "./words.js";

export async function show(place) {
  const rows = await get("/doctor");
  const { status } = pulse;
  const reload = (event) => doing(event.target, async () => {
    const found = await post("/reload");
    toast(`the config is in force: ${JSON.stringify(found)}`);
    await look();
  });
  const verdict = (row) => badge(row.ok ? "ok" : row.required ? "failed" : "warning");
  const known = (row) => (row.ok ? 2 : row.required ? 0 : 1);
  fill(
    place,
    header("Health", h("button", { onclick: reload }, "Reload the config")),
    status.problems.map((text) => h("p", { class: "problem" }, text)),
    Object.entries(status.code_refused ?? {}).map(([name, text]) => h("p", { class: "problem" }, `${name}: its code was not taken up: ${text}`)),
    facts([["Version", status.version], ["Config", status.config], ["Since", clock(status.started)], ["Pid", status.pid], ...Object.entries(status.listeners).map(([name, url]) => [`Listener ${name}`, url])]),
    h("h2", {}, "What was looked at"),
    table([["", verdict], ["what", (row) => row.name], ["wanted", (row) => row.wanted], ["found", (row) => row.effective], ["what to do", (row) => (row.ok ? "" : row.remedy)]],
      [...rows].sort((a, b) => known(a) - known(b))),
  );
}
