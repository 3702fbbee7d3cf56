// The daemon's calls. The token is kept for this tab and lent to other tabs of this page that ask; it is never in a cookie or on disk.

const KEY = "event-router.token";
const tabs = new BroadcastChannel("event-router");

/** What the daemon refused, and why. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const held = () => sessionStorage.getItem(KEY) ?? "";
export const keep = (token) => sessionStorage.setItem(KEY, token);
export const forget = () => sessionStorage.removeItem(KEY);

tabs.onmessage = ({ data }) => {
  if (data.want && held()) tabs.postMessage({ token: held() });
};

/** The token: of the address (#token=…, which never leaves the browser), of this tab, or of another one; "" when nobody has it. */
export async function found() {
  const given = /^#token=([\w-]+)$/.exec(location.hash);
  if (given) {
    keep(given[1]);
    history.replaceState(null, "", "#/");
  }
  return held() || (await lent());
}

function lent() {
  const asking = new BroadcastChannel("event-router");
  return new Promise((resolve) => {
    const done = (token) => (asking.close(), token && keep(token), resolve(token));
    asking.onmessage = ({ data }) => data.token && done(data.token);
    asking.postMessage({ want: true });
    setTimeout(() => done(""), 150);
  });
}

/** One call; its JSON, or its text when it is none. Raises Refused, and TypeError when the daemon is not there. */
export async function call(method, path, body, headers = {}) {
  return (await answered(method, path, body, headers)).value;
}

/** The same with the answer's status and headers. */
export async function answered(method, path, body, headers = {}) {
  const sent = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`/api${path}`, { method, body: sent, headers: { ...headers, authorization: `Bearer ${held()}` } });
  const text = await response.text();
  const value = parsed(text);
  if (!response.ok) throw new Refused(response.status, value?.code ?? "", value?.message ?? text);
  return { value, text, headers: response.headers, status: response.status };
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The daemon's metrics, as text. */
export async function metrics() {
  return (await fetch("/metrics")).text();
}

/** A query string of what is not empty. */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** Log events as they come, in the order of arrival, several at once. Raises Refused; ends with the daemon or the *signal*. */
export async function* tail(parameters, signal) {
  const response = await fetch(`/api/logs/tail${query(parameters)}`, { signal, headers: { authorization: `Bearer ${held()}` } });
  if (!response.ok) {
    const refusal = await response.json();
    throw new Refused(response.status, refusal.code, refusal.message);
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const whole = (rest + value).split("\n\n");
    rest = whole.pop();
    const events = whole.filter((piece) => piece.startsWith("data: ")).map((piece) => JSON.parse(piece.slice(6)));
    if (events.length) yield events;
  }
}
