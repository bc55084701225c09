"use strict";
// Comforts only: every page works without this file.

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const say = (words) => {
    const before = button.textContent;
    button.textContent = words;
    setTimeout(() => { button.textContent = before; }, 2000);
  };
  // Without a secure connection a page may not copy: then the text is marked, ready for the keyboard.
  const mark = () => { getSelection().selectAllChildren(source); say("Marked"); };
  if (!navigator.clipboard) return mark();
  navigator.clipboard.writeText(source.textContent.trim()).then(() => say("Copied"), mark);
});

// A filter applies when a choice is made; its button is for those who type, and for pages without scripts.
document.addEventListener("change", (event) => {
  if (event.target.matches(".filter select")) event.target.form.requestSubmit();
});

// A form is sent once: a second click on the same button must not ask twice.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post" || event.target.dataset.sent) return;
  event.target.dataset.sent = "yes";
  for (const button of event.target.querySelectorAll("button")) setTimeout(() => { button.disabled = true; });
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.disabled = false;
  }
});

// What refreshes itself is left alone while nothing has changed, so that nobody loses a selection or a place; and what a
// person has opened or closed stays so. (A form's token differs each time and is no news.)
const lastSeen = new Map();
let opened = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.requestConfig.verb !== "get") return;
  const key = event.detail.requestConfig.path;
  const news = event.detail.serverResponse.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
  if (lastSeen.get(key) === news) event.detail.shouldSwap = false;
  lastSeen.set(key, news);
  opened = [...event.detail.target.querySelectorAll("details[id]")].map((each) => [each.id, each.open]);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const [id, open] of opened) {
    const each = document.getElementById(id);
    if (each) each.open = open;
  }
});

// What refreshes itself says so when it cannot: a stale number must not look fresh.
for (const name of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(name, () => { document.getElementById("offline")?.removeAttribute("hidden"); });
}
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) document.getElementById("offline")?.setAttribute("hidden", "");
});
