"use strict";
// Sorting is sortable-tablesort's; it needs a button in each head to be used by keyboard.
const heads = [...document.querySelectorAll("table.sortable thead th")];
const addButtons = () => {
  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
  }
};
// On paper a table's head comes again on each page, but not where it holds a button.
const removeButtons = () => {
  for (const head of heads) head.replaceChildren(...head.firstChild.childNodes);
};
addButtons();
addEventListener("beforeprint", removeButtons);
addEventListener("afterprint", addButtons);

const element = (name, text = "", kind = "") => {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
};

// An author's text, in which code stands between backticks.
const prose = (text) => text.split("`").map((part, n) => n % 2 ? element("code", part) : part);

// Finding students: the form is useless without a script, and hidden until here.
const rows = () => [...document.getElementById("table").tBodies[0].rows];
const form = document.querySelector("form.search");
if (form) {
  const text = document.getElementById("find");
  const status = document.getElementById("show");
  const found = document.getElementById("found");
  const fold = (words) => words.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const names = new Map(rows().map((row) => [row, fold(row.cells[0].textContent)]));
  const filter = () => {
    const parts = fold(text.value).split(/\s+/);
    let shown = 0;
    for (const [row, name] of names) {
      const fits = parts.every((part) => name.includes(part)) &&
        (!status.value || row.dataset.state === status.value);
      row.hidden = !fits;
      shown += fits;
    }
    found.textContent = `${shown} of ${names.size} shown`;
  };
  text.addEventListener("input", filter);
  status.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
}

// One submission in detail, opened by the address's fragment: #s12. See details.py for the data.
const dialog = document.getElementById("details");
if (dialog) {
  const data = JSON.parse(document.getElementById("data").textContent);
  const signs = { passed: "✓", failed: "✗", "grader error": "?", skipped: "–", missing: "–" };

  // Python as text in coloured parts; what a student wrote never becomes markup.
  const PARTS = new RegExp([
    /(?<comment>#[^\n]*)/,
    /(?<string>"""[^]*?"""|'''[^]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/,
    /(?<keyword>\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except)\b)/,
    /(?<word>\b(?:False|finally|for|from|global|if|import|in|is|lambda|None|nonlocal|not|or)\b)/,
    /(?<more>\b(?:pass|raise|return|True|try|while|with|yield)\b)/,
    /(?<number>\b\d[\w.]*)/,
  ].map((part) => part.source).join("|"), "g");
  const coloured = (code) => {
    const parts = [];
    let end = 0;
    for (const found of code.matchAll(PARTS)) {
      const [kind] = Object.entries(found.groups).find(([, text]) => text !== undefined);
      const colour = ["comment", "string", "number"].includes(kind) ? kind : "keyword";
      parts.push(code.slice(end, found.index), element("span", found[0], `py-${colour}`));
      end = found.index + found[0].length;
    }
    return [...parts, code.slice(end)];
  };

  const codeOf = (number, name) => {
    const figure = element("figure", "", "code");
    const text = element("pre");
    text.tabIndex = 0;
    text.setAttribute("role", "region");
    text.setAttribute("aria-label", `Code of ${name}`);
    text.append(...coloured(data.codes[number]));
    figure.append(element("figcaption", "The student’s code"), text);
    return figure;
  };

  const checkItem = (outcome, [title, hidden, points, did], texts, said) => {
    const item = element("li", "", outcome.replace(" ", "_"));
    const sign = element("span", signs[outcome] ?? "!");
    sign.setAttribute("aria-hidden", "true");
    const kind = [outcome, hidden ? "hidden" : "public", `worth ${points}`, did].join(", ");
    item.append(sign, ...prose(title), " ", element("small", kind));
    const [message, slip, hint, promises, ...evidence] = texts.map((number) => data.texts[number]);
    if (message && message !== said.message) {
      const box = element("div", message, "said");
      box.dir = "auto";
      item.append(box);
    }
    if (promises) {
      const line = element("div");
      line.append(element("b", "The exercise says: "), ...prose(promises));
      item.append(line);
    }
    if (evidence.length) {
      const list = element("dl", "", "evidence");
      ["Call", "Got", "Expected"].forEach((name, n) => {
        const text = element("dd", evidence[n]);
        text.dir = "auto";
        list.append(element("dt", name), text);
      });
      item.append(list);
    }
    if ((slip || hint) && slip !== said.slip) {
      const line = element("div");
      const both = [slip && `${slip}.`, hint].filter(Boolean).join(" ");
      line.append(element("b", "Likely slip: "), ...prose(both));
      item.append(line);
    }
    Object.assign(said, { message, slip: slip || said.slip });
    return item;
  };

  const picture = ([file, width, height], name, who) => {
    const image = element("img");
    Object.assign(image, { src: file, width, height, alt: `${name} as drawn by ${who}` });
    return image;
  };

  const sections = (one, who) => {
    const texts = new Map(one.t.map(([place, ...numbers]) => [place, numbers]));
    let place = 0;
    return data.exercises.map(([name, checks], number) => {
      const section = element("section");
      const head = element("h3");
      head.append(element("code", name), element("span", one.x[number], "score"));
      const list = element("ul");
      const said = {}; // the last message and slip: they are not repeated
      for (const check of checks) {
        const outcome = data.outcomes[one.o[place]];
        if (outcome) {
          list.append(checkItem(outcome, check, texts.get(place) ?? [], said));
        }
        place += 1;
      }
      section.append(head, list);
      if (one.c[number]) {
        section.className = "with-code";
        section.append(codeOf(one.c[number], name));
      }
      if (one.p[number]) section.append(picture(one.p[number], name, who));
      return section;
    });
  };

  const show = (row) => {
    const one = data.submissions[row.id.slice(1) - 1];
    const [name, score, status] = row.cells;
    const who = document.getElementById("who");
    who.replaceChildren(element("bdi", name.querySelector("a").textContent));
    const line = element("p", "", "quiet");
    line.append(element("bdi", one.f), " · ",
      element("b", score.textContent), " · ", status.textContent);
    const parts = [line];
    if (one.n.length) {
      const notes = element("ul", "", "notes");
      notes.append(...one.n.map((number) => element("li", data.texts[number])));
      parts.push(notes);
    }
    document.getElementById("what").replaceChildren(...parts, ...sections(one, who.textContent));
    dialog.dataset.shown = row.id;
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    who.focus();
  };

  const open = () => {
    const row = /^#s\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (row) show(row);
    else if (dialog.open) dialog.close();
  };

  // Following a link to a row takes the focus from the link: it gets it back in the end.
  let opener = null;
  document.addEventListener("click", (event) => {
    opener = event.target.closest('a[href^="#s"]') ?? opener;
  });

  dialog.addEventListener("close", () => {
    opener?.focus();
    if (location.hash === `#${dialog.dataset.shown}`) history.replaceState(null, "", "#students");
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest(".close")) dialog.close();
    const step = event.target.closest("[data-step]");
    if (!step) return;
    const visible = rows().filter((row) => !row.hidden);
    const at = visible.findIndex((row) => row.id === dialog.dataset.shown);
    const next = visible[(at + Number(step.dataset.step) + visible.length) % visible.length];
    if (next) {
      history.replaceState(null, "", `#${next.id}`);
      show(next);
    }
  });
  addEventListener("hashchange", open);
  open();
}
