"use strict";
// Knows what time it is in the homes, keeps every age on the page true between two answers of the server, and puts
// the parts of such an answer where they belong.
window.anbu = window.anbu || {};
(() => {
  const body = document.body;
  const anchor = { home: Number(body.dataset.homeNow), rate: Number(body.dataset.rate), mono: performance.now() };

  const homeNow = () => anchor.home + (performance.now() - anchor.mono) * anchor.rate;

  /** Take over home time and its rate as an answer of the server tells them. */
  function setClock(home, rate) {
    if (!Number.isFinite(home)) return;
    anchor.home = home;
    anchor.mono = performance.now();
    if (Number.isFinite(rate) && rate > 0) anchor.rate = rate;
  }

  const fill = (text, figures) => text.replace(/\{(\w+)\}/g, (_, name) => figures[name]);

  function length(milliseconds) {
    const minutes = Math.max(0, Math.floor(milliseconds / 60000));
    const figures = { d: Math.floor(minutes / 1440), h: Math.floor(minutes / 60) % 24, m: minutes % 60 };
    if (figures.d) return fill(body.dataset.days, figures);
    if (figures.h) return fill(body.dataset.hours, figures);
    return figures.m ? fill(body.dataset.minutes, figures) : body.dataset.moment;
  }

  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: "Asia/Seoul", month: "numeric", day: "numeric", weekday: "short",
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const english = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

  /** Month/day(weekday) and time of day in Seoul, as the server writes them. */
  function clockText(at) {
    const told = Object.fromEntries(parts.formatToParts(at).map((part) => [part.type, part.value]));
    const month = Number(told.month), day = Number(told.day);
    const korean = document.documentElement.lang === "ko";
    const words = body.dataset.weekdays;
    const weekday = korean ? words[english.indexOf(told.weekday)] : told.weekday;
    const date = korean ? `${month}/${day}(${weekday})` : `${weekday} ${day} ${months[month - 1]}`;
    return `${date} ${told.hour}:${told.minute}:${told.second}`;
  }

  function put(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  function tick() {
    const now = homeNow();
    for (const node of document.querySelectorAll("[data-clock]")) put(node, clockText(now));
    for (const node of document.querySelectorAll("time[data-since]")) put(node, length(now - Number(node.dataset.since)));
  }

  /** Everything in an answer that is no list: counts, what was heard, speed, health. The focus stays where it was. */
  function putParts(fragment) {
    for (const part of fragment.querySelectorAll("[data-part]")) {
      const here = document.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!here || here.innerHTML === part.innerHTML) continue;
      const places = () => [...here.querySelectorAll("a, button, input")];
      const focused = places().indexOf(document.activeElement);
      here.innerHTML = part.innerHTML;
      htmx.process(here);
      if (focused >= 0) places()[focused]?.focus({ preventScroll: true });
    }
    tick();
  }

  anbu.homeNow = homeNow;
  anbu.putParts = putParts;
  anbu.setClock = setClock;
  anbu.clockText = clockText;
  setInterval(tick, 1000);
  tick();
})();
