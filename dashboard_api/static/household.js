"use strict";
// Draws one home: when motion was seen, and how warm and damp it was, against the limits of the rules.
(() => {
  const HOUR = 3600000, DAY = 24 * HOUR, SLOT = 10 * 60000, SLOTS = 144, DAYS = 7;
  const SEOUL = 9 * HOUR; // Korea has no summer time
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  async function readings(url, signal, start, end, points) {
    const asked = new URLSearchParams({ signal, start: String(start), end: String(end), points: String(points) });
    const answer = await fetch(`${url}?${asked}`, { headers: { "Anbu-Background": "1" } });
    if (!answer.ok) throw new Error(String(answer.status));
    return (await answer.json()).buckets;
  }

  /** 7 rows of days, 24 hours across; three kinds of slot: seen, still, not heard at all. */
  async function drawRaster(box) {
    const now = anbu.homeNow();
    const midnight = Math.floor((now + SEOUL) / DAY) * DAY - SEOUL;
    const start = midnight - (DAYS - 1) * DAY, end = midnight + DAY;
    const [motion, climate] = await Promise.all([
      readings(box.dataset.url, "motion", start, end, DAYS * SLOTS),
      readings(box.dataset.url, "temperature", start, end, DAYS * SLOTS),
    ]);
    const seen = new Float32Array(DAYS * SLOTS), heard = new Uint8Array(DAYS * SLOTS);
    const slot = (at) => Math.floor((at - start) / SLOT);
    for (const bucket of motion) {
      seen[slot(bucket.start)] = Math.round(bucket.mean * bucket.count);
      heard[slot(bucket.start)] = 1;
    }
    for (const bucket of climate) heard[slot(bucket.start)] = 1;
    const from = Math.max(Number(box.dataset.enrolled), start);
    const near = (at) => heard[at] || heard[at - 1] || heard[at + 1] || heard[at - 2] || heard[at + 2];
    const rows = [];
    for (let day = 0; day < DAYS; day++) {
      const first = start + day * DAY;
      const row = document.createElement("div");
      row.className = "raster-row";
      const name = document.createElement("span");
      name.textContent = anbu.clockText(first).split(" ").slice(0, -1).join(" ");
      const canvas = document.createElement("canvas");
      canvas.width = SLOTS * 6;
      canvas.height = 36;
      const total = paint(canvas, (at) => {
        const moment = first + at * SLOT;
        if (moment + SLOT <= from || moment > now) return null;
        const index = day * SLOTS + at;
        return seen[index] > 0 ? seen[index] : near(index) ? 0 : -1;
      });
      const count = document.createElement("span");
      count.textContent = first + DAY > from ? box.dataset.times.replace("{n}", String(total)) : "";
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${name.textContent} ${count.textContent}`);
      row.append(name, canvas, count);
      rows.push(row);
    }
    const hours = document.createElement("div");
    hours.className = "raster-row raster-hours";
    hours.setAttribute("aria-hidden", "true");
    const scale = document.createElement("div");
    for (let hour = 0; hour <= 24; hour += 6) scale.append(Object.assign(document.createElement("i"), { textContent: String(hour) }));
    hours.append(document.createElement("span"), scale, document.createElement("span"));
    box.replaceChildren(...rows.reverse(), hours);
  }

  function paint(canvas, kind) {
    const pen = canvas.getContext("2d");
    const wide = canvas.width / SLOTS;
    let total = 0;
    for (let at = 0; at < SLOTS; at++) {
      const value = kind(at);
      if (value === null) continue;
      if (value > 0) {
        total += value;
        pen.fillStyle = colour("--seen");
        const tall = canvas.height * Math.min(1, 0.45 + 0.18 * value);
        pen.fillRect(at * wide, canvas.height - tall, wide, tall);
      } else if (value === 0) {
        pen.fillStyle = colour("--still");
        pen.fillRect(at * wide, 0, wide + 0.5, canvas.height);
      } else {
        pen.fillStyle = colour("--unheard-back");
        pen.fillRect(at * wide, 0, wide + 0.5, canvas.height);
        pen.strokeStyle = colour("--unheard");
        pen.beginPath();
        for (let y = 0; y <= canvas.height; y += 12) {
          pen.moveTo(at * wide, y + 6);
          pen.lineTo(at * wide + wide, y);
        }
        pen.stroke();
      }
    }
    pen.fillStyle = colour("--line");
    for (const hour of [6, 12, 18]) pen.fillRect(hour * 6 * wide, 0, 1, canvas.height);
    return total;
  }

  const charts = [];
  async function drawClimate(box, hours) {
    const end = Math.ceil(anbu.homeNow()), start = end - hours * HOUR;
    const limits = JSON.parse(box.dataset.limits);
    const signals = ["temperature", "humidity"];
    const found = await Promise.all(signals.map((signal) => readings(box.dataset.url, signal, start, end, 300)));
    for (const chart of charts.splice(0)) chart.destroy();
    box.replaceChildren();
    signals.forEach((signal, index) => {
      if (!found[index].length) return;
      const own = limits.filter((limit) => limit.signal === signal);
      charts.push(new uPlot(options(box, signal, own, start, end, found[index]), columns(found[index], hours * HOUR / 300), box));
    });
    if (!charts.length) box.append(Object.assign(document.createElement("p"), { className: "quiet-text", textContent: box.dataset.none }));
  }

  /** Columns for uPlot; where more than an hour is missing the line is broken, not drawn across. */
  function columns(buckets, width) {
    const at = [], mean = [], low = [], high = [];
    let before = null;
    for (const bucket of buckets) {
      if (before !== null && bucket.start - before > Math.max(HOUR, 2.5 * width)) {
        at.push((before + bucket.start) / 2000);
        for (const column of [mean, low, high]) column.push(null);
      }
      at.push((bucket.start + width / 2) / 1000);
      mean.push(bucket.mean);
      low.push(bucket.min);
      high.push(bucket.max);
      before = bucket.start;
    }
    return [at, mean, low, high];
  }

  function options(box, signal, limits, start, end, buckets) {
    const warm = signal === "temperature";
    const stroke = colour(warm ? "--warm" : "--damp");
    const lowest = Math.min(...buckets.map((bucket) => bucket.min)), highest = Math.max(...buckets.map((bucket) => bucket.max));
    const range = warm ? [Math.min(lowest - 1, 16), Math.max(highest + 1, 32)] : [Math.min(lowest, 10), Math.max(highest, 90)];
    const text = { font: "13px 'Pretendard GOV', sans-serif", stroke: colour("--soft") };
    return {
      width: box.clientWidth,
      height: warm ? 260 : 170,
      title: `${box.dataset[signal]} (${warm ? "°C" : "%"})`,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Asia/Seoul"),
      cursor: { sync: { key: "climate" }, drag: { x: false, y: false } },
      legend: { show: false },
      scales: { x: { range: [start / 1000, end / 1000] }, y: { range } },
      axes: [
        { ...text, grid: { stroke: colour("--line"), width: 1 }, values: hourValues, space: 56 },
        { ...text, grid: { stroke: colour("--line"), width: 1 }, size: 44 },
      ],
      series: [
        {},
        { stroke, width: 2, points: { show: false } },
        { show: true, stroke: "transparent", points: { show: false } },
        { show: true, stroke: "transparent", points: { show: false } },
      ],
      bands: [{ series: [3, 2], fill: `${stroke}26` }],
      hooks: { draw: [(chart) => drawLimits(chart, limits)] },
    };
  }

  function hourValues(chart, splits) {
    return splits.map((at, index) => {
      const local = new Date(at * 1000 + SEOUL);
      const hour = local.getUTCHours(), minute = local.getUTCMinutes();
      const day = `${local.getUTCMonth() + 1}/${local.getUTCDate()}`;
      if (hour === 0 && minute === 0) return day;
      const time = `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
      return index === 0 ? `${time}\n${day}` : time;
    });
  }

  function drawLimits(chart, limits) {
    const pen = chart.ctx, box = chart.bbox;
    pen.save();
    pen.font = `${12 * devicePixelRatio}px 'Pretendard GOV', sans-serif`;
    pen.textAlign = "right";
    pen.textBaseline = "bottom";
    for (const limit of limits) {
      const y = Math.round(chart.valToPos(limit.value, "y", true));
      if (y < box.top || y > box.top + box.height) continue;
      pen.strokeStyle = colour(`--level-${limit.level}-line`);
      pen.fillStyle = colour(`--level-${limit.level}-text`);
      pen.lineWidth = devicePixelRatio;
      pen.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      pen.beginPath();
      pen.moveTo(box.left, y);
      pen.lineTo(box.left + box.width, y);
      pen.stroke();
      pen.fillText(limit.label, box.left + box.width - 4 * devicePixelRatio, y - 2 * devicePixelRatio);
    }
    pen.restore();
  }

  function attempt(box, drawing) {
    drawing.catch((error) => {
      box.replaceChildren(Object.assign(document.createElement("p"), { className: "problem", textContent: box.dataset.failed }));
      console.error("chart", error);
    });
  }

  // A check that opened or ended while the page was open: whether people may be seen has changed with it.
  const list = document.querySelector("[data-list]");
  let asking = false;
  async function keepPeople() {
    const people = document.getElementById("people");
    const masked = !list.querySelector("li:not(.resolved)");
    if (asking || String(masked) === people.dataset.masked) return;
    asking = true;
    try {
      const answer = await fetch(people.dataset.url, { headers: { "Anbu-Background": "1" }, cache: "no-store" });
      if (!answer.ok) return;
      people.replaceWith(new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("people"));
    } finally {
      asking = false;
    }
  }
  new MutationObserver(keepPeople).observe(list, { childList: true });

  const raster = document.getElementById("raster"), climate = document.getElementById("climate");
  let hours = 36;
  const drawAll = () => {
    attempt(raster, drawRaster(raster));
    attempt(climate, drawClimate(climate, hours));
  };
  for (const button of document.querySelectorAll(".ranges button")) {
    button.addEventListener("click", () => {
      hours = Number(button.dataset.hours);
      for (const other of document.querySelectorAll(".ranges button")) other.setAttribute("aria-pressed", String(other === button));
      attempt(climate, drawClimate(climate, hours));
    });
  }
  let resizing = 0;
  window.addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => { for (const chart of charts) chart.setSize({ width: climate.clientWidth, height: chart.height }); }, 150);
  });
  document.fonts.ready.then(drawAll);
})();
