// Log: every change, newest on top, as it comes; found by text, kind, device and path.

import { fill, get, h, name, path, plain, say, when } from "/dom.js";
import { icon } from "/icons.js";
import { Rows } from "/rows.js";

export const title = "Log";

/** How long typing rests before it is looked for. */
const TYPED_MS = 120;

export const ACTIONS = {
  created: ["Created", "plus", "good"],
  edited: ["Edited", "pencil", ""],
  moved: ["Moved", "move", "moving"],
  deleted: ["Deleted", "trash", "bad"],
  mode_changed: ["Mode", "key", ""],
};

export function open(root, store, { folder: chosen, query }) {
  const folders = store.folders;
  if (!folders.length) {
    root.append(h("header", {}, h("h1", {}, title)), h("p", { class: "quiet-text" }, "No folder is linked yet."));
    return {};
  }
  let folder = folders.find(({ id }) => id === chosen) ?? folders[0];
  let newest = 0;
  let asking = null;
  let typed = 0;
  const wanted = Object.fromEntries(["text", "kind", "device", "path"].map((key) => [key, query.get(key) ?? ""]));

  const address = (skip, limit, more = {}) =>
    `/api/log?${new URLSearchParams({ folder: folder.id, skip, limit, ...wanted, ...more })}`;

  const rows = new Rows({
    label: "Changes, newest first",
    ask: async (skip, limit, signal) => (await get(address(skip, limit, { upto: newest }), { signal })).rows,
    draw: (row) => cells(row, find),
    failed: (error) => say(error.message, true),
  });
  const found = h("p", { class: "quiet-text small-text", role: "status", "data-found": "" });
  const fresh = h("button", { class: "primary small fresh", hidden: true, onclick: () => look() }, "Show new changes");
  const nothing = h("div", { hidden: true });

  /** Asks for the list anew, from the newest on. */
  async function look() {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    try {
      const page = await get(address(0, 100, { count: true }), { signal: mine.signal });
      ({ newest } = page);
      fresh.hidden = true;
      rows.reset(page.total, page.rows);
      const filtered = Object.values(wanted).some(Boolean);
      found.textContent = `${page.total.toLocaleString("en")} ${page.total === 1 ? "change" : "changes"}${filtered ? " found" : ""}`;
      found.dataset.found = page.total;
      nothing.hidden = page.total > 0;
      rows.element.hidden = page.total === 0;
      fill(nothing, empty(filtered));
    } catch (error) {
      if (error.name !== "AbortError") say(error.message, true);
    }
  }

  /** Looks for something else; what is not named stays. */
  function find(changes) {
    Object.assign(wanted, changes);
    for (const [key, value] of Object.entries(wanted)) fields[key](value);
    const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
    history.replaceState(null, "", `#log/${folder.id}${query.size ? `?${query}` : ""}`);
    look();
  }

  const page = () => location.hash.split(/[/?]/)[0];
  /** When nothing more is typed; whoever has gone to another page meanwhile is not called back. */
  const later = (changes) => {
    clearTimeout(typed);
    const at = page();
    typed = setTimeout(() => page() === at && find(changes), TYPED_MS);
  };

  const text = h("input", { type: "search", id: "log-text", placeholder: "Find a name or a device", value: wanted.text, oninput: () => later({ text: text.value }) });
  const where = h("input", { type: "search", id: "log-path", placeholder: "Only this file or folder", value: wanted.path, oninput: () => later({ path: where.value }) });
  const device = h("select", { id: "log-device", onchange: () => find({ device: device.value }) }, h("option", { value: "" }, "Any device"));
  const kinds = [["", ["Everything", "log"]], ...Object.entries(ACTIONS)].map(([kind, [word, shape]]) => {
    const input = h("input", { type: "radio", name: "kind", value: kind, onchange: () => find({ kind }) });
    return { kind, input, label: h("label", {}, input, icon(shape), word) };
  });
  const fields = {
    text: (value) => { if (text.value !== value) text.value = value; },
    path: (value) => { if (where.value !== value) where.value = value; },
    device: (value) => { device.value = value; },
    kind: (value) => kinds.forEach(({ kind, input }) => { input.checked = kind === value; }),
  };

  async function devices() {
    try {
      const all = await get(`/api/log/devices?folder=${folder.id}&limit=0`);
      fill(device, h("option", { value: "" }, "Any device"), all.map((one) => h("option", { value: one }, plain(one))));
      if (wanted.device && !all.includes(wanted.device)) device.append(h("option", { value: wanted.device }, plain(wanted.device)));
      fields.device(wanted.device);
    } catch (error) {
      say(error.message, true);
    }
  }

  root.classList.add("tall");
  root.append(
    h(
      "header",
      {},
      h("h1", {}, title),
      h("div", { class: "line" }, found, folders.length > 1 && chooser("log", folders, folder)),
    ),
    h(
      "form",
      { class: "filters", role: "search", "aria-label": "Find changes", onsubmit: (event) => event.preventDefault() },
      h("fieldset", { class: "choice" }, h("legend", { class: "only-read" }, "Kind of change"), kinds.map(({ label }) => label)),
      h("div", { class: "finders" },
        h("div", { class: "field" }, h("label", { for: "log-text", class: "only-read" }, "Text"), text),
        h("div", { class: "field" }, h("label", { for: "log-path", class: "only-read" }, "Path"), where),
        h("div", { class: "field" }, h("label", { for: "log-device", class: "only-read" }, "Device"), device)),
    ),
    h("div", { class: "rows-frame" }, fresh, rows.element, nothing),
  );
  for (const [key, value] of Object.entries(wanted)) fields[key](value);
  look();
  devices();

  return {
    update(told) {
      const now = told.folders.find(({ id }) => id === folder.id);
      if (!now) return;
      folder = now;
      if (now.logged <= newest) return;
      if (rows.isAtTop) look();
      else fresh.hidden = false;
      devices();
    },
    close() {
      asking?.abort();
      clearTimeout(typed);
      rows.close();
      root.classList.remove("tall");
    },
  };
}

/** Chooses the folder that a page is about. */
export function chooser(page, folders, folder) {
  const select = h(
    "select",
    { "aria-label": "Folder", class: "chooser", onchange: () => { location.hash = `#${page}/${select.value}`; } },
    folders.map(({ id, folder: called, path: at }) => h("option", { value: id, selected: id === folder.id }, plain(`${called} (${at})`))),
  );
  return select;
}

function cells(row, find) {
  const [word, shape, tone] = ACTIONS[row.action] ?? [row.action, "pencil", ""];
  const cell = (className, ...children) => h("span", { role: "cell", class: className }, children);
  return [
    cell("what", h("span", { class: `tag ${tone}`, "data-action": row.action }, icon(shape), h("span", { class: "word" }, word))),
    cell(
      "where",
      h("button", { class: "link", title: plain(row.path), onclick: () => find({ path: row.path }) }, path(row.path)),
      row.from && h("span", { class: "from quiet-text", title: plain(row.from) }, "was ", path(row.from)),
    ),
    cell("who", h("button", { class: "link", title: plain(row.device), onclick: () => find({ device: row.device }) }, name(row.device))),
    cell("when quiet-text", when(row.time)),
  ];
}

function empty(filtered) {
  return h(
    "div",
    { class: "card empty" },
    icon(filtered ? "search" : "log"),
    h("h2", {}, filtered ? "Nothing like that was found" : "Nothing has happened yet"),
    h("p", {}, filtered ? "Change what is looked for above." : "Every change, on any device, is listed here as it comes."),
  );
}
