// Keys for lists, blocks and reviews. Everything works without: each key only follows a link or presses a button.
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
  const place = document.activeElement.closest("[data-step]") || document;
  const target = place.querySelector(`[data-key="${key}"]`) || document.querySelector(`main form [data-key="${key}"]`);
  if (target) target.click();
  return Boolean(target);
}

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input:not([type=radio]), textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
  if (event.key === "/") {
    document.getElementById("search")?.focus();
  } else if (event.key === "j") {
    step(1);
  } else if (event.key === "k") {
    step(-1);
  } else if (!/^[a-z]$/.test(event.key) || !press(event.key)) {
    return;
  }
  event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// A block that an address names may stand in a folded run.
const named = location.hash && document.getElementById(location.hash.slice(1));
if (named) {
  const folded = named.closest("details");
  if (folded) folded.open = true;
  named.focus();
  named.scrollIntoView({ block: "center" });
}
