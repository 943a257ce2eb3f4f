#!/usr/bin/env node
// Registers a message, waits for its outcome, and asks what is known of it:
// ask.mjs PROVIDER_MESSAGE_ID RECIPIENT KEY=VALUE, with HEARBACK_URL and HEARBACK_TOKEN.

const { HEARBACK_URL, HEARBACK_TOKEN } = process.env;

async function call(path, query, options = {}) {
  const url = new URL(`${HEARBACK_URL}${path}`);
  url.search = new URLSearchParams(query);
  const headers = { authorization: `Bearer ${HEARBACK_TOKEN}`, "content-type": "application/json" };
  const answer = await fetch(url, { headers, ...options });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.status} ${body.detail}`);
  return body;
}

const ask = (path, query = {}) => call(path, query);
const tell = (path, body) => call(path, {}, { method: "POST", body: JSON.stringify(body) });

/** Waits for the event that says how it ended. */
async function outcome(message) {
  const query = { message, type: "delivered,bounced,rejected,failed", wait: 30 };
  for (;;) {
    const page = await ask("/v1/events", query);
    if (page.data.length > 0) return page.data[0];
    query.after = page.next_cursor;
  }
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

async function main(providerMessageId, recipient, label) {
  const at = label.indexOf("=");
  const [key, value] = [label.slice(0, at), label.slice(at + 1)];
  const { id } = await tell("/v1/messages", {
    source: "mailgun",
    provider_message_id: providerMessageId,
    recipient,
    labels: { [key]: value },
    expect_delivered_within: 900,
  });
  console.log("registered", id);

  const event = await outcome(id);
  console.log("outcome", event.type, event.recipient, event.failure?.reason ?? "-");

  const message = await ask(`/v1/messages/${id}`);
  const decided = message.explanation.find((why) => why.decided);
  console.log("message", message.id, message.status, "because of", decided.type);

  for await (const event of timeline(key, value)) {
    console.log("timeline", label, event.type, event.recipient);
  }
}

try {
  await main(...process.argv.slice(2));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
