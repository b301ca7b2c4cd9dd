// What the guide adds to furo: formulas as wide as the page, names for what has none.
"use strict";

const SMALLEST = 0.6; // of the size of text; a formula that needs less can be scrolled

function fit() {
  for (const box of document.querySelectorAll("div.math")) {
    box.style.fontSize = "";
    box.removeAttribute("tabindex");
    const ratio = box.clientWidth / box.scrollWidth;
    if (ratio < 1) box.style.fontSize = `${Math.max(SMALLEST, ratio * 0.99)}em`;
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0; // the keyboard can scroll it
  }
}

function scrollable() {
  for (const box of document.querySelectorAll("pre, .table-wrapper")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

function name(selector, label) {
  for (const element of document.querySelectorAll(selector)) {
    element.setAttribute("aria-label", label);
  }
}

// Furo opens its drawers by labels of hidden inputs, which the keyboard cannot reach.
function pressable(label, words) {
  const input = document.getElementById(label.htmlFor);
  const button = document.createElement("button");
  button.type = "button";
  button.className = label.className;
  button.ariaLabel = words;
  button.append(...label.childNodes);
  button.addEventListener("click", () => input.click());
  label.replaceWith(button);
}

addEventListener("DOMContentLoaded", () => {
  name("aside.sidebar-drawer", "All pages");
  name("aside.toc-drawer", "On this page");
  for (const summary of document.querySelectorAll("summary[aria-label]")) {
    summary.removeAttribute("aria-label"); // its text says it
  }
  if (!document.querySelector("h1")) {
    const heading = document.createElement("h1"); // Sphinx's page of searches has none
    heading.textContent = "Search";
    document.querySelector("#search-results")?.before(heading);
  }
  for (const heading of document.querySelectorAll("[role=heading]:not([aria-level])")) {
    heading.setAttribute("aria-level", "2");
  }
  for (const label of document.querySelectorAll("label.nav-overlay-icon")) {
    pressable(label, "All pages");
  }
  for (const label of document.querySelectorAll("label.toc-overlay-icon")) {
    pressable(label, "On this page");
  }
  scrollable();
  // Sphinx loads MathJax after this script.
  addEventListener("load", () => window.MathJax?.startup?.promise.then(fit));
});
addEventListener("resize", () => { fit(); scrollable(); });
