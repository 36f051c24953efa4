// Keys for lists, articles, blocks and reviews. Everything works without: a key follows a link or presses a button.
"use strict";

const steps = () => [...document.querySelectorAll("[data-step]")];

function step(distance) {
  const all = steps();
  const current = all.findIndex((element) => element.contains(document.activeElement));
  const target = all[Math.max(0, Math.min(all.length - 1, current + distance))];
  if (!target) return;
  const folded = target.closest("details");
  if (folded) folded.open = true;
  target.focus();
  target.scrollIntoView({ block: "nearest" });
}

function press(key) {
  const ofKey = `[data-key="${CSS.escape(key)}"]`;
  const ofPage = [...document.querySelectorAll(ofKey)].find((element) => !element.closest("[data-step]"));
  const target = document.activeElement.closest("[data-step]")?.querySelector(ofKey) || ofPage;
  if (target) target.click();
  return Boolean(target);
}

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input:not([type=radio], [type=checkbox]), textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping || document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    document.getElementById("search")?.focus();
  } else if (event.key === "j") {
    step(1);
  } else if (event.key === "k") {
    step(-1);
  } else if (!/^[a-z?]$/.test(event.key) || !press(event.key)) {
    return;
  }
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// What an address names may be a line of a list, or a block in a folded run.
const named = location.hash && document.getElementById(location.hash.slice(1));
if (named && named.id !== "main") {
  const folded = named.closest("details");
  if (folded) folded.open = true;
  named.focus();
  named.scrollIntoView({ block: "center" });
}

// A stored page may be large: say that it loads until it has.
for (const frame of document.querySelectorAll("iframe.raw")) {
  const note = frame.previousElementSibling;
  if (!note?.matches(".loading")) continue;
  note.hidden = false;
  frame.addEventListener("load", () => { note.hidden = true; });
}
