"use strict";
const MOST = 1000;
const at = (id) => document.getElementById(id);
const rows = [];            // {seq, time, mode, equity, cash, symbols, reasons, warnings, alarms}
const notices = [], acted = new Map();
let heard = 0, lastSeq = 0, arrived = 0, length = 0, symbols = [], drawing = false, painting = false, drift = null, asked = 0;

const number = (value, digits = 2) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
const percent = (value) => (value > 0 ? "+" : "") + number(100 * value) + " %";
const part = (value) => value === null || value === undefined ? "–" : (value > 0 ? "+" : "") + number(value, 3);
const when = (nanoseconds) => new Date(nanoseconds / 1e6).toISOString().slice(0, 16).replace("T", " ");
const headers = () => { const key = sessionStorage.getItem("key"); return key ? { authorization: "Bearer " + key } : {}; };

function warn(text) { at("banner").textContent = text; at("banner").hidden = !text; }
function note(time, text) { notices.unshift([time, text]); notices.length = Math.min(notices.length, 20); }

// Stamps are nanoseconds: JSON numbers round them to about 256 ns, and minutes are shown.
function take(event) {
  if (event.seq <= lastSeq) return;
  lastSeq = event.seq;
  const answer = event.answer;
  if (!answer) return;
  const before = rows.length ? rows[rows.length - 1] : null;
  arrived = event.at;
  if (event.kind === "operator") {
    const word = event.request;
    note(event.at, (word.by || "An operator") + " said " + word.word + (word.reason ? ": " + word.reason : ""));
    mode(answer.mode);
  }
  if (event.kind !== "bar") return;
  if (before && answer.time > before.time && (!length || answer.time - before.time < length)) length = answer.time - before.time;
  answer.time = event.bar;
  standing = answer.mode;
  rows.push(answer);
  if (rows.length > MOST) rows.shift();
  for (const reason of answer.reasons) acted.set(reason, (acted.get(reason) || 0) + 1);
  if (before && before.mode !== answer.mode) note(event.bar, "Trading is " + answer.mode + (answer.reasons.length ? " (" + answer.reasons.join(", ").replaceAll("_", " ") + ")" : ""));
  for (const warning of answer.warnings) if (!before || !before.warnings.includes(warning)) note(event.bar, warning.replaceAll("_", " ") + " is near its limit");
  for (const alarm of answer.alarms) if (!before || !before.alarms.includes(alarm)) note(event.bar, "Alarm: " + alarm);
}

let standing = "";
function mode(value) { standing = value; at("mode").textContent = value; at("mode").className = "mode " + value; }

function draw() {
  drawing = false;
  if (!rows.length) { texts(); return; }
  const now = rows[rows.length - 1], equity = rows.map((row) => row.equity);
  const peak = Math.max(...equity), gain = now.equity / equity[0] - 1;
  symbols = now.symbols.map((each) => each.symbol);
  mode(standing);
  at("equity").textContent = number(now.equity);
  at("gain").textContent = percent(gain); at("gain").className = gain < 0 ? "loss" : "";
  at("drawdown").textContent = number(100 * (1 - now.equity / peak)) + " %";
  at("cash").textContent = number(now.cash);
  at("last").textContent = when(now.time);
  table("symbols", now.symbols.map((s, k) => [s.symbol, part(s.exposure), part(aimed(k)[rows.length - 1]), part(s.wanted), s.confidence === null ? "–" : number(s.confidence, 3)]));
  const limits = [...acted].sort((a, b) => b[1] - a[1]).map(([name, count]) => [name.replaceAll("_", " "), String(count)]);
  table("limits", limits.length ? limits : [["none", "0"]]);
  at("drift").textContent = now.alarms.length ? "Alarm: " + now.alarms.join(", ") + "." + drifted(now) : "No alarm of drift.";
  texts();
  if (!painting) { painting = true; setTimeout(paint); }  // behind the frame that shows the numbers
}

function drifted(now) {
  if (!drift || !drift.rings || !now.alarms.includes("drift")) return "";
  const columns = drift.columns.map((each) => `${each.name} (PSI ${number(each.psi)}, usually ${number(each.usual)})`);
  return ` ${number(drift.statistic, 1)} times the usual, threshold ${number(drift.threshold, 1)}; furthest from their usual: ${columns.join(", ")}.`;
}

// A bar says that drift rings, and the state which columns do: they are asked for when it begins, and once a minute.
async function columns() {
  if (!rows.length || !rows[rows.length - 1].alarms.includes("drift")) { asked = 0; return; }
  if (Date.now() - asked < 60000) return;
  asked = Date.now();
  try { drift = (await (await ask("/state")).json()).drift; soon(); } catch (error) { warn("No connection: " + error.message); }
}

function paint() {
  painting = false;
  at("equity-chart").replaceChildren(lines([["equity", rows.map((row) => row.equity), "policy"]], (v) => number(v, 0)));
  const styles = ["policy", "hold", "reference", "random", "flat"];
  at("exposure-chart").replaceChildren(lines(symbols.slice(0, 5).map((symbol, s) => [symbol, rows.map((row) => row.symbols[s] ? row.symbols[s].exposure : 0), styles[s]]), (v) => number(v, 2), true));
  at("actions-chart").replaceChildren(heat());
}

function texts() {
  at("notices").replaceChildren(...notices.map(([time, text]) => { const item = document.createElement("li"), stamp = document.createElement("time"); stamp.textContent = when(time); item.append(stamp, text); return item; }));
  if (!notices.length) { const item = document.createElement("li"); item.textContent = "Nothing yet."; at("notices").append(item); }
}

function table(id, lines) {
  at(id).replaceChildren(...lines.map((cells) => { const row = document.createElement("tr"); for (const cell of cells) { const box = document.createElement("td"); box.textContent = cell; row.append(box); } return row; }));
}

const SVG = "http://www.w3.org/2000/svg";
function shape(name, attributes, text) { const element = document.createElementNS(SVG, name); for (const key in attributes) element.setAttribute(key, attributes[key]); if (text !== undefined) element.textContent = text; return element; }

function size() { return Math.min(1240, Math.max(320, document.documentElement.clientWidth - 40)); }

function lines(series, format, zero) {
  const width = size(), height = width < 500 ? 190 : 240, left = 78, right = 10, top = series.length > 1 ? 28 : 10, bottom = 26;
  const all = series.flatMap((each) => each[1]).concat(zero ? [0] : []);
  let low = Math.min(...all), high = Math.max(...all);
  if (high - low < 1e-9 * Math.abs(high || 1)) { low -= Math.abs(low || 1) * 0.001; high += Math.abs(high || 1) * 0.001; }
  const x = (k) => left + (width - left - right) * (rows.length > 1 ? k / (rows.length - 1) : 0.5);
  const y = (v) => top + (height - top - bottom) * (high - v) / (high - low);
  const names = series.map((each) => each[0]).join(", "), last = series.map((each) => format(each[1][each[1].length - 1])).join(", ");
  const picture = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${names}: now ${last}` });
  const middle = zero && Math.min(-low, high) > 0.15 * (high - low) ? 0 : 0.5 * (low + high);
  for (const v of [low, middle, high]) { picture.append(shape("line", { class: "grid", x1: left, x2: width - right, y1: y(v), y2: y(v) }), shape("text", { class: "end", x: left - 8, y: y(v) + 4 }, format(v))); }
  const room = Math.min(110, (width - left - right) / series.length);
  if (series.length > 1) series.forEach(([name, , style], k) => picture.append(shape("line", { class: "line " + style, x1: left + k * room, x2: left + k * room + 16, y1: 9, y2: 9 }), shape("text", { x: left + k * room + 21, y: 13 }, name.slice(0, Math.floor(room / 8) - 2))));
  for (const [, values, style] of series) {
    const step = Math.max(1, Math.floor(values.length / width)), points = [];
    for (let k = 0; k < values.length; k += step) points.push(`${x(k).toFixed(1)},${y(values[k]).toFixed(1)}`);
    points.push(`${x(values.length - 1).toFixed(1)},${y(values[values.length - 1]).toFixed(1)}`);
    picture.append(shape("polyline", { class: "line " + style, points: points.join(" ") }));
  }
  picture.append(shape("text", { x: left, y: height - 6 }, when(rows[0].time)), shape("text", { class: "end", x: width - right, y: height - 6 }, when(rows[rows.length - 1].time)));
  return picture;
}

function heat() {
  const width = size(), left = 78, right = 10, cell = 18, columns = Math.min(rows.length, Math.floor((width - left - right) / 2));
  const height = cell * Math.max(1, symbols.length) + 26, step = (width - left - right) / columns;
  const picture = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `targets of ${symbols.length} symbols over ${rows.length} bars` });
  symbols.forEach((symbol, s) => {
    picture.append(shape("text", { class: "end", x: left - 8, y: s * cell + 13 }, symbol.slice(0, 9)));
    const aims = aimed(s), aim = (k) => k < columns ? aims[Math.floor((k + 1) * rows.length / columns) - 1] : NaN;
    for (let k = 0, end = 1; k < columns; k = end, end = k + 1) {
      const here = aim(k), kind = here > 0 ? "long" : here < 0 ? "short" : "none";
      while (aim(end) === here) end++;  // one box for all bars with the same aim
      picture.append(shape("rect", { class: kind, x: (left + k * step).toFixed(2), y: s * cell, width: ((end - k) * step + 0.3).toFixed(2), height: cell - 3, opacity: here ? Math.min(1, 0.35 + Math.abs(here)).toFixed(2) : 1 }));
    }
  });
  picture.append(shape("text", { x: left, y: height - 6 }, when(rows[0].time)), shape("text", { class: "end", x: width - right, y: height - 6 }, when(rows[rows.length - 1].time)));
  return picture;
}

// What was aimed at after each bar: a target that is null keeps the one before.
function aimed(s) {
  let aim = null;
  return rows.map((row) => { const target = row.symbols[s] ? row.symbols[s].target : null; if (target !== null) aim = target; return aim; });
}

function soon() { if (!drawing) { drawing = true; requestAnimationFrame(draw); } }

function age() {
  if (!heard) return;
  const seconds = (Date.now() - heard) / 1000, bar = length ? length / 1e9 : 0;
  at("age").textContent = "no data for " + number(seconds, 0) + " s";
  at("age").className = bar && seconds > 2.5 * bar ? "stale" : "";
}

async function ask(path, options = {}) {
  const response = await fetch(path, { ...options, headers: { ...headers(), ...(options.headers || {}) } });
  if (!response.ok) { let line = response.status + ""; try { line = (await response.json()).error || line; } catch (_) { /* it has no body */ } throw new Error(line); }
  return response;
}

async function listen() {
  const response = await ask("/events", { headers: { "last-event-id": String(lastSeq) } });
  warn("");
  const reader = response.body.getReader(), decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    let end;
    while ((end = text.indexOf("\n\n")) >= 0) {
      const data = text.slice(0, end).split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("");
      const name = (text.match(/^(?:id: \d+\n)?event: (\w+)/) || [])[1];
      text = text.slice(end + 2);
      if (name === "dropped") { await history(); continue; }
      if (data) { take(JSON.parse(data)); heard = Date.now(); soon(); columns(); }
    }
  }
}

async function history() {
  const state = await (await ask("/state")).json();
  at("account").textContent = "Account " + state.account; at("policy").textContent = state.policy; document.title = state.account + ": Regimen";
  drift = state.drift; mode(state.mode); at("equity").textContent = number(state.equity); at("cash").textContent = number(state.cash);
  if (!state.writable) warn("The journal cannot be written: nothing is decided until it can be.");
  const first = Math.max(lastSeq, state.last - MOST), page = await (await ask(`/decisions?after=${first}&limit=${MOST}`)).json();
  for (const event of page.decisions) take(event);
  lastSeq = Math.max(lastSeq, first);
  heard = heard || Date.now();
  soon();
}

async function run() {
  for (;;) {
    try { await history(); await listen(); warn("The server ended the stream; asking again."); }
    catch (error) { warn("No connection: " + error.message); }
    await new Promise((done) => setTimeout(done, 2000));
  }
}

async function say(word) {
  const reason = at("reason").value.trim();
  if (!confirm(`${word === "resume" ? "Let the account trade again" : word === "halt" ? "Halt the account and close its positions" : "Let only reducing orders pass"}?`)) return;
  try { await ask("/" + word, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ reason }) }); at("said").textContent = `The server has ${word === "resume" ? "resumed" : word === "halt" ? "halted" : "been told to reduce"}.`; }
  catch (error) { at("said").textContent = error.message; }
}

at("key").addEventListener("change", () => { sessionStorage.setItem("key", at("key").value); });
for (const word of ["halt", "reduce", "resume"]) at(word).addEventListener("click", () => say(word));
addEventListener("resize", soon);
setInterval(age, 1000);
run();
