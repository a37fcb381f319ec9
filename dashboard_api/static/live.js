"use strict";
// Knows whether this page still hears the server, says so when not, and asks anew when something happened.
(() => {
  const body = document.body;
  if (!body.dataset.live) return;
  const BEAT_MS = 10000;
  const DEAF_MS = 2.5 * BEAT_MS; // silent for longer than two beats: the line is dead, whatever the browser believes
  const stream = document.getElementById("stream");
  const lost = document.getElementById("lost");
  const endedBanner = document.getElementById("ended");
  let source = null;
  let after = Number(body.dataset.after || 0);
  let heardAt = performance.now();
  let heardHome = anbu.homeNow();
  let patience = 1000;
  let over = false;
  let due = 0;

  function show(state) {
    stream.dataset.state = state;
    lost.hidden = state !== "lost";
    if (state === "lost") lost.querySelector("[data-lost-at]").textContent = anbu.clockText(heardHome);
  }

  function heard() {
    heardAt = performance.now();
    heardHome = anbu.homeNow();
    patience = 1000;
    if (!over) show("live");
  }

  function ended() {
    over = true;
    source?.close();
    lost.hidden = true;
    endedBanner.hidden = false;
    stream.dataset.state = "lost";
  }

  /** Fetch what changed once, however many events came together. */
  function changed(kind) {
    clearTimeout(due);
    due = setTimeout(() => {
      const fragment = document.querySelector("main [data-fragment]");
      if (fragment && fragment.dataset.kind === kind) anbu.refresh();
    }, 120);
  }

  async function askStatus() {
    try {
      const answer = await fetch("/status", { headers: { "Anbu-Background": "1" }, cache: "no-store" });
      if (answer.status === 401) { ended(); return; }
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fragment = page.querySelector("[data-fragment]");
      anbu.setClock(Number(fragment.dataset.homeNow), Number(fragment.dataset.rate));
      anbu.putParts(fragment);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // not reached: the stream says so
    }
  }

  function connect() {
    if (over) return;
    source?.close();
    source = new EventSource(`${body.dataset.live}?after=${after}`);
    source.addEventListener("open", () => { heard(); anbu.refresh?.(); askStatus(); });
    source.addEventListener("beat", () => { heard(); askStatus(); anbu.refresh?.(); });
    for (const kind of ["check", "ticket"]) {
      source.addEventListener(kind, (event) => {
        after = Math.max(after, Number(event.lastEventId));
        heard();
        changed(kind);
      });
    }
    source.addEventListener("ended", ended);
    source.addEventListener("error", () => {
      if (over) return;
      show("lost");
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself, with Last-Event-ID
      askStatus(); // refused: is it the session?
      setTimeout(connect, patience);
      patience = Math.min(patience * 2, 15000);
    });
  }

  setInterval(() => {
    if (!over && performance.now() - heardAt > DEAF_MS) {
      show("lost");
      heardAt = performance.now();
      connect();
    }
  }, 5000);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") { anbu.refresh?.(); askStatus(); }
  });
  window.addEventListener("pagehide", () => source?.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });

  // What could not be done is said where it was tried.
  function say(node, html) {
    const slot = node.closest("[data-scope]")?.querySelector(".slot");
    if (slot) slot.innerHTML = html;
  }
  document.body.addEventListener("htmx:responseError", (event) => {
    say(event.detail.elt, event.detail.xhr.responseText);
    if (event.detail.xhr.status === 409) anbu.refresh?.();
  });
  document.body.addEventListener("htmx:sendError", (event) => {
    const text = document.createElement("p");
    text.className = "problem";
    text.textContent = body.dataset.unsaved;
    say(event.detail.elt, text.outerHTML);
  });
  document.body.addEventListener("htmx:beforeRequest", (event) => say(event.detail.elt, ""));
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.pathInfo.requestPath === "/speed") askStatus();
  });

  anbu.ended = ended;
  connect();
})();
