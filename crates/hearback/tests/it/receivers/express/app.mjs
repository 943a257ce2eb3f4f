// The Express example as it is, with a listener more, which cannot always do its work.
import { hooks } from "./receive.mjs";

const failed = new Set();

hooks.prependListener("event", async (event) => {
  await Promise.resolve();
  if (event.recipient === "fails-once@example.com" && !failed.has(event.id)) {
    failed.add(event.id);
    throw new Error("the database is away");
  }
});
