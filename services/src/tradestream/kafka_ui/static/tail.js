// Shows what the server sends about once a second: at most so many rows, all of it as text.
"use strict";

const MOST_ROWS = 200;
const rows = document.getElementById("messages");
const state = document.getElementById("state");
const toggle = document.getElementById("toggle");
let source = null;
let shown = 0;
let skipped = 0;

function cell(row, content, kind) {
  const made = row.insertCell();
  made.className = kind;
  made.append(content);
}

function text(part) {
  const made = document.createElement(part === null ? "span" : "code");
  made.className = part === null ? "none" : part.is_binary ? "binary" : "";
  made.textContent = part === null ? "null" : part.text + (part.is_cut ? " …" : "");
  return made;
}

function link(message) {
  const made = document.createElement("a");
  made.href = `${rows.dataset.topic}/messages/${message.partition}/${message.offset}`;
  made.textContent = message.offset;
  return made;
}

function add(message) {
  const row = rows.insertRow(0);
  const time = message.time < 0 ? "-" : new Date(message.time).toISOString().slice(0, -1).replace("T", " ");
  cell(row, time, "time");
  cell(row, String(message.partition), "n");
  cell(row, link(message), "n");
  cell(row, text(message.key), "key");
  cell(row, text(message.value), "value");
}

function take(event) {
  const news = JSON.parse(event.data);
  news.messages.forEach(add);
  while (rows.rows.length > MOST_ROWS) rows.deleteRow(-1);
  shown += news.messages.length;
  skipped += news.skipped;
  state.textContent = news.trouble || `${shown} shown` + (skipped ? `, ${skipped} more came than are shown` : "");
}

function stop(why) {
  if (source !== null) source.close();
  source = null;
  toggle.textContent = "Go on";
  state.textContent = why;
}

function start() {
  source = new EventSource(`${rows.dataset.topic}/events`);
  source.onmessage = take;
  source.addEventListener("over", () => stop("Ended after ten minutes."));
  source.onerror = () => {
    if (source !== null && source.readyState === EventSource.CLOSED) stop("Refused: Kafka is away, or too many look on.");
  };
  toggle.textContent = "Pause";
}

toggle.addEventListener("click", () => (source === null ? start() : stop("Paused.")));
start();
