#!/usr/bin/env node
// An Express application that takes what Hearback pushes.
//
//     npm ci && HEARBACK_WEBHOOK_SECRETS=whsec_... node receive.mjs [PORT]

import express from "express";
import { hearback } from "./hearback.mjs";

export const hooks = hearback(process.env.HEARBACK_WEBHOOK_SECRETS);

hooks.on("message.bounced", async (event) => {
  console.log("bounced", event.recipient, event.failure?.reason, event.failure?.response);
});

hooks.on("event", async (event) => {
  console.log(event.type, event.id, event.recipient, event.labels.booking_id);
});

const app = express();
app.use("/hooks/hearback", hooks.router);
app.use(express.json()); // what the rest of the application needs

const server = app.listen(Number(process.argv[2] ?? 9000), "127.0.0.1", (error) => {
  if (error) throw error;
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
