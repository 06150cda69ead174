// Asks the browser for a security key or passkey: the options come from the hub, the answer goes with its form.
"use strict";
(() => {
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) return;

  const asked = async (place, token) => {
    const answer = await fetch(place, { method: "POST", body: new URLSearchParams({ token }) });
    if (answer.redirected) {
      location.assign(answer.url); // to log in once more
      return null;
    }
    if (!answer.ok) throw new Error(`${answer.status}`);
    const options = await answer.json();
    const key = "pubKeyCredParams" in options
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    return JSON.stringify(key.toJSON());
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const { answer, token } = form.elements;
    const button = form.querySelector("button");
    const told = form.querySelector("[role=alert]");
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      told.hidden = true;
      try {
        const found = await asked(form.dataset.passkey, token.value);
        if (found === null) return;
        answer.value = found;
        form.submit();
      } catch {
        told.hidden = false; // nobody touched it, or the hub refused
        button.disabled = false;
      }
    });
  }
})();
