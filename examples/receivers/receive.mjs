#!/usr/bin/env node
// A receiver of Hearback's webhooks for Node 18 or newer, without any package.
//
//     WEBHOOK_SECRET=whsec_... node receive.mjs [PORT]
//
// In Express, `verify` serves behind `express.raw({ type: "application/json" })`: the signature covers the bytes as they came.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 5 * 60;

/** The request's JSON, if one of the secrets signed it just now; throws otherwise. */
export function verify(secrets, headers, body, now = Date.now() / 1000) {
  const [id, timestamp] = [headers["webhook-id"] ?? "", headers["webhook-timestamp"] ?? ""];
  if (!/^\d+$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new Error("too old, or from the future");
  }
  const given = (headers["webhook-signature"] ?? "").split(" ").filter((part) => part.startsWith("v1,"));
  for (const secret of secrets) {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
    for (const signature of given) {
      const bytes = Buffer.from(signature.slice(3), "base64");
      if (bytes.length === expected.length && timingSafeEqual(bytes, expected)) return JSON.parse(body);
    }
  }
  throw new Error("signed with no secret of ours");
}

// In an application: a table with a unique key, written in the event's own transaction.
const handled = new Set();

function handle(kind, event) {
  console.log(kind, event.id, event.recipient, event.failure?.reason ?? "");
}

const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  try {
    const secrets = process.env.WEBHOOK_SECRET.split(" ");
    const message = verify(secrets, request.headers, Buffer.concat(pieces));
    const id = request.headers["webhook-id"];
    if (!handled.has(id)) {
      handle(message.type, message.data);
      handled.add(id);
    }
    response.writeHead(204).end();
  } catch (error) {
    response.writeHead(401).end(error.message);
  }
});

server.listen(Number(process.argv[2] ?? 9000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
