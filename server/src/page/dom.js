// How pages make elements, show names, tell times and sizes, and ask the program.
//
// Invariant: what comes from files, devices or people becomes a text node, never markup. (The content
// policy forbids the rest: no element is ever made from a string.)

/** Makes an element. `on…` are listeners, other properties are attributes; children are nodes or text. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else if (name === "checked") element.checked = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return element;
}

/** Puts these in place of all that an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child || child === 0));
  return element;
}

/** Renders a part of a page anew only when what it shows has changed. What a person has opened stays
 *  open, and the keyboard's focus stays where it was. */
export function part(element, data, render) {
  const text = JSON.stringify(data);
  if (element.shownData === text) return element;
  element.shownData = text;
  const focus = focused(element);
  const opened = [...element.querySelectorAll("details[open]")].map((details) => details.dataset.keep);
  const children = [render()].flat(Infinity).filter((child) => child || child === 0);
  element.hidden = children.length === 0;
  fill(element, children);
  for (const details of element.querySelectorAll("details")) details.open = opened.includes(details.dataset.keep);
  focus?.();
  return element;
}

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

/** If the focus is in this element: what gives it back once the element holds something else. It goes to
 *  what says the same, otherwise to what now stands in the place (*Resume*, where *Pause* was pressed). */
function focused(element) {
  const at = [...element.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  if (at < 0) return undefined;
  const words = document.activeElement.textContent;
  return () => {
    const all = [...element.querySelectorAll(FOCUSABLE)];
    const target = all.find((one) => one.textContent === words) ?? all[Math.min(at, all.length - 1)];
    target?.focus({ preventScroll: true });
  };
}

// Controls, and what changes the direction of the text around it, or is not seen at all.
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb]/g;

function visible(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A name as text: isolated from the direction of what stands around it, with nothing hidden in it. */
export function name(text, properties = {}) {
  const element = h("bdi", properties);
  let from = 0;
  for (const found of text.matchAll(UNSEEN)) {
    element.append(text.slice(from, found.index), h("span", { class: "unseen" }, visible(found[0])));
    from = found.index + found[0].length;
  }
  element.append(text.slice(from));
  return element;
}

/** A path: its directories quiet, its own name clear. It breaks after a slash where it must. */
export function path(text) {
  const at = text.lastIndexOf("/") + 1;
  const directory = at > 0 && name(text.slice(0, at), { class: "directory" });
  return h("span", { class: "path" }, directory, name(text.slice(at), { class: "leaf" }));
}

/** A name as a plain string, for labels and titles: nothing hidden in it. */
export const plain = (text) => `\u2068${text.replace(UNSEEN, visible)}\u2069`;

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** Bytes, for people. */
export function size(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit + 1 < UNITS.length) {
    bytes /= 1024;
    unit += 1;
  }
  if (unit === 0) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  return `${bytes.toFixed(1)} ${UNITS[unit]}`;
}

/** A number of things: `1 file`, `12,000 files`. */
export const count = (number, one, many = `${one}s`) =>
  `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

/** A span of time, roughly. */
export function span(seconds) {
  if (seconds < 1) return "a moment";
  if (seconds < 60) return count(Math.round(seconds), "second");
  if (seconds < 3600) return count(Math.round(seconds / 60), "minute");
  if (seconds < 86400) return count(Math.round(seconds / 3600), "hour");
  return count(Math.round(seconds / 86400), "day");
}

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat([], { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat([], { day: "numeric", month: "short", year: "numeric" });
const whole = new Intl.DateTimeFormat([], { dateStyle: "full", timeStyle: "medium" });

/** A moment: the clock today, the day before that; in full when pointed at. */
export function when(time) {
  const date = new Date(time);
  const now = new Date();
  const today = date.toDateString() === now.toDateString();
  const shownDay = date.getFullYear() === now.getFullYear() ? day : dayOfYear;
  const text = today ? clock.format(date) : `${shownDay.format(date)}, ${clock.format(date)}`;
  return h("time", { datetime: date.toISOString(), title: whole.format(date) }, text);
}

/** How long ago. */
export const ago = (time) => `${span(Math.max(0, (Date.now() - new Date(time)) / 1000))} ago`;

/** Why the program did not do what it was asked, in its own words. */
export class Refused extends Error {}

async function answer(response) {
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : null;
  throw new Refused(text.trim() || `The program answered ${response.status}.`);
}

async function asked(request) {
  try {
    return await request();
  } catch (error) {
    if (error instanceof Refused || error.name === "AbortError") throw error;
    throw new Refused("The program does not answer: it has ended, or it is just being started.");
  }
}

/** Asks for something. */
export const get = (address, options = {}) =>
  asked(async () => answer(await fetch(address, options)));

/** Asks that something be done. */
export const post = (address, body) =>
  asked(async () =>
    answer(
      await fetch(address, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    ),
  );

/** Says something to the person, at the edge of the page, and to a screen reader. */
export function say(text, bad = false) {
  const told = document.getElementById("told");
  const line = h("div", { class: bad ? "told bad" : "told", role: bad ? "alert" : null });
  line.append(
    h("span", {}, text),
    h("button", { class: "quiet small", "aria-label": "Dismiss", onclick: () => line.remove() }, "\u00d7"),
  );
  told.append(line);
  while (told.childElementCount > 4) told.firstElementChild.remove();
  if (!bad) setTimeout(() => line.remove(), 8000);
}

/** Does something that a button is for: the button waits, and keeps the focus (one that is disabled would
 *  lose it). What goes wrong is said, and no longer what went wrong before. */
export async function doing(button, work) {
  if (button.ariaBusy === "true") return undefined;
  for (const line of document.querySelectorAll(".told.bad")) line.remove();
  button.ariaBusy = button.ariaDisabled = "true";
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(error.message, true);
    return undefined;
  } finally {
    button.ariaBusy = button.ariaDisabled = null;
  }
}

/** Asks a person whether something is meant: `true` if it is. */
export function meant(title, words, action, bad = true) {
  return new Promise((answered) => {
    const dialog = h(
      "dialog",
      { "aria-labelledby": "asked", onclose: () => { dialog.remove(); answered(dialog.returnValue === "yes"); } },
      h("h2", { id: "asked" }, title),
      h("p", {}, words),
      h(
        "div",
        { class: "buttons end" },
        h("button", { onclick: () => dialog.close("no") }, "Cancel"),
        h("button", { class: bad ? "bad" : "primary", onclick: () => dialog.close("yes") }, action),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
