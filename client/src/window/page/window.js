// The window's frame: which page is shown, and what the client tells as it changes.

import { fill, h, plain } from "/dom.js";
import { icon } from "/icons.js";
import * as now from "/now.js";
import * as log from "/log.js";
import * as conflicts from "/conflicts.js";
import * as settings from "/settings.js";

const PAGES = { now, log, conflicts, settings };
const AGAIN_MS = 2000;

/** What the client last told. */
const store = { version: "", folders: [], trouble: null, heard: false };
let open = null;
let shownHash = null;

// The key has done its part: the cookie stands for it now, and it is not to be copied or bookmarked.
if (location.search) history.replaceState(null, "", location.pathname + location.hash);

/** `#log/ID?kind=deleted`: the page, the folder, and what the page is to begin with. */
function place() {
  const [where, query = ""] = location.hash.slice(1).split("?");
  const [page, folder = ""] = where.split("/");
  return { page: PAGES[page] ? page : "now", folder, query: new URLSearchParams(query) };
}

const links = Object.fromEntries(
  Object.entries(PAGES).map(([page, { title }]) => [
    page,
    h("a", { href: `#${page}` }, icon(page), h("span", {}, title)),
  ]),
);
fill(document.getElementById("pages"), Object.values(links).map((link) => h("li", {}, link)));

function navigate() {
  if (location.hash === "#main") return document.getElementById("main").focus();
  if (location.hash === shownHash) return undefined;
  const first = shownHash === null;
  shownHash = location.hash;
  const { page, folder, query } = place();
  for (const [name, link] of Object.entries(links)) {
    if (name === page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  open?.close?.();
  open = null;
  const root = fill(document.getElementById("page"));
  document.title = `${PAGES[page].title} · Onefold`;
  if (!store.heard) return root.append(h("p", { class: "quiet-text" }, "Loading…"));
  open = PAGES[page].open(root, store, { folder, query });
  if (!first) {
    window.scrollTo(0, 0);
    document.getElementById("main").focus({ preventScroll: true });
  }
  return undefined;
}

function badge(page, number, what) {
  links[page].querySelector(".count")?.remove();
  if (number > 0) {
    links[page].append(h("span", { class: "count", "aria-label": `${number} ${what}` }, String(number)));
  }
}

function hear(told) {
  const first = !store.heard;
  Object.assign(store, told, { heard: true });
  lost(null);
  badge("conflicts", store.folders.reduce((sum, folder) => sum + folder.copies, 0), "conflicts");
  badge("now", store.folders.filter((folder) => folder.state === "attention").length, "need attention");
  const device = store.folders[0]?.device;
  fill(document.getElementById("foot"), device ? plain(device) : "", h("br"), `version ${store.version}`);
  if (first) {
    shownHash = null;
    navigate();
  } else open?.update?.(store);
}

function lost(words) {
  const place = document.getElementById("lost");
  place.hidden = !words;
  if (!words) return fill(place);
  if (place.dataset.words === words && place.firstChild) return undefined;
  place.dataset.words = words;
  return fill(place, h("div", { class: "notice bad", role: "alert" }, icon("offline"), h("p", {}, words)));
}

function listen() {
  const events = new EventSource("/api/events");
  events.addEventListener("folders", (event) => hear(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    lost(
      "The client on this computer does not answer: what is shown may be old. It may have ended; " +
        "this page goes on by itself when it runs again. (`onefold sync` starts it.)",
    );
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(listen, AGAIN_MS);
  });
}

window.addEventListener("hashchange", navigate);
navigate();
listen();
