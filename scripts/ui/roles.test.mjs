// What a viewer may not see and not do.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { as, formSecret, launch, post } from "./browser.mjs";

const whole = /[\w.+-]{2,}@(example\.(com|net|org)|[\w-]+\.example)/;
let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

test("a viewer sees addresses masked, wherever they stand", async (t) => {
  const operator = await as(t, browser, "operator");
  const viewer = await as(t, browser, "viewer");
  for (const path of ["/events?type=bounced", "/messages", "/recipients", "/", "/suppressions", "/alerts", "/alerts/1"]) {
    await operator.goto(path);
    await viewer.goto(path);
    const [clear, masked] = [await operator.locator("main").innerText(), await viewer.locator("main").innerText()];
    assert.match(clear, whole, `${path}: an operator sees them`);
    assert.doesNotMatch(masked, whole, path);
    assert.match(masked, /\w…@/, path);
    assert.doesNotMatch(await viewer.content(), whole, `${path}: nor in links and titles`);
  }
  const csv = await (await viewer.request.get("/events.csv")).text();
  assert.ok(csv.split("\r\n").length > 10 && csv.includes("…@") && !whole.test(csv), csv.slice(0, 400));
});

test("a viewer has no raw request, and no file with everything in it", async (t) => {
  const viewer = await as(t, browser, "viewer");
  await viewer.goto("/events?type=bounced");
  await viewer.locator("a.row").first().click();
  await viewer.getByRole("link", { name: "Raw" }).click();
  await viewer.locator("#detail").getByText(/role/).waitFor();
  assert.equal(await viewer.locator("#detail .json").count(), 0);
  assert.equal((await viewer.request.get("/events.ndjson")).status(), 403);
});

test("a viewer is offered no change, and refused any", async (t) => {
  const viewer = await as(t, browser, "viewer");
  const form = await formSecret(viewer);
  const changes = [
    ["/recipients/ann@example.com", { do: "suppress" }],
    ["/suppressions", { address: "ann@example.com" }],
    ["/alerts/1/acknowledge", {}],
    ["/alerts/1/resolve", {}],
    ["/quarantine/retry", { source: "mailgun", cause: "bad_signature" }],
    ["/quarantine/discard", { source: "mailgun", cause: "bad_signature" }],
    ["/destinations/crm/pause", {}],
    ["/destinations/crm/redrive", { which: "dead", count: "1" }],
    ["/settings/users", { name: "x", role: "admin", password: "xxxxxxxxxxxxxxxx" }],
    ["/settings/tokens", { name: "x", scope: "admin" }],
  ];
  for (const [path, fields] of changes) {
    const answer = await post(viewer, path, { ...fields, form });
    assert.equal(answer.status(), 403, path);
    assert.match(await answer.text(), /Not for your role/, path);
  }
  for (const path of ["/quarantine", "/suppressions", "/alerts/1", "/destinations/crm", "/recipients/ann@example.com"]) {
    await viewer.goto(path);
    assert.equal(await viewer.locator('main form[method="post"]').count(), 0, path);
  }
});

test("only admins have users, tokens, sessions and what was changed", async (t) => {
  const admin = await as(t, browser, "admin");
  for (const role of ["viewer", "operator"]) {
    const page = await as(t, browser, role);
    for (const path of ["/settings/users", "/settings/tokens", "/settings/sessions", "/settings/audit", "/settings/system"]) {
      assert.equal((await page.request.get(path)).status(), 403, `${role} ${path}`);
      assert.equal((await admin.request.get(path)).status(), 200, path);
    }
  }
  const operator = await as(t, browser, "operator");
  const form = await formSecret(operator);
  assert.equal((await post(operator, "/settings/users", { form, name: "x", role: "admin", password: "x".repeat(20) })).status(), 403);
});
