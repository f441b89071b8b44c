// Conflicts: files that two devices changed without knowing of each other, both versions side by side,
// and what is to stay: this, that, or both.

import { count, doing, fill, get, h, meant, name, path, plain, post, say, size, when } from "/dom.js";
import { icon } from "/icons.js";
import { chooser } from "/log.js";

export const title = "Conflicts";

/** So many are opened by themselves. */
const OPENED = 1;

const CHOICES = [
  ["original", "Keep this"],
  ["copy", "Keep that"],
  ["both", "Keep both"],
];

export function open(root, store, { folder: chosen }) {
  const folders = store.folders;
  const folder = folders.find(({ id }) => id === chosen) ?? folders.find(({ copies }) => copies > 0) ?? folders[0];
  root.append(
    h("header", {}, h("h1", {}, title), folders.length > 1 && chooser("conflicts", folders, folder)),
  );
  if (!folder) {
    root.append(h("p", { class: "quiet-text" }, "No folder is linked yet."));
    return {};
  }
  const list = h("div", { class: "page", "aria-live": "off" });
  const marks = h("div", { class: "marks line spread", role: "group", "aria-label": "All that are marked", hidden: true });
  const told = h("div");
  root.append(told, marks, list);
  const shown = new Map();
  let copies = -1;
  let loading = false;
  let again = false;

  async function load() {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    try {
      const { conflicts, total } = await get(`/api/conflicts?folder=${folder.id}`);
      const ids = new Set(conflicts.map(({ copy }) => copy.id));
      for (const [id, card] of shown) {
        const conflict = conflicts.find(({ copy }) => copy.id === id);
        if (!ids.has(id) || card.key !== key(conflict)) {
          card.element.remove();
          shown.delete(id);
        }
      }
      for (const conflict of conflicts) {
        if (shown.has(conflict.copy.id)) continue;
        const card = new Card(folder.id, conflict, { decide, marked });
        shown.set(conflict.copy.id, card);
        list.append(card.element);
      }
      [...shown.values()].slice(0, OPENED).forEach((card) => card.open());
      const words = total > conflicts.length ? `${conflicts.length} of ${total} conflicts are listed.` : "";
      fill(told, total === 0 ? nothing() : words && h("p", { class: "quiet-text" }, words));
      marked();
    } catch (error) {
      say(error.message, true);
    } finally {
      loading = false;
      if (again) {
        again = false;
        load();
      }
    }
  }

  function marked() {
    const chosen = [...shown.values()].filter((card) => card.mark.checked);
    marks.hidden = shown.size < 2;
    const all = h("input", { type: "checkbox", id: "mark-all", checked: chosen.length === shown.size, onchange: () => {
      for (const card of shown.values()) card.mark.checked = all.checked;
      marked();
      document.getElementById("mark-all").focus();
    } });
    all.indeterminate = chosen.length > 0 && chosen.length < shown.size;
    fill(
      marks,
      h("label", { class: "check" }, all, chosen.length ? `${chosen.length} of ${shown.size} marked` : `Mark all ${shown.size}`),
      h(
        "div",
        { class: "buttons" },
        CHOICES.map(([keep, word]) => {
          const button = h("button", { class: "small", disabled: chosen.length === 0, onclick: () => decide(button, keep, chosen) }, word);
          return button;
        }),
      ),
    );
  }

  async function decide(button, keep, cards) {
    if (keep !== "both" && !(await meant(...question(keep, cards)))) return;
    await doing(button, async () => {
      const { done, now, refused } = await post("/api/resolve", {
        folder: folder.id,
        keep,
        copies: cards.map(({ conflict }) => ({
          id: conflict.copy.id,
          seen: conflict.copy.seen,
          original: conflict.original?.seen ?? null,
        })),
      });
      for (const { path: at, why } of refused) say(`${plain(at)} was left as it is: ${why}.`, true);
      if (done === 1 && keep === "both") say(`Both are kept; the other is now ${plain(now[0])}.`);
      else if (done > 0) say(`${count(done, "conflict")} resolved.`);
      await load();
    });
  }

  load();
  return {
    update(told) {
      const current = told.folders.find(({ id }) => id === folder.id);
      if (!current || current.copies === copies) return;
      const first = copies === -1;
      copies = current.copies;
      if (!first || copies !== shown.size) load();
    },
  };
}

const key = (conflict) => JSON.stringify([conflict.copy.seen, conflict.original?.seen]);

function question(keep, cards) {
  const many = cards.length > 1 ? `in ${cards.length} conflicts` : `of ${plain(cards[0].conflict.beside)}`;
  const [kept, gone] = keep === "original"
    ? ["the version under the file's own name", "The conflict copy"]
    : ["the conflict copy's version", "The version that has the name now"];
  return [
    keep === "original" ? "Keep this version?" : "Keep that version?",
    `Kept ${many}: ${kept}. ${gone} is deleted on every device.`,
    keep === "original" ? "Keep this" : "Keep that",
    false,
  ];
}

function nothing() {
  return h(
    "div",
    { class: "card empty" },
    icon("check"),
    h("h2", {}, "No conflicts"),
    h("p", {}, "Where two devices change one file without knowing of each other, both versions are kept and shown here."),
  );
}

class Card {
  constructor(folder, conflict, { decide, marked }) {
    Object.assign(this, { folder, conflict, key: key(conflict), loaded: false });
    const { copy, original, beside } = conflict;
    const label = plain(beside);
    this.mark = h("input", { type: "checkbox", "aria-label": `Mark ${label}`, onchange: marked });
    this.shows = h("div", { class: "stack" });
    this.toggle = h("details", { ontoggle: () => this.toggle.open && this.load() }, h("summary", {}, "What differs"), this.shows);
    this.element = h(
      "section",
      { class: "card", "aria-label": label, "data-copy": copy.path },
      h("header", {}, h("div", { class: "line grow" }, this.mark, h("h2", { class: "grow" }, path(beside))), this.choice("both", decide)),
      h(
        "div",
        { class: "sides" },
        side("This", "has the name", original, null, original && this.choice("original", decide)),
        side("That", "conflict copy", copy, conflict.made, this.choice("copy", decide)),
      ),
      original ? this.toggle : h("p", { class: "quiet-text" }, "Nothing has that name any more: keep that, and the copy takes it."),
    );
  }

  choice(keep, decide) {
    const [, word] = CHOICES.find(([choice]) => choice === keep);
    const button = h("button", { class: "small", "data-keep": keep, onclick: () => decide(button, keep, [this]) }, word);
    return button;
  }

  open() {
    this.toggle.open = true;
  }

  async load() {
    if (this.loaded) return;
    this.loaded = true;
    const { copy, original } = this.conflict;
    try {
      const shown = await get(`/api/conflict?${new URLSearchParams({ folder: this.folder, id: copy.id })}`);
      fill(this.shows, this.render(shown, original, copy));
    } catch (error) {
      fill(this.shows, h("p", { class: "quiet-text" }, error.message));
    }
  }

  render(shown, original, copy) {
    if (shown === "equal") return h("p", { class: "quiet-text" }, "They hold the same.");
    if (shown === "images") {
      const picture = (version, word) =>
        h("figure", { class: "picture" }, h("img", { alt: `${word}: ${plain(version.path)}`, src: `/api/file?${new URLSearchParams({ folder: this.folder, id: version.id })}` }));
      return h("div", { class: "sides" }, picture(original, "This"), picture(copy, "That"));
    }
    if (shown.text) return diff(shown.text);
    return h("p", { class: "quiet-text" }, name(shown.other ?? ""));
  }
}

function side(word, what, version, made, button) {
  if (!version) return h("div", { class: "side-head" }, h("h3", {}, word), h("p", { class: "quiet-text" }, "Nothing is there any more."));
  return h(
    "div",
    { class: "side-head", "data-side": word.toLowerCase() },
    h("div", { class: "line spread" }, h("h3", { class: "line" }, word, h("span", { class: "tag" }, what)), button),
    h("p", { class: "small-text" }, name(version.path)),
    h(
      "p",
      { class: "small-text quiet-text line" },
      version.device && h("span", { class: "line" }, icon("device"), name(version.device)),
      version.kind === "file" ? h("span", {}, size(version.size)) : h("span", {}, { directory: "a folder", symlink: "a link" }[version.kind]),
      h("span", {}, "changed ", when(version.modified)),
      made && h("span", { class: "only-read" }, `copy made ${made}`),
    ),
  );
}

function diff(rows) {
  const cell = (line, tone) =>
    line
      ? [h("span", { class: "number" }, String(line[0])), h("span", { class: tone }, line[1].map(([text, differs]) => (differs ? h("mark", {}, name(text)) : name(text))))]
      : [h("span", { class: "number none" }), h("span", { class: "none" })];
  const row = (shown) => {
    if (shown === "more") return h("div", { class: "gap" }, "More differs than is shown here.");
    const [[kind, value]] = Object.entries(shown);
    if (kind === "gap") return h("div", { class: "gap" }, `${count(value, "equal line")}`);
    const [left, right] = { same: value, changed: value, left: [value, null], right: [null, value] }[kind];
    const same = kind === "same";
    return h("div", { class: `diff-row ${kind}` }, cell(left, same ? "" : "gone"), cell(right, same ? "" : "came"));
  };
  return h("div", { class: "diff", tabindex: "0", role: "group", "aria-label": "Lines of this on the left, of that on the right" }, rows.map(row));
}
