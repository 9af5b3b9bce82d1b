// Goes on with a search that has found nothing yet, page by page, until it has, all was looked at, or somebody stops it.
"use strict";

const going = document.getElementById("going");
const state = document.getElementById("state");
const stop = document.getElementById("stop");
let found = document.getElementById("found");
let looked = Number(found.dataset.read);

async function goOn() {
  const address = found.dataset.next;
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) {
    location.assign(address); // which says why
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = document.adoptNode(page.getElementById("found"));
  found.replaceWith(next);
  found = next;
  history.replaceState(null, "", address);
  looked += Number(found.dataset.read);
  if (found.dataset.next === address) stop.disabled = true; // it got nowhere, and would not the next time
  search();
}

function search() {
  const goes = found.dataset.next && !stop.disabled;
  const count = looked.toLocaleString("en").replaceAll(",", "\u202f"); // as the server writes it
  state.textContent = `${count} looked at ${goes ? "so far" : "in all"}`;
  stop.hidden = !goes;
  if (goes) goOn();
}

if (found.dataset.next) {
  going.hidden = false;
  stop.addEventListener("click", () => (stop.disabled = true));
  search();
}
