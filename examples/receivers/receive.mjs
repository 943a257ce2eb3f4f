#!/usr/bin/env node
// A receiver of Hearback's webhooks for Node 18 or newer, without any package.
//
//     WEBHOOK_SECRET=whsec_... node receive.mjs [PORT]
//
// For Express there is express/.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 5 * 60;

/** The keys in `whsec_... whsec_...`: several while a secret is changed. */
export function keysOf(secrets = "") {
  const keys = secrets.split(/\s+/).filter(Boolean).map((secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64"));
  // With an empty key everybody could sign.
  if (keys.length === 0 || keys.some((key) => key.length < 24)) throw new Error("WEBHOOK_SECRET must be whsec_ and Base64");
  return keys;
}

/** The request's JSON, if one of the keys signed it just now; otherwise nothing. */
export function verify(keys, headers, body, now = Date.now() / 1000) {
  const [id, timestamp] = [headers["webhook-id"] ?? "", headers["webhook-timestamp"] ?? ""];
  if (!id || !/^\d+$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) return undefined;
  const given = (headers["webhook-signature"] ?? "").split(" ").filter((part) => part.startsWith("v1,"));
  for (const key of keys) {
    const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
    for (const signature of given) {
      const bytes = Buffer.from(signature.slice(3), "base64");
      if (bytes.length === expected.length && timingSafeEqual(bytes, expected)) return JSON.parse(body);
    }
  }
  return undefined;
}

// In an application: a table with a unique key, written in the event's own transaction.
const handled = new Set();

function handle(kind, event) {
  console.log(kind, event.id, event.recipient, event.failure?.reason ?? "");
}

const keys = keysOf(process.env.WEBHOOK_SECRET);

const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const message = verify(keys, request.headers, Buffer.concat(pieces));
  if (!message) return response.writeHead(401).end("signed with no secret of ours, or too long ago");
  try {
    const id = request.headers["webhook-id"];
    if (!handled.has(id)) {
      handle(message.type, message.data);
      handled.add(id);
    }
    response.writeHead(204).end();
  } catch (error) {
    console.error(error);
    response.writeHead(500).end(); // Hearback tries again.
  }
});

server.listen(Number(process.argv[2] ?? 9000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
