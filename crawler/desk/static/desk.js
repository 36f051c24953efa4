// A job's page, live: the server sends what stands there each time that it changes. Without this the page reloads.
"use strict";

const live = document.getElementById("live");
let source = null;

function listen() {
  if (source || document.hidden || !live.dataset.live) return;
  source = new EventSource(live.dataset.live);
  source.addEventListener("message", (event) => { live.innerHTML = event.data; });
  source.addEventListener("over", () => { live.dataset.live = ""; leave(); });
}

// A page that nobody sees gives its connection back: a browser has six to a server.
function leave() {
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? leave() : listen()));
listen();
