// A job's page, and what is at work on the front page, live: the server sends what stands there each time that it
// changes. Without this the page reloads.
"use strict";

const live = document.getElementById("live");
let source = null;

function listen() {
  if (source || document.hidden || !live.dataset.live) return;
  source = new EventSource(live.dataset.live);
  source.addEventListener("message", (event) => show(event.data));
  source.addEventListener("over", () => { live.dataset.live = ""; leave(); });
}

// What a person has opened stays open, and the button that has the focus keeps it.
function show(html) {
  const isOpen = live.querySelector("details")?.open;
  const hasFocus = live.querySelector("button") === document.activeElement;
  live.innerHTML = html;
  const details = live.querySelector("details");
  if (isOpen && details) details.open = true;
  if (hasFocus) live.querySelector("button")?.focus();
}

// A page that nobody sees gives its connection back: a browser has six to a server.
function leave() {
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? leave() : listen()));
listen();
