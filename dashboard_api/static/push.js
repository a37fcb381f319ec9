"use strict";
// Lets this browser be told when the page is closed: asks, subscribes, and hands the subscription to the site.
(() => {
  const button = document.getElementById("push");
  const said = document.getElementById("push-said");
  if (!button) return;
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
    button.disabled = true;
    said.textContent = button.dataset.failed;
    return;
  }

  function bytes(text) {
    const padded = text.replace(/-/g, "+").replace(/_/g, "/") + "=".repeat((4 - (text.length % 4)) % 4);
    return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
  }

  async function subscribe() {
    const worker = await navigator.serviceWorker.register(button.dataset.worker, { scope: "/static/" });
    const found = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(button.dataset.key) });
    const { endpoint, keys } = found.toJSON();
    const address = JSON.stringify({ endpoint, p256dh: keys.p256dh, auth: keys.auth });
    const answer = await fetch("/api/v1/contacts", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ kind: "push", address }),
    });
    if (!answer.ok) throw new Error(String(answer.status));
  }

  button.addEventListener("click", () => {
    button.disabled = true;
    subscribe().then(
      () => location.reload(),
      () => { button.disabled = false; said.textContent = button.dataset.failed; },
    );
  });
})();
