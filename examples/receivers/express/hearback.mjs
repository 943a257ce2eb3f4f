// Hearback's webhooks in an Express application: verified, each event once, told to listeners.
//
//     const hooks = hearback(process.env.HEARBACK_WEBHOOK_SECRETS);
//     app.use("/hooks/hearback", hooks.router);      // before app.use(express.json()), which would take the bytes away
//     hooks.on("message.bounced", async (event) => { ... });

import { createHmac, timingSafeEqual } from "node:crypto";
import { EventEmitter } from "node:events";
import express from "express";

const TOLERANCE_SECONDS = 5 * 60;
const REMEMBERED = 100_000;

/** Whether one of the keys signed these bytes just now, by the rules of Standard Webhooks. */
export function isGenuine(keys, headers, body, now = Date.now() / 1000) {
  const { "webhook-id": id, "webhook-timestamp": timestamp = "", "webhook-signature": signatures = "" } = headers;
  if (!id || !/^\d+$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const given = signatures.split(" ").filter((part) => part.startsWith("v1,"));
  return keys.some((key) => {
    const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
    return given.some((part) => {
      const bytes = Buffer.from(part.slice(3), "base64");
      return bytes.length === expected.length && timingSafeEqual(bytes, expected);
    });
  });
}

/** The keys in `whsec_... whsec_...`: several while a secret is changed. */
function keysOf(secrets = "") {
  const keys = secrets.split(/\s+/).filter(Boolean).map((secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64"));
  // With an empty key everybody could sign.
  if (keys.length === 0 || keys.some((key) => key.length < 24)) throw new Error("no usable secret: expected whsec_ and Base64");
  return keys;
}

/**
 * An emitter with a `router`. Listeners get the event as GET /v1/events gives it, under its type or under "event" for all;
 * they may be asynchronous: Hearback is answered when they are done. If one throws, Hearback tries again.
 */
export function hearback(secrets) {
  const keys = keysOf(secrets);
  const hooks = new EventEmitter();

  // What was handled or is being handled. In an application of several processes: a table with a unique key instead,
  // written in the event's own transaction.
  const handled = new Map();

  async function tell(event) {
    for (const listener of [...hooks.listeners(event.type), ...hooks.listeners("event")]) await listener(event);
  }

  function once(event) {
    const { id } = event;
    if (!handled.has(id)) {
      handled.set(id, tell(event).catch((error) => { handled.delete(id); throw error; }));
      if (handled.size > REMEMBERED) handled.delete(handled.keys().next().value);
    }
    return handled.get(id);
  }

  hooks.router = express.Router();
  hooks.router.post("/", express.raw({ type: () => true, limit: "10mb" }), async (request, response) => {
    if (request.body !== undefined && !Buffer.isBuffer(request.body)) {
      throw new Error("another body parser came first, and the signature covers the bytes: mount Hearback's router before it");
    }
    const body = request.body ?? Buffer.alloc(0);
    if (!isGenuine(keys, request.headers, body)) return response.sendStatus(401);
    // A destination with `batch` pushes lists. The id of an event stays the same, however often and in whatever batch it comes.
    for (const message of [JSON.parse(body)].flat()) await once(message.data);
    response.sendStatus(200);
  });
  return hooks;
}
