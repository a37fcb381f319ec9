"use strict";
// Keeps an open list as the server has it, without moving anything under a hand that is working.
(() => {
  const STILL_MS = 1200; // a pointer that moved over the list this lately is about to press something
  const SETTLED_MS = 6000; // how long a row settled here stays to be read
  const root = document.querySelector("main [data-fragment]");
  if (!root) return;
  const list = root.querySelector("[data-list]");
  const hold = document.getElementById("hold");
  const announcer = document.getElementById("announcer");
  let pointerAt = -Infinity;
  let waiting = null; // the newest answer that has not been shown yet
  let fetching = false;
  let again = false;
  let retry = 0;
  let asked = 0;

  list.addEventListener("pointermove", () => { pointerAt = performance.now(); });
  list.addEventListener("pointerdown", () => { pointerAt = performance.now(); });

  const firstPlace = (row) => row.querySelector(".actions button") || row.querySelector("a");
  const formOpen = () => list.querySelector("[data-open-form]") !== null || typing();
  const typing = () => {
    const node = document.activeElement;
    return node && list.contains(node) && /^(INPUT|SELECT|TEXTAREA)$/.test(node.tagName) && node.value !== "";
  };
  const pointed = () => performance.now() - pointerAt < STILL_MS && list.matches(":hover");

  /** Ask for the list anew; answers overtaken by a later question are dropped. */
  async function refresh() {
    if (fetching) { again = true; return; }
    fetching = true;
    const mine = ++asked;
    try {
      const answer = await fetch(root.dataset.url, { headers: { "Anbu-Background": "1" }, cache: "no-store" });
      if (answer.status === 401) { anbu.ended(); return; }
      if (!answer.ok || mine !== asked) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fragment = page.querySelector("[data-fragment]");
      if (fragment && mine === asked) take(fragment);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // not reached: the stream says so
    } finally {
      fetching = false;
      if (again) { again = false; refresh(); }
    }
  }

  function take(fragment) {
    anbu.setClock(Number(fragment.dataset.homeNow), Number(fragment.dataset.rate));
    anbu.putParts(fragment);
    countInTitle(fragment);
    announce(fragment);
    waiting = fragment;
    settle();
  }

  /** Show what waits, unless somebody would be disturbed; then say how much is new. */
  function settle() {
    clearTimeout(retry);
    if (!waiting) { hold.hidden = true; return; }
    if (formOpen()) {
      showHold(news(waiting));
      return;
    }
    if (pointed()) {
      retry = setTimeout(settle, 300);
      return;
    }
    merge(waiting);
  }

  /** Rows that are not shown yet, or are graver than shown. */
  function news(fragment) {
    return [...fragment.querySelectorAll("[data-list] > li")].filter((row) => {
      const here = document.getElementById(row.id);
      return !here || Number(row.dataset.level) > Number(here.dataset.level);
    });
  }

  function showHold(fresh) {
    hold.hidden = fresh.length === 0;
    hold.querySelector("[data-count]").textContent = String(fresh.length);
    hold.dataset.level = fresh.length ? Math.max(...fresh.map((row) => Number(row.dataset.level))) : "";
  }

  function merge(fragment) {
    const wanted = [...fragment.querySelectorAll("[data-list] > li")];
    const ids = new Set(wanted.map((row) => row.id));
    for (const row of [...list.children]) {
      const settled = Number(row.dataset.settledAt || -Infinity) + SETTLED_MS > performance.now();
      if (!ids.has(row.id) && !settled && !row.querySelector("[data-open-form]")) row.remove();
    }
    for (const row of wanted) {
      const here = document.getElementById(row.id);
      if (here && here.dataset.print !== row.dataset.print && !here.querySelector("[data-open-form]")) exchange(here, row);
    }
    let place = list.firstElementChild;
    for (const row of wanted) {
      const here = document.getElementById(row.id) || adopt(row);
      while (place && !ids.has(place.id)) place = place.nextElementSibling; // a settled row keeps its place
      if (here === place) place = place.nextElementSibling;
      else list.insertBefore(here, place);
    }
    waiting = null;
    hold.hidden = true;
  }

  function adopt(row) {
    const mine = document.importNode(row, true);
    mine.classList.add("fresh");
    htmx.process(mine);
    return mine;
  }

  function exchange(here, row) {
    const focused = here.contains(document.activeElement) ? document.activeElement.id : "";
    const mine = document.importNode(row, true);
    list.replaceChild(mine, here);
    htmx.process(mine);
    if (focused) (document.getElementById(focused) || firstPlace(mine))?.focus({ preventScroll: true });
  }

  function countInTitle(fragment) {
    const summary = fragment.querySelector("[data-total]");
    if (!summary) return;
    const total = Number(summary.dataset.total);
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = total ? `(${total}) ${title}` : title;
  }

  const told = new Map([...list.children].map((row) => [row.id, Number(row.dataset.level)]));
  function announce(fragment) {
    const rows = [...fragment.querySelectorAll("[data-list] > li")];
    const fresh = rows.filter((row) => Number(row.dataset.level) > (told.get(row.id) || 0));
    for (const row of rows) told.set(row.id, Number(row.dataset.level));
    if (fresh.length) announcer.textContent = fresh.slice(0, 3).map((row) => row.dataset.say).join(". ");
  }

  hold.querySelector("[data-show]").addEventListener("click", () => { if (waiting) merge(waiting); });

  document.body.addEventListener("click", (event) => {
    const close = event.target.closest("[data-close]");
    if (!close) return;
    const panel = close.closest(".panel");
    panel.replaceChildren();
    document.getElementById(panel.dataset.opener)?.focus({ preventScroll: true });
    refresh();
  });
  document.body.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.target.closest?.(".panel")?.querySelector("[data-close]")?.click();
  });

  // A row that came back from the server by our own doing: keep it a moment if it is settled, from its first moment on, for a
  // list that is fetched meanwhile lacks it; then keep the focus near.
  document.body.addEventListener("htmx:afterSwap", () => {
    for (const row of list.querySelectorAll("li.resolved:not([data-settled-at])")) {
      row.dataset.settledAt = String(performance.now());
      setTimeout(refresh, SETTLED_MS + 100);
    }
  });
  document.body.addEventListener("htmx:afterSettle", (event) => {
    const panel = event.detail.target.closest?.(".panel");
    if (panel) {
      for (const other of list.querySelectorAll(".panel")) if (other !== panel) other.replaceChildren();
      panel.dataset.opener = event.detail.requestConfig?.elt?.id || "";
      panel.querySelector("[autofocus]")?.focus();
    } else if (document.activeElement === document.body || document.activeElement === null) {
      const row = event.detail.elt?.id ? document.getElementById(event.detail.elt.id) : null;
      if (row) firstPlace(row)?.focus({ preventScroll: true });
    }
    settle();
  });

  countInTitle(document);
  anbu.refresh = refresh;
})();
