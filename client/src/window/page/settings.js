// Settings: folders are added, paused and unlinked here; what is not synced, how fast, and who joins.

import { doing, fill, get, h, meant, name, part, plain, post, say } from "/dom.js";
import { drawing, icon } from "/icons.js";
import { ignoring } from "/ignore.js";
import { heldDeletions, state } from "/now.js";

export const title = "Settings";

export function open(root, store, { folder: chosen }) {
  const cards = new Map();
  const list = h("div", { class: "page" });
  root.append(h("header", {}, h("h1", {}, title)), adding(), list, speed());

  function update({ folders }) {
    for (const [id, card] of cards) {
      if (!folders.some((folder) => folder.id === id)) {
        card.element.remove();
        cards.delete(id);
      }
    }
    for (const folder of folders) {
      if (!cards.has(folder.id)) {
        const card = new Card(folder);
        cards.set(folder.id, card);
        list.append(card.element);
      }
      cards.get(folder.id).update(folder);
    }
  }

  update(store);
  if (chosen) cards.get(chosen)?.element.scrollIntoView();
  return { update };
}

const field = (id, label, input, hint) => {
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), input, hint && h("p", { class: "hint", id: `${id}-hint` }, hint));
};

function adding() {
  const link = h("input", { required: true, autocomplete: "off", spellcheck: "false", placeholder: "onefold://…" });
  const dir = h("input", { required: true, autocomplete: "off", spellcheck: "false", placeholder: "~/Shared" });
  const device = h("input", { autocomplete: "off", maxlength: 64 });
  const add = h("button", { class: "primary", type: "submit" }, icon("plus"), "Add folder");
  const linkField = field("add-link", "Link", link, "Another device, or the server, gives it. It is good for one device.");
  linkField.classList.add("whole");
  const form = h(
    "form",
    {
      class: "form",
      onsubmit: (event) => {
        event.preventDefault();
        doing(add, async () => {
          const joined = await post("/api/join", { link: link.value, dir: dir.value, device: device.value });
          say(`${plain(joined.folder)} is now synced with ${plain(joined.path)}.`);
          form.reset();
        });
      },
    },
    linkField,
    field("add-dir", "Place on this device", dir, "It is made if it is missing. What it holds is merged, and nothing is overwritten."),
    field("add-device", "This device is called", device, "In the log, and in the names of conflict copies. Empty: as this computer."),
    h("div", { class: "whole buttons" }, add),
  );
  return h("section", { class: "card", "aria-labelledby": "add" }, h("h2", { id: "add" }, "Add a folder"), form);
}

class Card {
  constructor(folder) {
    this.head = h("div");
    this.held = h("div");
    this.pause = h("div");
    this.naming = naming(folder);
    this.element = h(
      "section",
      { class: "card", "aria-label": plain(folder.folder), "data-folder": folder.id },
      this.head,
      this.held,
      h(
        "div",
        { class: "settings" },
        h("section", {}, this.pause),
        h("section", {}, inviting(folder)),
        h("section", {}, this.naming.element),
        h("section", {}, ignoring(folder)),
        h("section", {}, unlinking(folder)),
      ),
    );
  }

  update(folder) {
    this.naming.update(folder);
    const paused = folder.state === "paused";
    part(this.head, [folder.folder, folder.path, folder.state], () =>
      h("div", { class: "stack" }, h("div", { class: "line" }, h("h2", {}, name(folder.folder)), state(folder)), h("p", { class: "quiet-text small-text" }, name(folder.path))),
    );
    const deletions = folder.problems.filter((problem) => problem.kind === "held_deletion");
    part(this.held, deletions, () => deletions.length > 0 && heldDeletions(folder.id, deletions));
    part(this.pause, paused, () => {
      const toggle = h("button", { onclick: () => doing(toggle, () => post("/api/pause", { folder: folder.id, paused: !paused })) }, icon(paused ? "sync" : "pause"), paused ? "Resume" : "Pause");
      const words = paused ? "Paused: nothing is sent or fetched, also after a restart." : "Syncs as long as the client runs.";
      return h("div", { class: "line spread" }, h("p", { class: "quiet-text grow" }, words), toggle);
    });
  }
}

const DAY_SECONDS = 24 * 60 * 60;

function inviting(folder) {
  const id = `invite-${folder.id}`;
  const only = h("input", { type: "checkbox" });
  const uses = h("select", {}, [1, 2, 5, 10].map((many) => h("option", { value: many }, many === 1 ? "one device" : `${many} devices`)));
  const days = h("select", {}, [[1, "a day"], [7, "a week"], [30, "30 days"]].map(([many, words]) => h("option", { value: many }, words)));
  const made = h("div", { "aria-live": "polite" });
  const make = h("button", { onclick: () => doing(make, async () => {
    const asked = { read_only: only.checked, uses: Number(uses.value), expires_seconds: Number(days.value) * DAY_SECONDS };
    const { link, code } = await post("/api/invite", { folder: folder.id, ...asked });
    fill(made, shownLink(link, code));
  }) }, icon("link"), "Make a link");
  return h(
    "div",
    { class: "stack", "data-invite": "" },
    h("h3", {}, "Invite a device"),
    h("div", { class: "form" }, field(`${id}-uses`, "For", uses), field(`${id}-days`, "Good for", days)),
    h("label", { class: "check" }, only, "It may only read"),
    h("div", { class: "buttons" }, make),
    made,
  );
}

function shownLink(link, code) {
  const shown = h("input", { readonly: true, value: link, "aria-label": "Link", class: "mono", onfocus: () => shown.select() });
  const copy = h("button", { onclick: () => doing(copy, async () => {
    try {
      await navigator.clipboard.writeText(link);
      say("The link is copied.");
    } catch {
      shown.focus();
    }
  }) }, "Copy");
  return h(
    "div",
    { class: "stack" },
    h("div", { class: "copied" }, shown, copy),
    code && h("div", { class: "qr", role: "img", "aria-label": "The link as a QR code" }, drawing(code.size, code.path)),
    h("p", { class: "hint" }, "On the other device: ", h("code", {}, "onefold join LINK DIR"), ". Whoever has the link can join: hand it on as you would a key."),
  );
}

function naming(folder) {
  const called = h("input", { required: true, maxlength: 64, autocomplete: "off", spellcheck: "false" });
  const save = h("button", { type: "submit" }, "Rename");
  let shown = "";
  const element = h(
    "form",
    {
      class: "stack",
      "data-name": "",
      onsubmit: (event) => {
        event.preventDefault();
        doing(save, async () => {
          await post("/api/rename", { folder: folder.id, name: called.value });
          say(`This device is now called ${plain(called.value)}.`);
        });
      },
    },
    field(`name-${folder.id}`, "This device is called", called, "In the log, and in the names of conflict copies, from now on."),
    h("div", { class: "buttons" }, save),
  );
  /** Shows what it is called, unless a person is about to change that. */
  function update({ device }) {
    if (called.value === shown) called.value = device;
    shown = device;
  }
  return { element, update };
}

/** How fast contents may move, for all folders together. */
function speed() {
  const up = h("input", { autocomplete: "off", placeholder: "no limit" });
  const down = h("input", { autocomplete: "off", placeholder: "no limit" });
  const save = h("button", { class: "primary", type: "submit" }, "Set limits");
  const show = (limits) => {
    up.value = limits.up;
    down.value = limits.down;
  };
  get("/api/limits").then(show, (error) => say(error.message, true));
  return h(
    "section",
    { class: "card", "aria-labelledby": "speed" },
    h("h2", { id: "speed" }, "Speed"),
    h(
      "form",
      {
        class: "form",
        onsubmit: (event) => {
          event.preventDefault();
          doing(save, async () => {
            show(await post("/api/limits", { up: up.value, down: down.value }));
            say("The limits hold from now on, for all folders together.");
          });
        },
      },
      field("limit-up", "Send at most", up, "Bytes a second, for example 500KiB or 2MiB. Empty: as fast as it goes."),
      field("limit-down", "Receive at most", down),
      h("div", { class: "whole buttons" }, save),
    ),
  );
}

function unlinking(folder) {
  const button = h(
    "button",
    {
      class: "bad",
      onclick: async () => {
        const words = `${plain(folder.path)} is not synced any more. Every file in it stays, here and on the other devices. To sync it again, a new link is needed.`;
        if (await meant("Unlink this folder?", words, "Unlink")) {
          await doing(button, async () => {
            await post("/api/unlink", { folder: folder.id });
            say(`${plain(folder.folder)} is unlinked; every file stays.`);
          });
        }
      },
    },
    icon("link"),
    "Unlink",
  );
  return h("div", { class: "line spread" }, h("p", { class: "quiet-text grow" }, "Stops syncing for good. Every file stays."), button);
}
