// What functions log, as they log it.

import { get, query, tail } from "./api.js";
import { fill, h, toast } from "./dom.js";
import { header, select } from "./parts.js";
import { pulse } from "./pulse.js";
import { clock } from "./words.js";

const KEPT = 2000; // lines on the page
const LOOKED_BACK = 600; // seconds
const PLATFORM = /^(?:START|END|REPORT|INIT_START|RESTORE_START|INIT_REPORT|RESTORE_REPORT|EXTENSION|\{"time":"[^"]*","type":"platform\.)/;
const BAD = /\[ERROR\]|\bERROR\b|Traceback|Task timed out|Runtime exited|"level":"(?:ERROR|FATAL)"|Status: (?:error|timeout)/;
const WARNING = /\[WARN(?:ING)?\]|\bWARN\b|"level":"WARN"/;

export async function show(place, [], wanted) {
  const filters = Object.fromEntries(["function", "request_id", "failed"].map((key) => [key, wanted.get(key) ?? ""]));
  const go = (changed) => (location.hash = `#/logs${query({ ...filters, ...changed })}`);
  const names = [["", "every function"], ...pulse.ps.map((row) => [row.function, row.function])];
  const section = h("section");
  fill(
    place,
    header("Logs"),
    h("div", { class: "row" },
      select("function", names, filters.function, (event) => go({ function: event.target.value })),
      h("input", { "aria-label": "request id", placeholder: "request id", value: filters.request_id, onchange: (event) => go({ request_id: event.target.value.trim() }) }),
      h("label", {}, h("input", { type: "checkbox", checked: filters.failed === "true", onchange: (event) => go({ failed: event.target.checked ? "true" : "" }) }), "only failed invocations")),
    section,
  );
  return stream(section, filters);
}

/** Lines into *section* until what is given is called. */
export async function stream(section, filters) {
  const lines = h("ol", { class: "log", tabindex: "0" });
  const search = h("input", { type: "search", placeholder: "show lines that hold…", "aria-label": "show lines that hold", oninput: () => [...lines.children].forEach(sift) });
  const sift = (line) => line.classList.toggle("hidden", !line.textContent.toLowerCase().includes(search.value.toLowerCase()));
  const waiting = [];
  let paused = false;
  const pause = h("button", { class: "quiet", onclick: () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) add(waiting.splice(0));
  } }, "Pause");
  const add = (events) => {
    if (paused) return void (waiting.push(...events), waiting.splice(0, waiting.length - KEPT));
    const below = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    const made = events.slice(-KEPT).map((event) => drawn(event, !filters.function));
    made.forEach(sift);
    lines.append(...made);
    while (lines.children.length > KEPT) lines.firstChild.remove();
    if (below) lines.scrollTop = lines.scrollHeight;
  };
  fill(section, h("div", { class: "row" }, search, pause, h("button", { class: "quiet", onclick: () => fill(lines) }, "Clear")), lines);
  const since = filters.request_id ? 1 : Math.floor(Date.now() / 1000) - LOOKED_BACK;
  add(await get(`/logs${query({ ...filters, since, limit: 500 })}`));
  requestAnimationFrame(() => (lines.scrollTop = lines.scrollHeight));
  const ending = new AbortController();
  follow(filters, ending.signal, add);
  return () => ending.abort();
}

/** Lines as they come; a tail that breaks off is begun again. */
async function follow(filters, signal, add) {
  while (!signal.aborted) {
    try {
      for await (const events of tail({ ...filters, since: "" }, signal)) add(events);
    } catch (error) {
      if (signal.aborted) return;
      if (error.status) return void toast(error.message, "bad");
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

function drawn(event, named) {
  const kind = BAD.test(event.message) ? "bad" : WARNING.test(event.message) ? "warn" : PLATFORM.test(event.message) ? "platform" : "";
  const [first, ...rest] = event.message.trimEnd().split("\n");
  const text = rest.length ? h("details", { open: rest.length < 12 }, h("summary", {}, first), h("pre", {}, rest.join("\n"))) : h("span", { class: "message" }, first);
  return h("li", { class: kind }, h("time", { title: event.stream }, clock(event.time)), named && h("a", { class: "who", href: `#/functions/${encodeURIComponent(event.function)}/logs` }, event.function), text);
}
