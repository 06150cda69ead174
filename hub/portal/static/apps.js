// Applications by keyboard: / goes to the search, Enter there opens the first, arrows go from one to the next.
"use strict";
(() => {
  const search = document.getElementById("q");
  const all = () => [...document.querySelectorAll("#apps .go")];
  const middle = (one) => {
    const box = one.getBoundingClientRect();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };

  // The nearest in the row above or below.
  const across = (links, at, down) => {
    const here = middle(links[at]);
    const far = (one) => Math.abs(middle(one).y - here.y);
    const rows = links.filter((one) => (middle(one).y - here.y) * (down ? 1 : -1) > 4).sort((a, b) => far(a) - far(b));
    const row = rows.filter((one) => far(one) - far(rows[0]) < 4);
    return row.sort((a, b) => Math.abs(middle(a).x - here.x) - Math.abs(middle(b).x - here.x))[0];
  };

  search?.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // an input method has the key
    if (event.key === "Enter" && all().length && search.value.trim() === asked()) {
      event.preventDefault();
      all()[0].click();
    } else if (event.key === "ArrowDown" && all().length) {
      event.preventDefault();
      all()[0].focus();
    }
  });
  // What the list was searched by.
  const asked = () => document.getElementById("apps")?.dataset.q ?? "";

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "/" && search && !event.target.closest("input, textarea, select")) {
      event.preventDefault();
      search.focus();
      return;
    }
    const links = all();
    const at = links.indexOf(document.activeElement);
    if (at < 0) return;
    const next = {
      ArrowRight: () => links[at + 1],
      ArrowLeft: () => links[at - 1],
      ArrowDown: () => across(links, at, true),
      ArrowUp: () => across(links, at, false) ?? search,
      Home: () => links[0],
      End: () => links.at(-1),
    }[event.key]?.();
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });
})();
