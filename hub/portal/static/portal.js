// Says when the hub does not answer what the page asks by itself, and takes it back when it does.
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
})();
