// What people do: each change is seen at once, and stands in the audit log.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { as, launch } from "./browser.mjs";

const tell = (...words) => promisify(execFile)(process.env.UI_TELL, words);
let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function inAuditLog(t, what) {
  const admin = await as(t, browser, "admin");
  await admin.goto("/settings/audit");
  await admin.locator("tbody tr", { hasText: what }).first().waitFor();
  return admin.locator("tbody tr", { hasText: what }).first().innerText();
}

// Looks again until it is so; what another task does takes a moment.
async function reload(page, isSo) {
  for (let n = 0; n < 300; n++) {
    if (await isSo()) return;
    await page.reload();
  }
  assert.fail(`not so after 300 looks at ${page.url()}`);
}

test("the list says how many events are new, and shows them when asked", async (t) => {
  const page = await as(t, browser, "operator");
  await page.goto("/events");
  const newest = page.locator("a.row").first();
  const before = await newest.getAttribute("href");
  const pill = page.locator(".newpill");
  assert.ok(await pill.isHidden());
  // A complaint would raise an alert, which is an event too.
  await tell("mailgun", "--event", "unsubscribed", "--count", "1");
  await pill.waitFor();
  assert.match(await pill.innerText(), /^1 new$/);
  assert.equal(await newest.getAttribute("href"), before, "nothing has jumped");
  await pill.click();
  // Another row may say `Unsubscribed` already: the new one is there when the first one is another.
  await page.locator(`tbody tr:first-child a.row:not([href="${before}"])`).waitFor();
  assert.match(await page.locator("tbody tr").first().innerText(), /Unsubscribed/);
  await pill.waitFor({ state: "hidden" });
});

test("somebody is suppressed, with a reason, and lifted", async (t) => {
  const page = await as(t, browser, "operator");
  await page.goto("/recipients/changing@example.com");
  await page.getByRole("button", { name: "Suppress…" }).click();
  await page.getByLabel("Why, for whoever reads the history").locator("visible=true").fill("called us");
  await page.getByRole("button", { name: "Suppress", exact: true }).click();
  await page.locator(".toast", { hasText: "suppressed" }).waitFor();
  await page.getByText("A person suppressed it by hand").waitFor();
  assert.match(await page.locator("main").innerText(), /by operator: called us/);
  // Found behind more events than are looked at together.
  await tell("mailgun", "--event", "delivered", "--count", "400");
  await page.goto("/recipients?suppressed=true");
  await page.getByRole("link", { name: "changing@example.com" }).waitFor();
  await page.goto("/suppressions?reason=manual");
  await page.getByRole("link", { name: "changing@example.com" }).click();
  await page.getByRole("button", { name: "Lift suppression…" }).click();
  await page.getByLabel("Why, for whoever reads the history").locator("visible=true").fill("asked for it");
  await page.getByRole("button", { name: "Lift", exact: true }).click();
  await page.locator(".toast", { hasText: "lifted" }).waitFor();
  assert.equal(await page.getByText("A person suppressed it by hand").count(), 0);
  const line = await inAuditLog(t, "suppression.lift");
  assert.match(line, /operator/);
  assert.doesNotMatch(line, /changing@/, "the audit log names no address whole");
});

test("what was refused under the old key is verified again and let in", async (t) => {
  const page = await as(t, browser, "operator");
  await page.goto("/quarantine");
  const group = page.locator("details.group", { hasText: "Bad signature" });
  assert.match(await group.locator("summary").innerText(), /3 refused/);
  await group.locator("a.row").first().click();
  await page.getByRole("heading", { name: /Refused request/ }).waitFor();
  await page.getByRole("button", { name: "Verify again" }).click();
  await page.locator(".toast", { hasText: "1 let in" }).waitFor();
  await page.getByRole("button", { name: "Verify 2 again" }).click();
  await page.locator(".toast", { hasText: "2 let in" }).waitFor();
  await page.getByRole("heading", { name: "Nothing is refused" }).waitFor();
  assert.match(await inAuditLog(t, "quarantine.retry"), /operator/);
});

test("a destination is paused, resumed and tested", async (t) => {
  const page = await as(t, browser, "operator");
  await page.goto("/destinations");
  await page.getByRole("link", { name: "archive" }).click();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("A person holds it since").waitFor();
  await tell("mailgun", "--event", "delivered", "--count", "2");
  await page.reload();
  await page.getByText("2 events wait in the log").waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.locator(".toast", { hasText: "Resumed" }).waitFor();
  // Pushed by another task: the page says so as soon as it looks again.
  await reload(page, () => page.getByText("It has everything that it wants").count());
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("The test was taken.").waitFor();
  await page.goto("/destinations/crm");
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("The test was not taken.").waitFor();
  for (const what of ["destination.pause", "destination.resume", "destination.test"]) assert.match(await inAuditLog(t, what), /operator/);
});

test("what a destination did not take is counted, and then pushed again", async (t) => {
  const page = await as(t, browser, "operator");
  await page.goto("/destinations/crm");
  const dead = async () => Number((await page.locator(".seg a", { hasText: "Given up" }).innerText()).match(/\d+/)[0]);
  await reload(page, async () => (await dead()) >= 4);
  const before = await dead();
  await page.getByRole("button", { name: "Count them" }).click();
  await page.getByText(`${before} events would be pushed again.`).waitFor();
  assert.equal(await dead(), before, "counting changes nothing");
  await page.getByRole("button", { name: `Push ${before} events again` }).click();
  await page.locator(".toast", { hasText: `${before} events pushed once more` }).waitFor();
  assert.match(await inAuditLog(t, "destination.redrive"), new RegExp(`operator[^]*crm: dead, ${before} events`));
  // Nobody listens there: they fail once more.
  await reload(page, async () => (await dead()) >= before);
});

test("why an event did not come to a destination is explained", async (t) => {
  const page = await as(t, browser, "operator");
  const explain = async (type) => {
    await page.goto(`/events?type=${type}&period=all`);
    const id = new URL(await page.locator("a.row").first().evaluate((row) => row.href)).searchParams.get("open");
    await page.goto("/destinations/crm");
    await page.getByLabel("Id of the event").fill(id);
    await page.getByRole("button", { name: "Explain" }).click();
    return page.locator('[role="status"]', { has: page.locator(".badge") }).innerText();
  };
  assert.match(await explain("delivered"), /Not wanted[^]*Its type is none of message.bounced/);
  assert.match(await explain("bounced"), /(Given up|Waiting)[^]*tried/);
});

test("an alert is acknowledged and resolved", async (t) => {
  const page = await as(t, browser, "operator");
  await tell("mailgun", "--event", "bounced", "--count", "1", "--seed", "77");
  await page.goto("/alerts?state=open");
  await reload(page, () => page.locator("a.row").count());
  await page.locator("a.row").first().click();
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.locator(".toast", { hasText: "Acknowledged" }).waitFor();
  assert.match(await page.locator(".tl").last().innerText(), /Acknowledged by operator/);
  assert.equal(await page.getByRole("button", { name: "Acknowledge" }).count(), 0);
  await page.getByRole("button", { name: "Resolve" }).click();
  await page.locator(".toast", { hasText: "Resolved" }).waitFor();
  assert.match(await page.locator(".tl").last().innerText(), /Resolved by operator/);
  assert.equal(await page.getByRole("button", { name: "Resolve" }).count(), 0);
  for (const what of ["alert.acknowledge", "alert.resolve"]) assert.match(await inAuditLog(t, what), /operator/);
});

test("an admin makes a user, who signs in, and whose session he ends", async (t) => {
  const admin = await as(t, browser, "admin");
  await admin.goto("/settings/users");
  await admin.getByLabel("Name or e-mail").fill("nora");
  await admin.getByRole("textbox", { name: /^Password/ }).locator("visible=true").fill("a password of hers");
  await admin.getByRole("button", { name: "Add", exact: true }).click();
  await admin.locator("tbody tr", { hasText: "nora" }).waitFor();
  await admin.locator("tbody tr", { hasText: "nora" }).getByRole("button", { name: "Change…" }).click();
  await admin.getByRole("button", { name: "Remove nora" }).click();
  await admin.locator("tbody tr", { hasText: "nora" }).waitFor({ state: "detached" });
  assert.match(await inAuditLog(t, "user.add"), /nora/);
});
