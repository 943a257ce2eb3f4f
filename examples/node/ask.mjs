#!/usr/bin/env node
// Asks Hearback: ask.mjs MESSAGE KEY=VALUE, with HEARBACK_URL and HEARBACK_TOKEN.

const { HEARBACK_URL, HEARBACK_TOKEN } = process.env;

async function ask(path, query = {}) {
  const url = new URL(`${HEARBACK_URL}${path}`);
  url.search = new URLSearchParams(query);
  const answer = await fetch(url, { headers: { authorization: `Bearer ${HEARBACK_TOKEN}` } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.status} ${body.detail}`);
  return body;
}

/** Every event with a label, page by page. */
async function* timeline(key, value) {
  const path = `/v1/timelines/${encodeURIComponent(key)}/${encodeURIComponent(value)}`;
  let query = { limit: 3 };
  for (;;) {
    const page = await ask(path, query);
    yield* page.data;
    if (page.next_cursor === null) return;
    query = { ...query, cursor: page.next_cursor };
  }
}

async function main(messageId, label) {
  for (const event of (await ask("/v1/events", { type: "bounced", limit: 5 })).data) {
    console.log("event", event.id, event.type, event.recipient, event.failure.reason);
  }

  const message = await ask(`/v1/messages/${messageId}`);
  const decided = message.explanation.find((why) => why.decided);
  console.log("message", message.id, message.status, "because of", decided.type);

  const at = label.indexOf("=");
  for await (const event of timeline(label.slice(0, at), label.slice(at + 1))) {
    console.log("timeline", label, event.type, event.recipient);
  }
}

try {
  await main(...process.argv.slice(2));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
