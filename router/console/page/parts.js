// Parts that several pages are made of.

import { h, s, toast } from "./dom.js";

/** A small drawing of how a figure went: one or two lines of numbers, the second in the colour of failures. */
export function sparkline(points, second = [], { width = 240, height = 44 } = {}) {
  const top = Math.max(1, ...points);
  const path = (values) =>
    values.map((value, index) => `${index ? "L" : "M"}${((index / Math.max(1, values.length - 1)) * width).toFixed(1)} ${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`).join("");
  return s("svg", { viewBox: `0 0 ${width} ${height}`, class: "spark", preserveAspectRatio: "none", role: "img", "aria-label": "the last five minutes" },
    points.length > 1 && s("path", { d: `${path(points)}L${width} ${height}L0 ${height}Z`, class: "area" }),
    points.length > 1 && s("path", { d: path(points), class: "line" }),
    second.length > 1 && second.some((value) => value > 0) && s("path", { d: path(second), class: "line bad" }));
}

/** One figure. */
export function tile(title, value, { note = "", bad = false, href = null, drawing = null } = {}) {
  const inside = [h("span", { class: "title" }, title), h("span", { class: bad ? "value bad" : "value" }, value), h("span", { class: "note" }, note), drawing];
  return href ? h("a", { class: "tile", href }, inside) : h("div", { class: "tile" }, inside);
}

const COLOURS = { succeeded: "ok", enabled: "ok", ok: "ok", running: "busy", queued: "busy", retrying: "warn", dead: "bad", expired: "bad", failed: "bad", refused: "bad" };

/** A word with the colour of what it says. */
export const badge = (word) => h("span", { class: `badge ${COLOURS[word] ?? ""}` }, word);

/** A heading and what belongs beside it. */
export const header = (title, ...beside) => h("header", {}, h("h1", {}, title), h("div", { class: "beside" }, beside));

/** Names and values. */
export const facts = (pairs) =>
  h("dl", {}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

/** Text as it is, with a button that copies it. */
export const code = (text, { copy = true } = {}) =>
  h("div", { class: "code" }, copy && h("button", { class: "copy", onclick: () => copied(text) }, "Copy"), h("pre", { tabindex: "0" }, text));

export async function copied(text) {
  await navigator.clipboard.writeText(text);
  toast("copied");
}

/** Do something with a button switched off meanwhile; what goes wrong is told. */
export async function doing(button, work) {
  button.disabled = true;
  try {
    return await work();
  } catch (error) {
    toast(error.message, "bad");
    return undefined;
  } finally {
    button.disabled = false;
  }
}

/** A choice of words. */
export const select = (name, words, chosen, onchange) =>
  h("select", { name, "aria-label": name, onchange }, words.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
