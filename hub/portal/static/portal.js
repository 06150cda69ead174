// Says when the hub does not answer what the page asks by itself, and takes it back when it does; lets the page ask when
// the hub tells that something changed.
"use strict";
(() => {
  const told = (missing) => {
    const place = document.getElementById("offline");
    if (place) place.hidden = !missing;
  };
  document.addEventListener("htmx:error", () => told(true));
  document.addEventListener("htmx:after:request", (event) => {
    const status = event.detail?.ctx?.response?.status ?? 0;
    told(status === 0 || status >= 500 || status === 429);
  });

  // Only while it is looked at: a browser has few connections for all its pages.
  let source = null;
  const listen = () => {
    source?.close();
    source = null;
    if (document.hidden || !document.body.dataset.stream) return;
    source = new EventSource(document.body.dataset.stream);
    source.addEventListener("open", () => htmx.trigger(document.body, "todos"));
    source.addEventListener("changes", () => htmx.trigger(document.body, "todos"));
    source.addEventListener("end", () => {
      source.close();
      htmx.trigger(document.body, "todos");
    });
  };
  document.addEventListener("visibilitychange", listen);
  window.addEventListener("pagehide", () => source?.close());
  window.addEventListener("pageshow", listen);
})();
