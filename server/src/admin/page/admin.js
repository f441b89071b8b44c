// The administrator's page: what the server's database says now, asked again every few seconds while
// somebody looks. Names of folders and devices are only ever text.

import { count, doing, fill, get, h, meant, name, part, plain, post, say, size, when } from "/admin/dom.js";
import { icon } from "/admin/icons.js";

const AGAIN_MS = 3000;
const PARTS = { folders: ["Folders", "folder"], devices: ["Devices", "device"], invites: ["Invites", "link"], space: ["Space", "file"] };
const EXPIRES = [["An hour", 3600], ["A day", 86400], ["A week", 604800], ["30 days", 2592000]];

// The key has done its part: the cookie stands for it now, and it is not to be copied or bookmarked.
if (location.search) history.replaceState(null, "", location.pathname + location.hash);

fill(
  document.getElementById("parts"),
  Object.entries(PARTS).map(([id, [title, shape]]) => h("li", {}, h("a", { href: `#${id}` }, icon(shape), h("span", {}, title)))),
);
window.addEventListener("hashchange", () => document.getElementById(location.hash.slice(1))?.focus());

/** Where a part shows what is there. */
const place = (id) => document.querySelector(`#${id} > div:last-child`);

const empty = (words) => h("p", { class: "quiet-text" }, words);

/** A table that is a list where it would not fit: each cell but the first then tells what it is. */
function table(heads, rows) {
  for (const row of rows) {
    heads.forEach((head, column) => column > 0 && head && row.children[column].setAttribute("data-head", head));
  }
  return h(
    "table",
    { class: "narrow" },
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head || h("span", { class: "only-read" }, "What can be done"))))),
    h("tbody", {}, rows),
  );
}

const changes = (number) => count(number, "change");

function folders(view) {
  if (view.folders.length === 0) return empty("There is no folder yet. An invite makes one.");
  return table(
    ["Folder", "Files", "May have", "Changes so far", "Devices"],
    view.folders.map((folder) => {
      const devices = view.devices.filter((device) => device.folder === folder.name && !device.revoked);
      return h(
        "tr",
        { "data-folder": folder.id },
        h("td", {}, name(folder.name)),
        h("td", {}, size(folder.bytes)),
        h("td", {}, folder.quota === null ? "no limit" : size(folder.quota)),
        h("td", {}, changes(folder.changes)),
        h("td", {}, count(devices.length, "device")),
      );
    }),
  );
}

/** Whether a device is there, in a word and a colour. */
function presence(device) {
  if (device.revoked) return h("span", { class: "tag" }, "shut out");
  if (device.connected) return h("span", { class: "tag good" }, "connected");
  if (device.last_seen_ms === null) return h("span", { class: "tag" }, "never connected");
  return h("span", {}, "last seen ", when(device.last_seen_ms));
}

function behind(device) {
  if (device.revoked) return "";
  return device.behind === 0 ? "up to date" : `${changes(device.behind)} behind`;
}

function revoking(device) {
  const button = h(
    "button",
    {
      class: "bad small",
      "aria-label": `Shut out ${plain(device.name)}`,
      onclick: async () => {
        const words = `${plain(device.name)} gets and sends nothing of ${plain(device.folder)} any more, at once and for good. The files that it has stay with it.`;
        if (await meant("Shut this device out?", words, "Shut out")) {
          await doing(button, async () => {
            await post("/admin/api/revoke", { device: device.id });
            say(`${plain(device.name)} is shut out.`);
            await look();
          });
        }
      },
    },
    "Shut out",
  );
  return button;
}

function devices(view) {
  if (view.devices.length === 0) return empty("No device has joined yet.");
  return table(
    ["Device", "Folder", "Seen", "Stands", ""],
    view.devices.map((device) =>
      h(
        "tr",
        { "data-device": device.id, class: device.revoked && "out" },
        h("td", {}, name(device.name), !device.writable && h("span", { class: "quiet-text" }, " (may only read)"), h("div", { class: "id" }, device.id.slice(0, 8))),
        h("td", {}, name(device.folder)),
        h("td", { class: "short" }, presence(device)),
        h("td", { class: "short" }, behind(device)),
        h("td", { class: "end does" }, !device.revoked && revoking(device)),
      ),
    ),
  );
}

const field = (id, label, input, hint) => {
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), input, hint && h("p", { class: "hint", id: `${id}-hint` }, hint));
};

/** The form that makes a link. It is drawn once, so that nothing typed is lost. */
function inviting() {
  const folder = h("input", { required: true, autocomplete: "off", spellcheck: "false", list: "known-folders", value: "default" });
  const expires = h("select", {}, EXPIRES.map(([words, seconds]) => h("option", { value: seconds, selected: seconds === 86400 }, words)));
  const uses = h("input", { type: "number", min: 1, max: 1000, required: true, value: "1" });
  const reads = h("input", { type: "checkbox" });
  const make = h("button", { class: "primary", type: "submit" }, icon("plus"), "Make a link");
  const made = h("div", { class: "whole", role: "status" });
  return h(
    "form",
    {
      class: "form",
      onsubmit: (event) => {
        event.preventDefault();
        doing(make, async () => {
          const asked = { folder: folder.value, read_only: reads.checked, expires_seconds: Number(expires.value), uses: Number(uses.value) };
          const { link } = await post("/admin/api/invite", asked);
          fill(made, shown(link));
          await look();
        });
      },
    },
    field("invite-folder", "Folder", folder, "It is made if there is none of this name."),
    h("datalist", { id: "known-folders" }),
    field("invite-expires", "Good for", expires),
    field("invite-uses", "Devices that may join", uses),
    h("label", { class: "check whole" }, reads, "They may only read"),
    h("div", { class: "whole buttons" }, make),
    made,
  );
}

/** A link that was made: it is shown once, since only its hash is kept. */
function shown(link) {
  const copy = h(
    "button",
    { class: "small", type: "button", onclick: () => doing(copy, () => navigator.clipboard.writeText(link).then(() => say("The link is copied."), () => say("The browser does not let it be copied: select it.", true))) },
    "Copy",
  );
  return h("div", { class: "made" }, h("code", { id: "made-link" }, link), copy);
}

function takingBack(invite) {
  const button = h(
    "button",
    {
      class: "bad small",
      "aria-label": `Take back the invite to ${plain(invite.folder)}`,
      onclick: async () => {
        if (await meant("Take this invite back?", "Nobody can join with its link any more. Devices that have joined stay.", "Take back")) {
          await doing(button, async () => {
            await post("/admin/api/take-back", { invite: invite.id });
            say(`The invite to ${plain(invite.folder)} is taken back.`);
            await look();
          });
        }
      },
    },
    "Take back",
  );
  return button;
}

function invites(view) {
  if (view.invites.length === 0) return empty("No link is open. Links that were made are listed here until they are used up.");
  return table(
    ["To the folder", "For", "Good until", ""],
    view.invites.map((invite) =>
      h(
        "tr",
        { "data-invite": invite.id, class: invite.expired && "out" },
        h("td", {}, name(invite.folder)),
        h("td", {}, count(invite.uses, "device"), invite.read_only && " that may only read"),
        h("td", {}, invite.expired ? h("span", { class: "tag" }, "expired") : when(invite.expires_ms)),
        h("td", { class: "end does" }, takingBack(invite)),
      ),
    ),
  );
}

/** What takes up how much; counted when somebody asks, since that takes long where there is much. */
function space() {
  const button = h(
    "button",
    {
      onclick: () =>
        doing(button, async () => {
          const rows = await get("/admin/api/space");
          fill(told, rows.length === 0 ? empty("Nothing is kept yet.") : spaces(rows));
        }),
    },
    "Count",
  );
  const told = h("div", { id: "counted", role: "status" });
  const words = "All that is kept, the past and what several files share included. Counting reads a row of each.";
  return [h("div", { class: "line spread" }, h("p", { class: "quiet-text grow" }, words), button), told];
}

function spaces(rows) {
  const sum = (row) => row.small[1] + row.chunks[1];
  const cells = (row) => [
    h("td", {}, size(row.files)),
    h("td", {}, `${size(row.small[1])} in ${count(row.small[0], "small content")}`),
    h("td", {}, `${size(row.chunks[1])} in ${count(row.chunks[0], "piece")}`),
    h("td", {}, size(sum(row))),
  ];
  return table(
    ["Folder", "Files now", "In the database", "In the blob store", "Kept"],
    [...rows].sort((one, other) => sum(other) - sum(one)).map((row) => h("tr", { "data-space": "" }, h("td", {}, name(row.folder)), cells(row))),
  );
}

function lost(words) {
  const element = document.getElementById("lost");
  element.hidden = !words;
  part(element, words, () => words && h("div", { class: "notice bad", role: "alert" }, icon("offline"), h("p", {}, words)));
}

function show(view) {
  // Times of today are told otherwise than those of yesterday.
  const today = new Date().toDateString();
  part(place("folders"), [view.folders, view.devices.map((device) => [device.folder, device.revoked])], () => folders(view));
  part(place("devices"), [view.devices, today], () => devices(view));
  part(place("invites"), [view.invites, today], () => invites(view));
  part(document.getElementById("known-folders"), view.folders.map((folder) => folder.name), () => view.folders.map((folder) => h("option", { value: folder.name })));
  part(document.getElementById("foot"), view.version, () => `version ${view.version}`);
}

let looks = 0;

/** Asks and shows; an answer that comes after a newer one was asked for is old. */
async function look() {
  const mine = ++looks;
  try {
    const view = await get("/admin/api/view");
    if (mine !== looks) return;
    lost("");
    show(view);
  } catch (error) {
    if (mine === looks) lost(`${error.message} What is shown may be old.`);
  }
}

async function lookOn() {
  if (document.visibilityState === "visible") await look();
  setTimeout(lookOn, AGAIN_MS);
}

fill(document.getElementById("inviting"), inviting());
fill(place("space"), space());
document.addEventListener("visibilitychange", look);
lookOn();
