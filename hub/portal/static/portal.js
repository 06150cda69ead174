// Says when the hub does not answer what the page asks by itself, and takes it back when it does; lets the page ask when
// the hub tells that something changed. Sends the form of a page that leads on.
"use strict";
(() => {
  document.querySelector("form[data-onward]")?.submit();

  const told = (missing) => {
    const place = document.getElementById("offline");
    if (place) place.hidden = !missing;
  };

  // A word of the hub is answered by a request that began after it; one that was under way, or whose place was taken by
  // another, may show what was before.
  let word = 0;
  let shown = 0;
  let waiting = null;
  const ask = () => {
    if (waiting || shown >= word) return;
    waiting = setTimeout(() => {
      waiting = null;
      ask();
    }, 1000);
    htmx.trigger(document.body, "todos");
  };
  const changed = () => {
    word = performance.now();
    ask();
  };
  document.addEventListener("htmx:before:request", (event) => {
    event.detail.ctx.begun = performance.now();
  });
  document.addEventListener("htmx:error", () => {
    told(true);
    word = 0; // until the stream opens again, or by the clock
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { begun = 0, response } = event.detail?.ctx ?? {};
    const status = response?.status ?? 0;
    shown = Math.max(shown, begun);
    told(status === 0 || status >= 500 || status === 429);
  });

  // Only while it is looked at: a browser has few connections for all its pages.
  let source = null;
  let later = null;
  const listen = () => {
    clearTimeout(later);
    source?.close();
    source = null;
    if (document.hidden || !document.body.dataset.stream) return;
    source = new EventSource(document.body.dataset.stream);
    source.addEventListener("open", changed);
    source.addEventListener("changes", changed);
    source.addEventListener("error", ({ target }) => {
      // A browser asks again after a cut, and never after a refusal (busy, too many streams).
      if (target === source && target.readyState === EventSource.CLOSED) later = setTimeout(listen, 5000);
    });
    source.addEventListener("end", () => {
      source.close();
      changed();
    });
  };
  document.addEventListener("visibilitychange", listen);
  window.addEventListener("pagehide", () => source?.close());
  window.addEventListener("pageshow", listen);
})();
