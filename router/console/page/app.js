// The page: who is let in, which view the address names, and what keeps it fresh.

import { forget, found, get, keep } from "./api.js";
import { fill, h } from "./dom.js";
import * as deadLetters from "./dead_letters.js";
import * as events from "./events.js";
import * as functions from "./functions.js";
import * as health from "./health.js";
import * as logs from "./logs.js";
import * as overview from "./overview.js";
import { EVERY, look, onPulse, pulse } from "./pulse.js";
import * as send from "./send.js";
import * as sources from "./sources.js";

const PAGES = [
  ["", "Overview", overview],
  ["functions", "Functions", functions],
  ["events", "Events", events],
  ["logs", "Logs", logs],
  ["sources", "Sources", sources],
  ["dead-letters", "Dead letters", deadLetters],
  ["send", "Send event", send],
  ["health", "Health", health],
];

const main = document.getElementById("main");
const nav = document.getElementById("nav");
let leave = () => {};
let shown = 0; // which showing this is: an answer to an earlier one is late

/** Show what the address names: #/page/step/step?key=value. */
async function show() {
  const mine = ++shown;
  leave();
  leave = () => {};
  const [path, text = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...steps] = path.split("/").map(decodeURIComponent);
  const page = PAGES.find(([known]) => known === name) ?? PAGES[0];
  menu(page[0]);
  document.title = `${page[1]} · event-router`;
  const place = h("div", { class: "page" });
  try {
    const left = await page[2].show(place, steps, new URLSearchParams(text));
    if (mine === shown) {
      fill(main, place);
      leave = left ?? leave;
    } else left?.();
  } catch (error) {
    if (error.status === 401) return login("the token is not that of this daemon");
    if (mine === shown) fill(main, h("div", { class: "page" }, h("p", { class: "problem" }, error.message)));
  }
}

function menu(current) {
  const dead = pulse.ps.reduce((sum, row) => sum + row.dead, 0);
  const ill = pulse.status && !pulse.status.ready;
  fill(
    nav,
    h("a", { class: "brand", href: "#/" }, h("img", { src: "/icon.svg", alt: "" }), "event-router"),
    PAGES.map(([name, title]) =>
      h("a", { href: `#/${name}`, "aria-current": name === current ? "page" : null }, title,
        name === "dead-letters" && dead > 0 && h("span", { class: "count" }, dead),
        name === "health" && ill && h("span", { class: "count" }, "!"))),
    h("span", { class: "grow" }),
    pulse.lost && h("span", { class: "lost" }, pulse.lost),
    h("button", { class: "quiet", onclick: () => (forget(), location.reload()) }, "Sign out"),
  );
  nav.dataset.current = current;
}

function login(problem = "") {
  leave();
  leave = () => {};
  nav.hidden = true;
  const field = h("input", { type: "password", name: "token", autocomplete: "off", spellcheck: "false", "aria-label": "Token", placeholder: "erc_…" });
  const enter = async (event) => {
    event.preventDefault();
    keep(field.value.trim());
    await start();
  };
  fill(main,
    h("form", { class: "login", onsubmit: enter },
      h("img", { src: "/icon.svg", alt: "" }),
      h("h1", {}, "event-router"),
      h("p", {}, "The token is in ", h("code", {}, "console.token"), " in the state directory; ", h("code", {}, "router run"), " on a terminal prints an address that has it."),
      field,
      h("button", { class: "main" }, "Sign in"),
      problem && h("p", { class: "problem", role: "alert" }, problem)));
  field.focus();
}

let beating = 0;

async function start() {
  if (!(await found())) return login();
  try {
    await get("/status");
    await look();
  } catch (error) {
    if (error.status === 401) {
      forget();
      return login("the token is not that of this daemon");
    }
  }
  nav.hidden = false;
  clearInterval(beating);
  beating = setInterval(beat, EVERY);
  await show();
}

async function beat() {
  if (document.hidden || nav.hidden) return;
  try {
    await look();
  } catch {
    clearInterval(beating);
    login("the daemon has another token now");
  }
}

onPulse(() => nav.hidden || menu(nav.dataset.current ?? ""));
addEventListener("hashchange", () => (/^#token=/.test(location.hash) ? start() : nav.hidden || show()));
start();
