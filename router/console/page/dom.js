// Elements. Whatever functions, files and requests put into a string becomes text and nothing else: no markup is ever parsed.

const SVG = "http://www.w3.org/2000/svg";

/** An element: attributes and on… listeners in *props*; children are nodes, texts, arrays of them, or null for nothing. */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for a drawing. */
export function s(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "open") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Put these children in the place of all that an element has. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/** A table. *columns*: [title, how a row becomes a cell, "num" for numbers]; *empty* is said where there are no rows. */
export function table(columns, rows, { empty = "nothing", href = null } = {}) {
  if (!rows.length) return h("p", { class: "empty" }, empty);
  const head = h("tr", {}, columns.map(([title, , kind]) => h("th", { class: kind, scope: "col" }, title)));
  const body = rows.map((row) => {
    const cells = columns.map(([, cell, kind]) => h("td", { class: kind }, cell(row)));
    return h("tr", href ? { class: "link", onclick: (event) => follow(event, href(row)) } : {}, cells);
  });
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, head), h("tbody", {}, body)));
}

function follow(event, where) {
  if (!event.target.closest("a, button, input, label") && !String(getSelection())) location.hash = where;
}

/** A short note that goes away by itself. */
export function toast(text, kind = "ok") {
  const note = h("div", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), kind === "ok" ? 4000 : 9000);
}

/** Ask before something that cannot be taken back; whether it was meant. */
export function confirmed(question, action) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { onclose: () => (dialog.remove(), resolve(dialog.returnValue === "yes")) },
      h("p", {}, question),
      h("div", { class: "buttons" },
        h("button", { onclick: () => dialog.close("no") }, "Cancel"),
        h("button", { class: "danger", onclick: () => dialog.close("yes") }, action)),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
