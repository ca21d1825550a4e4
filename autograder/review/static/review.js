"use strict";
// Keys: j and k go from answer to answer, digits choose items of the rubric; see the page's help.
const answers = () => [...document.querySelectorAll("article.answer:not([hidden])")];
const current = () => document.activeElement?.closest("article.answer");

const go = (step) => {
  const all = answers();
  const at = all.indexOf(current());
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "start" });
};

// An answer that comes back takes the place of the old one: the focus goes with it.
let last = "";
addEventListener("focusin", (event) => {
  last = event.target.closest?.("article.answer")?.id ?? last;
});
const list = document.getElementById("answers");
if (list) {
  new MutationObserver(() => {
    if (!document.activeElement || document.activeElement === document.body) {
      document.getElementById(last)?.focus();
    }
    filter();
  }).observe(list, { childList: true });
}

const isTyping = (target) => /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const answer = current();
  if (isTyping(event.target)) {
    if (event.key === "Escape") answer?.focus();
    return;
  }
  const press = (selector) => answer?.querySelector(selector)?.click();
  const reach = (selector) => answer?.querySelector(selector)?.focus();
  const keys = {
    j: () => go(1),
    k: () => go(-1),
    l: () => press(".look"),
    c: () => reach("textarea"),
    p: () => reach(".points input[name=points]"),
  };
  const key = keys[event.key] ?? (/^[1-9]$/.test(event.key) && (() => press(`[data-key="${event.key}"]`)));
  if (!key) return;
  event.preventDefault();
  key();
});

const show = document.getElementById("show");
const filter = () => {
  if (!show) return;
  let shown = 0;
  const active = current();
  for (const answer of document.querySelectorAll("article.answer")) {
    const fits = !show.value || answer === active ||
      (show.value === "new" ? answer.dataset.looked === "0" : answer.dataset.lost === "1");
    answer.hidden = !fits;
    shown += fits;
  }
  document.getElementById("count").textContent = `${shown} shown`;
};
show?.addEventListener("change", filter);
document.getElementById("filter")?.addEventListener("submit", (event) => event.preventDefault());
filter();
