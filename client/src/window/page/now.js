// Now: where each folder stands, what moves, what waits and why, and who else is there.

import { ago, count, doing, h, meant, name, part, path, plain, post, say, size, span } from "/dom.js";
import { icon } from "/icons.js";

export const title = "Now";

export const STATES = {
  in_sync: ["In sync", "check", "good"],
  syncing: ["Syncing", "sync", "moving"],
  offline: ["Offline", "offline", "warn"],
  paused: ["Paused", "pause", ""],
  attention: ["Needs attention", "attention", "bad"],
};

const KINDS = {
  busy: ["Open in a program", "They are synced when they are closed."],
  unreadable: ["Cannot be read", "Change their permissions, and they are synced."],
  unwritable: ["Cannot be written here", "Change the permissions of the place they belong to."],
  disk_full: ["No room on this disk", "They come by themselves when there is room."],
  parked: ["Names this device cannot hold", "They are in sync on the other devices. Rename one there."],
  refused: ["Not taken by the server", "What is changed here stays here."],
  held_deletion: ["Deleted here, kept elsewhere", "They wait for your word."],
  retried: ["Tried again", "They are synced as soon as that succeeds."],
};

/** The problems that are shown of each kind before "more". */
const FEW = 5;

/** The state of a folder, in a word, a colour and an icon. */
export function state(folder) {
  const [word, shape, tone] = STATES[folder.state] ?? STATES.attention;
  const turning = folder.state === "syncing" ? "turning" : "";
  return h("span", { class: `state ${tone} ${turning}`, "data-state": folder.state }, icon(shape), word);
}

export function open(root, store, { folder: chosen }) {
  const cards = new Map();
  const heading = h("header", {}, h("h1", {}, "Now"), h("p", { class: "quiet-text", role: "status" }));
  const list = h("div", { class: "page" });
  const trouble = h("div");
  const empty = h("div");
  root.append(heading, trouble, list, empty);

  function update(told) {
    part(heading.lastChild, summary(told.folders), () => summary(told.folders));
    part(trouble, told.trouble, () => told.trouble && notice("bad", "attention", told.trouble));
    part(empty, [told.folders.length, told.trouble], () => !told.folders.length && !told.trouble && nothing());
    for (const [id, card] of cards) {
      if (!told.folders.some((folder) => folder.id === id)) {
        card.element.remove();
        cards.delete(id);
      }
    }
    for (const folder of told.folders) {
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

function summary(folders) {
  const worst = ["attention", "syncing", "offline", "paused", "in_sync"].find((word) =>
    folders.some((folder) => folder.state === word),
  );
  return {
    attention: "Something needs your decision.",
    syncing: "Changes are on their way.",
    offline: "Not connected: what changes here is sent later.",
    paused: "Some folders are paused.",
    in_sync: "Everything is the same on every connected device and the server.",
  }[worst] ?? "";
}

function nothing() {
  return h(
    "div",
    { class: "card empty" },
    icon("folder"),
    h("h2", {}, "No folder is linked"),
    h("p", {}, "Add one by the link that another device or the server gives."),
    h("a", { class: "button", href: "#settings" }, icon("plus"), "Add a folder"),
  );
}

export const notice = (tone, shape, ...words) =>
  h("div", { class: `notice ${tone}` }, icon(shape), h("div", { class: "stack grow" }, words));

class Card {
  constructor(folder) {
    this.batches = { up: new Batch(), down: new Batch() };
    this.parts = Object.fromEntries(
      ["head", "detail", "held", "moving", "problems", "copies", "facts", "devices"].map((part) => [part, h("div")]),
    );
    this.element = h(
      "section",
      { class: "card", "data-folder": folder.id, "aria-label": plain(folder.folder) },
      Object.values(this.parts),
    );
  }

  update(folder) {
    const { head, detail, held, moving, problems, copies, facts, devices } = this.parts;
    const { id, state: word, paused } = folder;
    part(head, [folder.folder, folder.path, word, paused], () => this.head(folder));
    part(detail, [folder.detail, word, folder.running], () => words(folder));
    const deletions = folder.problems.filter((problem) => problem.kind === "held_deletion");
    part(held, deletions, () => deletions.length > 0 && heldDeletions(id, deletions));
    part(moving, [folder.uploading, folder.downloading, folder.transfers, folder.rate], () => movement(folder, this.batches));
    part(problems, folder.problems, () => waiting(folder.problems));
    part(copies, folder.copies, () => folder.copies > 0 && conflictCopies(folder));
    part(facts, [folder.files, folder.bytes, folder.server, folder.device, folder.guard, folder.polled], () =>
      theFacts(folder),
    );
    part(devices, folder.devices ?? null, () => folder.devices?.length > 0 && theDevices(folder.devices));
  }

  head(folder) {
    const paused = folder.state === "paused";
    const toggle = h(
      "button",
      {
        class: "quiet",
        onclick: () =>
          doing(toggle, () => post("/api/pause", { folder: folder.id, paused: !paused })),
      },
      icon(paused ? "sync" : "pause"),
      paused ? "Resume" : "Pause",
    );
    return h(
      "header",
      { class: "line spread" },
      h(
        "div",
        { class: "stack grow" },
        h("div", { class: "line" }, h("h2", {}, name(folder.folder)), state(folder)),
        h("p", { class: "quiet-text small-text" }, name(folder.path)),
      ),
      h(
        "div",
        { class: "buttons" },
        h("a", { class: "button quiet-link", href: `#log/${folder.id}` }, icon("log"), "Log"),
        toggle,
      ),
    );
  }
}

function words(folder) {
  if (folder.state === "paused") return h("p", {}, "Nothing is sent or fetched until you resume it.");
  if (!folder.detail) return null;
  const tone = { attention: "bad", offline: "warn" }[folder.state];
  const text = folder.detail.charAt(0).toUpperCase() + folder.detail.slice(1);
  if (folder.state === "offline") {
    return notice("warn", "offline", h("p", {}, name(text)), h("p", { class: "hint" }, "It connects by itself; until then, changes wait here."));
  }
  const problemsTell = folder.state === "attention" && folder.problems.length > 0;
  if (problemsTell) return null;
  return tone ? notice(tone, "attention", h("p", { class: "told-lines" }, name(text))) : h("p", { class: "quiet-text" }, name(text), "…");
}

export function heldDeletions(folder, deletions) {
  const told = /^(\d+) of (\d+) files/.exec(deletions[0].reason);
  const many = told ? `${count(Number(told[1]), "file")} of ${told[2]}` : "Most files";
  const answer = async (button, undo) => {
    const sure =
      undo ||
      (await meant(
        "Delete them everywhere?",
        `${many} were deleted here, and would then be deleted on every device.`,
        "Delete everywhere",
      ));
    if (!sure) return;
    await doing(button, async () => {
      await post("/api/answer", { folder, undo });
      say(undo ? "What was deleted here comes back." : "What was deleted here is deleted everywhere.");
    });
  };
  const approve = h("button", { class: "bad", onclick: () => answer(approve, false) }, icon("trash"), "Delete everywhere");
  const undo = h("button", { onclick: () => answer(undo, true) }, "Bring them back");
  const places = deletions.slice(0, FEW).map((problem) => h("li", {}, path(problem.path)));
  return notice(
    "bad",
    "attention",
    h("p", {}, h("strong", {}, `${many} were deleted here at once.`), " They stay on the other devices until you say that it is meant."),
    h("ul", { class: "small-text" }, places, deletions.length > FEW && h("li", {}, `and ${deletions.length - FEW} more`)),
    h("div", { class: "buttons" }, undo, approve),
  );
}

/** How much of what is to be moved one way has been moved, since there was something to move. */
class Batch {
  constructor() {
    this.total = 0;
  }

  of(left, moving) {
    const there = moving.reduce((sum, transfer) => sum + transfer.done, 0);
    const rest = Math.max(0, left.bytes - there);
    this.total = left.items > 0 ? Math.max(this.total, rest) : 0;
    return { done: this.total - rest, of: this.total };
  }
}

const WAYS = [
  ["uploading", "up", "Sending"],
  ["downloading", "down", "Receiving"],
];

function movement(folder, batches) {
  const lines = WAYS.map(([what, way, word]) => {
    const left = folder[what];
    const moving = (folder.transfers ?? []).filter(({ direction }) => direction === way);
    const { done, of } = batches[way].of(left, moving);
    if (!left.items) return null;
    const rate = folder.rate?.[way] ?? 0;
    const percent = of > 0 ? Math.floor((100 * done) / of) : 0;
    const bar = h("progress", { max: of || 1, "aria-label": `${word}: ${percent} percent` });
    bar.value = done;
    const speed = [rate > 0 && `${size(rate)} per second`, rate > 0 && left.bytes > 0 && `${span((of - done) / rate)} left`];
    return h(
      "div",
      { class: "stack", "data-way": way },
      h(
        "div",
        { class: "line spread" },
        h("span", { class: "line" }, icon(way), h("strong", {}, word), count(left.items, "file"), h("span", { class: "quiet-text" }, `${size(done)} of ${size(of)}`)),
        h("span", { class: "quiet-text small-text" }, speed.filter(Boolean).join(" · ")),
      ),
      bar,
      moving.length > 0 && h("ul", { class: "small-text stack" }, moving.slice(0, FEW).map(oneMoving)),
    );
  });
  return lines.some(Boolean) && h("div", { class: "stack wide-gap" }, lines);
}

const oneMoving = ({ path: at, done, bytes }) =>
  h("li", { class: "line spread" }, h("span", { class: "grow" }, path(at)), h("span", { class: "quiet-text" }, `${size(done)} of ${size(bytes)}`));

function waiting(problems) {
  const groups = Object.groupBy
    ? Object.groupBy(problems, (problem) => problem.kind)
    : problems.reduce((all, problem) => ({ ...all, [problem.kind]: [...(all[problem.kind] ?? []), problem] }), {});
  delete groups.held_deletion;
  // Of the whole folder: its state says it.
  delete groups.copied;
  const kinds = Object.keys(groups);
  if (!kinds.length) return null;
  return [
    h("h3", {}, "Waiting"),
    h("div", { class: "list" }, kinds.map((kind) => group(kind, groups[kind]))),
  ];
}

function group(kind, problems) {
  const [word, advice] = KINDS[kind] ?? [kind, ""];
  const tone = kind === "busy" ? "moving" : "warn";
  const line = (problem) =>
    h("li", {}, path(problem.path), " ", h("span", { class: "quiet-text small-text" }, name(problem.reason)));
  const more = problems.length - FEW;
  return h(
    "div",
    { class: "stack", "data-kind": kind },
    h("div", { class: "line" }, h("span", { class: `tag ${tone}` }, word), h("span", {}, count(problems.length, "file")), h("span", { class: "quiet-text small-text" }, advice)),
    h("ul", { class: "stack" }, problems.slice(0, FEW).map(line)),
    more > 0 &&
      h("details", { "data-keep": kind, ontoggle: (event) => unfold(event.target, problems.slice(FEW), line) }, h("summary", {}, `${more} more`)),
  );
}

/** The most lines that "more" shows. */
const MANY = 200;

function unfold(details, problems, line) {
  if (!details.open || details.children.length > 1) return;
  const left = problems.length - MANY;
  details.append(
    h("ul", { class: "stack" }, problems.slice(0, MANY).map(line)),
    left > 0 ? h("p", { class: "hint" }, `And ${left} more; \`onefold status\` lists them.`) : "",
  );
}

const conflictCopies = (folder) =>
  notice(
    "warn",
    "conflicts",
    h(
      "div",
      { class: "line spread" },
      h("span", {}, count(folder.copies, "file"), " changed in two places at once: both versions were kept."),
      h("a", { href: `#conflicts/${folder.id}` }, "Decide"),
    ),
  );

function theFacts(folder) {
  const weak = /weaker/.test(folder.guard);
  const guard = folder.guard && [
    h("dt", {}, "Guard"),
    h(
      "dd",
      { "data-guard": weak ? "weakened" : "whole" },
      h("span", { class: `tag ${weak ? "warn" : "good"}` }, icon("shield"), weak ? "Weakened" : "Whole"),
      " ",
      h("span", { class: "small-text quiet-text" }, name(folder.guard)),
    ),
  ];
  return h(
    "dl",
    { class: "facts" },
    h("dt", {}, "Holds"),
    h("dd", {}, `${count(folder.files, "file")}, ${size(folder.bytes)}`),
    h("dt", {}, "Server"),
    h("dd", {}, folder.hosted ? "on this device" : name(folder.server)),
    h("dt", {}, "This device"),
    h("dd", {}, name(folder.device)),
    guard,
    folder.polled && [h("dt", {}, "Looks"), h("dd", {}, name(folder.polled))],
  );
}

function theDevices(devices) {
  const behind = (device) =>
    device.behind > 0
      ? h("span", { class: "tag moving" }, `${count(device.behind, "change")} behind`)
      : h("span", { class: "tag good" }, icon("check"), "Up to date");
  const seen = (device) =>
    device.connected
      ? h("span", {}, "connected")
      : h("span", {}, device.last_seen ? ["last seen ", h("span", { title: device.last_seen }, ago(device.last_seen))] : "never seen");
  return [
    h("h3", {}, "Devices"),
    h(
      "ul",
      { class: "list" },
      devices.map((device) =>
        h(
          "li",
          { class: "line spread", "data-device": device.name },
          h("span", { class: "line grow" }, icon("device"), name(device.name), device.this && h("span", { class: "quiet-text small-text" }, "this device"), device.writable === false && h("span", { class: "quiet-text small-text" }, "may only read")),
          h("span", { class: "line small-text quiet-text" }, seen(device), behind(device)),
        ),
      ),
    ),
  ];
}
