// What is not synced: the rules of a folder, tried out before they are written.

import { count, doing, fill, get, h, name, post, say } from "/dom.js";
import { icon } from "/icons.js";

/** How long typing rests before rules are tried out. */
const TYPED_MS = 250;

export function ignoring(folder) {
  const id = `rules-${folder.id}`;
  const text = h("textarea", { id, rows: 8, spellcheck: "false", placeholder: "*.tmp\nbuild/\n!keep.tmp", "aria-describedby": `${id}-hint` });
  const shown = h("div", { class: "stack", "aria-live": "polite" });
  const save = h("button", { class: "primary", disabled: true, onclick: () => write() }, "Save rules");
  let seen = null;
  let was = "";
  let typed = 0;
  let turn = 0;

  async function load() {
    try {
      const rules = await get(`/api/ignore?folder=${folder.id}`);
      ({ seen } = rules);
      was = rules.text;
      text.value = was;
      save.disabled = true;
      await preview();
    } catch (error) {
      fill(shown, h("p", { class: "quiet-text" }, error.message));
    }
  }

  async function preview() {
    turn += 1;
    const mine = turn;
    const found = await post("/api/ignore/preview", { folder: folder.id, text: text.value });
    if (mine === turn) fill(shown, render(found, text.value !== was));
  }

  async function write() {
    await doing(save, async () => {
      const rules = await post("/api/ignore", { folder: folder.id, text: text.value, seen });
      ({ seen } = rules);
      was = rules.text;
      say("The rules are saved. They are synced to the other devices, like any file.");
      await preview();
    });
    save.disabled = text.value === was;
  }

  text.addEventListener("input", () => {
    save.disabled = text.value === was;
    clearTimeout(typed);
    typed = setTimeout(() => preview().catch((error) => say(error.message, true)), TYPED_MS);
  });

  const details = h(
    "details",
    { ontoggle: () => details.open && load(), "data-rules": "" },
    h("summary", {}, "Rules of what is not synced"),
    h(
      "div",
      { class: "stack" },
      h("label", { for: id }, "One pattern a line, as in .gitignore"),
      text,
      h("p", { class: "hint", id: `${id}-hint` }, "These are the lines of .onefoldignore in the folder. A line that begins with ! takes names off again."),
      h("div", { class: "buttons" }, save),
      shown,
    ),
  );
  return details;
}

function render(found, changed) {
  const block = (title, tone, names) =>
    names.count > 0 &&
    h(
      "div",
      { class: "stack", "data-preview": tone },
      h("h3", {}, title, " ", h("span", { class: "quiet-text" }, String(names.count))),
      h("ul", { class: "stack", tabindex: "0", "aria-label": title }, names.shown.map((one) => h("li", {}, name(one)))),
      names.count > names.shown.length && h("p", { class: "hint" }, `and ${count(names.count - names.shown.length, "more", "more")}`),
    );
  const blocks = [
    block("Would stop being synced", "newly", found.newly),
    block("Would be synced", "no-longer", found.no_longer),
    block(changed ? "Not synced, before and after" : "Not synced", "still", found.still),
  ].filter(Boolean);
  return [
    found.bad_lines.map((line) => h("div", { class: "notice warn" }, icon("attention"), h("p", {}, "No pattern, and without effect: ", name(line)))),
    blocks.length ? h("div", { class: "preview" }, blocks) : h("p", { class: "quiet-text" }, "The rules match nothing that is in the folder."),
    found.partly && h("p", { class: "hint" }, "The folder is large: only a part of it was looked at."),
  ].filter(Boolean);
}
