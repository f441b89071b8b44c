// A list of any length, of which only the rows that are seen are in the page.
//
// Rows are asked for in blocks as they come into sight; what was asked for and has scrolled away is
// not waited for. Where a list would be taller than a browser can lay out, its places are scaled.

import { fill, h } from "/dom.js";

/** The rows of a block. */
const BLOCK = 100;
/** The blocks that are kept. */
const KEPT = 12;
/** The rows drawn above and below those that are seen. */
const AROUND = 8;
/** The tallest a list is laid out, in pixels. */
const TALLEST = 8_000_000;

export class Rows {
  /**
   * `ask(skip, limit, signal)` gives rows; `draw(row)` makes the cells of one.
   */
  constructor({ label, ask, draw, failed }) {
    Object.assign(this, { ask, draw, failed, total: 0, blocks: new Map(), drawn: new Map(), frame: 0 });
    this.body = h("div", { class: "rows-body", role: "rowgroup" });
    this.height = h("div", { class: "rows-height" }, this.body);
    this.element = h("div", { class: "rows", role: "table", tabindex: "0", "aria-label": label }, this.height);
    this.element.addEventListener("scroll", () => this.soon(), { passive: true });
    this.sizes = new ResizeObserver(() => this.measure());
    this.sizes.observe(this.element);
  }

  close() {
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
    for (const block of this.blocks.values()) block.stop?.abort();
  }

  /** Begins anew with a list of this length, of which the first rows may be known already. */
  reset(total, rows = [], stay = false) {
    for (const block of this.blocks.values()) block.stop?.abort();
    this.blocks.clear();
    this.drawn.clear();
    fill(this.body);
    this.total = total;
    if (rows.length) this.blocks.set(0, { rows });
    this.element.setAttribute("aria-rowcount", String(total));
    if (!stay) this.element.scrollTop = 0;
    this.measure();
  }

  /** At the newest. */
  get isAtTop() {
    return this.element.scrollTop < this.rowHeight;
  }

  measure() {
    const probe = h("div", { class: "row", "aria-hidden": "true" });
    this.body.append(probe);
    this.rowHeight = probe.offsetHeight || 40;
    probe.remove();
    const whole = this.total * this.rowHeight;
    this.scale = Math.max(1, whole / TALLEST);
    this.height.style.height = `${Math.min(whole, TALLEST)}px`;
    for (const row of this.drawn.values()) row.remove();
    this.drawn.clear();
    this.show();
  }

  soon() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.show();
    });
  }

  show() {
    const { element, rowHeight, scale, total } = this;
    const seen = Math.ceil(element.clientHeight / rowHeight);
    const top = element.scrollTop;
    // Where places are scaled, the last rows are reached all the same.
    const most = Math.max(0, total - seen);
    const first = scale > 1 ? Math.min(most, Math.round((top * scale) / rowHeight)) : Math.floor(top / rowHeight);
    const from = Math.max(0, first - AROUND);
    const to = Math.min(total, first + seen + AROUND);
    const shift = top - first * rowHeight - (scale > 1 ? 0 : top % rowHeight);
    for (const [at, row] of this.drawn) {
      if (at < from || at >= to) {
        row.remove();
        this.drawn.delete(at);
      }
    }
    this.need(from, to);
    for (let at = from; at < to; at += 1) {
      const data = this.blocks.get(Math.floor(at / BLOCK))?.rows?.[at % BLOCK];
      const old = this.drawn.get(at);
      if (old && (old.shown === data || !data)) {
        this.place(old, at, shift);
        continue;
      }
      const row = h("div", { class: "row", role: "row", "aria-rowindex": at + 1 }, data ? this.draw(data) : h("span", { class: "waits" }));
      row.shown = data;
      this.place(row, at, shift);
      old?.remove();
      this.drawn.set(at, row);
      this.body.append(row);
    }
  }

  place(row, at, shift) {
    const top = this.scale > 1 ? at * this.rowHeight + shift : at * this.rowHeight;
    row.style.transform = `translateY(${top}px)`;
  }

  need(from, to) {
    const first = Math.floor(from / BLOCK);
    const last = Math.floor(Math.max(from, to - 1) / BLOCK);
    for (const [number, block] of this.blocks) {
      const far = number < first - 1 || number > last + 1;
      if (far && block.stop) {
        block.stop.abort();
        this.blocks.delete(number);
      } else if (far && this.blocks.size > KEPT) this.blocks.delete(number);
    }
    for (let number = first; number <= last && number * BLOCK < this.total; number += 1) {
      if (!this.blocks.has(number)) this.fetch(number);
    }
  }

  async fetch(number) {
    const stop = new AbortController();
    const block = { stop };
    this.blocks.set(number, block);
    try {
      block.rows = await this.ask(number * BLOCK, BLOCK, stop.signal);
      block.stop = null;
      if (this.blocks.get(number) === block) this.show();
    } catch (error) {
      if (this.blocks.get(number) === block) this.blocks.delete(number);
      if (error.name !== "AbortError") this.failed(error);
    }
  }
}
