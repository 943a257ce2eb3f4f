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

test("the list says how many events are new, and shows them when asked", async (t) => {
  const page = await as(t, browser, "operator");
  await page.goto("/events");
  const newest = page.locator("a.row").first();
  const before = await newest.getAttribute("href");
  const pill = page.locator(".newpill");
  assert.ok(await pill.isHidden());
  await tell("mailgun", "--event", "complained", "--count", "1");
  await pill.waitFor();
  assert.match(await pill.innerText(), /^1 new$/);
  assert.equal(await newest.getAttribute("href"), before, "nothing has jumped");
  await pill.click();
  await page.locator("tbody tr", { hasText: "Complained" }).first().waitFor();
  assert.notEqual(await newest.getAttribute("href"), before);
  assert.ok(await pill.isHidden());
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
