// What is asked of a page in the browser. Each function returns a list of complaints.
"use strict";

window.checks = {
  tag(element) {
    const text = (element.textContent || "").trim().slice(0, 60).replace(/\s+/g, " ");
    return `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") || ""}"> ${text}`;
  },

  shown(element) {
    return element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
      && element.getClientRects().length > 0;
  },

  // Wider than the window, or wider inside than outside: something is cut or must be scrolled.
  cut() {
    const found = [];
    const wide = document.documentElement.scrollWidth - innerWidth;
    if (wide > 0) found.push(`the page is ${wide} pixels wider than the window`);
    for (const element of document.querySelectorAll("article *, .sidebar-tree *, h1")) {
      if (element.closest("mjx-container, svg")) continue;
      const style = getComputedStyle(element);
      if (style.display === "inline" || !this.shown(element)) continue;
      const over = element.scrollWidth - element.clientWidth;
      if (over > 1 && style.overflowX !== "visible" && element.clientWidth > 1) {
        found.push(`${over} pixels hidden in ${this.tag(element)}`);
      }
      const box = element.getBoundingClientRect();
      if (box.right > innerWidth + 1 && box.width > 0 && !element.closest(".sidebar-drawer, .toc-drawer")) {
        found.push(`${Math.round(box.right - innerWidth)} pixels outside: ${this.tag(element)}`);
      }
    }
    return [...new Set(found)].slice(0, 8);
  },

  formulas() {
    const found = [];
    for (const element of document.querySelectorAll(".math")) {
      const drawn = element.querySelector("mjx-container");
      if (!drawn || drawn.getBoundingClientRect().height === 0 && this.shown(element)) {
        found.push(`not drawn: ${this.tag(element)}`);
      }
      if (!element.querySelector("mjx-assistive-mml")) found.push(`no MathML: ${this.tag(element)}`);
    }
    for (const error of document.querySelectorAll("mjx-merror, .mjx-merror")) {
      found.push(`an error in ${this.tag(error)}`);
    }
    return found.slice(0, 8);
  },

  // Pictures that have no size, no description, or text and lines that the ground swallows.
  pictures() {
    const found = [];
    const ground = this.color(getComputedStyle(document.body).backgroundColor);
    for (const picture of document.querySelectorAll("article img, article svg.plugnet-picture")) {
      const label = picture.getAttribute("alt") || picture.getAttribute("aria-label");
      if (!label) found.push(`no description: ${this.tag(picture)}`);
      if (picture.closest("details:not([open])")) continue;
      const box = picture.getBoundingClientRect();
      if (box.width < 40 || box.height < 20) found.push(`${box.width} x ${box.height}: ${label}`);
      if (picture.tagName === "IMG" && picture.naturalWidth === 0) found.push(`not there: ${label}`);
      const texts = [...picture.querySelectorAll("text")];
      if (texts.length) {
        const size = Math.min(...texts.map((text) => {
          const matrix = text.getScreenCTM();
          return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(matrix.a, matrix.b);
        }));
        if (size < 8) found.push(`letters of ${size.toFixed(1)} pixels: ${label}`);
      }
      for (const text of texts) {
        if (!text.textContent.trim() || text.closest("[data-on-color]")) continue;
        const ratio = this.contrast(this.color(getComputedStyle(text).fill), ground);
        if (ratio < 4.5) {
          found.push(`contrast ${ratio.toFixed(1)} of "${text.textContent}": ${label}`);
          break;
        }
      }
      for (const line of picture.querySelectorAll("path, use")) {
        const style = getComputedStyle(line);
        const paint = style.stroke !== "none" ? style.stroke : style.fill;
        if (paint === "none" || !paint.startsWith("rgb")) continue;
        if (style.fill !== "none" && style.stroke === "none") continue; // a region: it may be faint
        if (parseFloat(style.opacity) * parseFloat(style.strokeOpacity) < 0.9) continue;
        const ratio = this.contrast(this.color(paint), ground);
        if (ratio < 2.5) {
          found.push(`contrast ${ratio.toFixed(1)} of a line, ${paint}: ${label}`);
          break;
        }
      }
    }
    return found.slice(0, 8);
  },

  // What can be clicked but not reached, where it is shown.
  reachable() {
    const wanted = document.querySelectorAll("a[href], button, input:not([type=hidden]), summary, label[for]");
    const found = [];
    for (const element of wanted) {
      if (!this.shown(element)) continue;
      if (element.tagName === "LABEL") {
        const input = document.getElementById(element.htmlFor);
        if (input && getComputedStyle(input).display === "none") {
          found.push(`its input cannot be focused: ${this.tag(element)}`);
        }
      } else if (element.tabIndex < 0 || element.closest("[inert]")) {
        found.push(this.tag(element));
      }
    }
    return found.slice(0, 8);
  },

  color(text) {
    const parts = (text.match(/[\d.]+/g) || [0, 0, 0]).map(Number);
    return parts.slice(0, 3);
  },

  contrast(first, second) {
    const light = (color) => {
      const [r, g, b] = color.map((part) => {
        const value = part / 255;
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [high, low] = [light(first), light(second)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  },
};
