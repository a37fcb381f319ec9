"use strict";
// Shows what the site pushes while no page is open, and opens the page that is meant when it is pressed.
self.addEventListener("push", (event) => {
  let told = {};
  try { told = event.data ? event.data.json() : {}; } catch { /* shown without words rather than not at all */ }
  const options = { body: told.body || "", tag: told.tag || "anbu", renotify: true, requireInteraction: true, data: told.link || "/" };
  event.waitUntil(self.registration.showNotification(told.title || "안부", options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const link = new URL(event.notification.data, self.location.origin);
  // Only this site's own pages: what a message says never leads anywhere else.
  const page = link.origin === self.location.origin ? link.href : self.location.origin;
  event.waitUntil(self.clients.openWindow(page));
});
