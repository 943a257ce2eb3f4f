// Looking: from a figure to its cause, over filters and keys, with and without a script.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import http from "node:http";
import { guest, launch } from "./browser.mjs";
import { find } from "./pages.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

test("a bounce is followed from the overview to its raw payload", async (t) => {
  const page = await guest(t, browser);
  await page.goto("/?period=30d");
  await page.locator("a.tile", { hasText: "Bounced" }).click();
  await page.waitForURL(/\/events\?.*type=bounced/);
  const words = await page.locator("tbody td .badge").allInnerTexts();
  assert.ok(words.length > 0 && words.every((word) => word === "Bounced"), words.join());
  const row = page.locator("a.row").first();
  const who = await row.innerText();
  await row.click();
  const detail = page.locator("#detail");
  await detail.getByRole("heading", { name: who }).waitFor();
  assert.match(new URL(page.url()).search, /open=evt_/, "the panel has a URL");
  await detail.getByRole("link", { name: "Raw" }).click();
  await detail.locator(".json").waitFor();
  assert.ok((await detail.locator(".json").innerText()).toLowerCase().includes(who.toLowerCase()));
  await detail.getByText("Head, without credentials").click();
  assert.match(await detail.innerText(), /POST \/webhooks\//);
  await detail.getByRole("link", { name: "Open message" }).click();
  await page.waitForURL(/\/messages\/msg_/);
  await page.getByRole("heading", { name: "Why bounced?" }).waitFor();
});

test("what was expected and did not come is followed from the overview to what is known of it", async (t) => {
  const page = await guest(t, browser);
  await page.goto("/");
  const tile = page.locator("a.tile", { hasText: "Overdue" });
  // The watchdog looks once a second.
  for (let n = 0; n < 300 && (await tile.locator("b").innerText()) === "0"; n++) await page.reload();
  await page.locator('.rows a[href="/messages?overdue=true"]').click();
  await page.waitForURL(/\/messages\?overdue=true/);
  const rows = page.locator("tbody tr");
  for (const text of await rows.allInnerTexts()) assert.match(text, /Overdue/);
  await page.locator("a.row").first().click();
  await page.getByText("Expected by").waitFor();
  const story = await page.locator(".tl").innerText();
  assert.match(story, /Registered by the application[^]*Expected within/);
  assert.match(story, /Overdue/);
  // Beside it stands the alert that it raised.
  const notice = page.locator('.tl-note[data-status="overdue"]', { hasText: "Overdue" }).first();
  assert.equal(await notice.getAttribute("data-status"), "overdue");
  assert.match(await notice.innerText(), /Overdue\s+\S+/, "the notice says more than its name");
});

test("an open alert is followed from the overview to the event that raised it", async (t) => {
  const page = await guest(t, browser);
  await page.goto("/");
  const first = page.locator("#alerts a", { hasText: "Overdue" }).first();
  // Rules are looked at once a second.
  for (let n = 0; n < 300 && !(await first.count()); n++) await page.reload();
  const urgencies = await page.locator("#alerts .badge").allInnerTexts();
  const ranks = urgencies.map((word) => ["Critical", "Warning", "Info"].indexOf(word.trim()));
  assert.ok(ranks.length > 1 && !ranks.includes(-1), `urgencies: ${urgencies}`);
  assert.deepEqual(ranks, ranks.toSorted(), "the most urgent first");
  const title = await first.innerText();
  assert.match(await page.locator('#nav a[href="/alerts"] .count').innerText(), /^[1-9]/, "the navigation counts what is open");
  await first.click();
  await page.waitForURL(/\/alerts\/\d+$/);
  await page.getByRole("heading", { name: title }).waitFor();
  const story = page.locator(".tl").first();
  assert.match(await story.innerText(), /Overdue[^]*Raised told to desk/);
  assert.match(await story.getByRole("link", { name: "desk" }).getAttribute("href"), /^\/destinations\/desk\?event=evt_/);
  await story.getByRole("link", { name: "The event" }).click();
  await page.locator("#detail").waitFor();
  assert.match(await page.locator("#detail").innerText(), /message.overdue/);
  await page.goBack();
  await page.locator("#main .dl a[href^='/messages/']").click();
  await page.locator(".tl a[href^='/alerts/']").first().waitFor();
});

test("a digest says what it sums up", async (t) => {
  const page = await guest(t, browser);
  await page.goto(await find(page, "@first-digest"));
  assert.match(await page.locator("h1").innerText(), /^9 messages bounced since/);
  await page.getByText("old-lodge.example", { exact: true }).waitFor();
  assert.equal(await page.locator("a.row").count(), 9);
  await page.locator("a.row").first().click();
  await page.getByText("Many came at once.").waitFor();
});

test("the watchdog shows what is overdue, which sources refuse, and what is expected", async (t) => {
  const page = await guest(t, browser);
  await page.goto("/watchdog");
  const rows = page.locator("section[aria-labelledby=h-late] tbody tr");
  for (let n = 0; n < 300 && !(await rows.count()); n++) await page.reload();
  assert.match(await rows.first().innerText(), /Deferred[^]*ago/);
  await page.locator("section[aria-labelledby=h-wrong]", { hasText: "requests refused" }).waitFor();
  assert.match(await page.locator("section[aria-labelledby=h-expected]").innerText(), /purpose=\s*pre_arrival[^]*within 30 min/);
  await rows.first().locator("a.row").click();
  await page.getByText("Expected by").waitFor();
});

test("filters stand in the URL, and the back button undoes them one by one", async (t) => {
  const page = await guest(t, browser);
  await page.goto("/events?period=30d");
  const chip = page.locator("label.chip", { hasText: "Bounced" });
  await chip.click();
  await page.waitForURL(/type=bounced/);
  await page.locator("select[name=source]").selectOption("mailgun");
  await page.waitForURL(/source=mailgun/);
  const rows = page.locator("tbody tr");
  assert.ok((await rows.count()) > 0);
  for (const text of await rows.allInnerTexts()) assert.match(text, /Bounced/);
  await page.goBack();
  await page.waitForURL((url) => !url.search.includes("source"));
  await page.waitForFunction(() => document.querySelector("select[name=source]").value === "");
  assert.ok(await chip.locator("input").isChecked());
  await page.goBack();
  await page.waitForURL((url) => !url.search.includes("type"));
  await page.locator("label.chip", { hasText: "Bounced" }).locator("input:not(:checked)").waitFor({ state: "attached" });
  await page.goForward();
  await page.waitForURL(/type=bounced/);
});

test("the search box understands what is typed", async (t) => {
  const page = await guest(t, browser);
  await page.goto("/recipients?suppressed=true");
  const address = await page.locator("a.row").first().innerText();
  await page.goto("/timelines");
  const label = await page.locator("main a.label", { hasText: "booking_id" }).first().textContent();
  for (const [text, path] of [
    [address, `/recipients/${address}`],
    ["old-lodge.example", "/events"],
    [label, `/timelines/${label.replace("=", "/")}`],
  ]) {
    await page.goto("/");
    await page.keyboard.press("/");
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => decodeURIComponent(url.pathname) === path);
  }
  assert.equal(new URL(page.url()).search, "");
});

test("everything is reached by keys", async (t) => {
  const page = await guest(t, browser);
  await page.goto("/");
  for (const [key, path] of [["e", "/events"], ["m", "/messages"], ["r", "/recipients"], ["t", "/timelines"], ["a", "/alerts"], ["w", "/watchdog"], ["u", "/suppressions"],
    ["d", "/destinations"], ["q", "/quarantine"], ["s", "/sources"], [",", "/settings"], ["o", "/"]]) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await page.waitForURL((url) => url.pathname === path);
  }
  await page.goto("/events");
  const rows = page.locator("a.row");
  const focused = (n) => rows.nth(n).evaluate((row) => row === document.activeElement);
  await page.keyboard.press("j");
  assert.ok(await focused(0), "j takes the first row");
  await page.keyboard.press("j");
  assert.ok(await focused(1));
  await page.keyboard.press("k");
  assert.ok(await focused(0));
  await page.keyboard.press("Enter");
  await page.locator("#detail").waitFor();
  const first = page.url();
  await page.keyboard.press("j");
  await page.waitForURL((url) => url.href !== first && url.search.includes("open="));
  await page.keyboard.press("]");
  await page.waitForURL(/tab=message/);
  await page.keyboard.press("Escape");
  await page.waitForURL((url) => !url.search.includes("open="));
  const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await page.keyboard.press("?");
  await help.waitFor();
  // Each letter that the help names leads somewhere, and each place of the navigation has one.
  assert.ok((await help.innerText()).includes("Go to Destinations"));
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "hidden" });
  await page.keyboard.press("/");
  await page.keyboard.type("ge?j");
  assert.equal(await page.locator(".search input").inputValue(), "ge?j", "in a field, keys are letters");
  assert.equal(new URL(page.url()).pathname, "/events");
});

test("times are local or UTC, pages light or dark, and stay so", async (t) => {
  const page = await guest(t, browser, { colorScheme: "light" });
  await page.goto("/events");
  await page.goto("/events");
  const time = page.locator("tbody time").first();
  assert.match(await time.getAttribute("title"), /(CET|CEST) · .* UTC$/);
  const [moment, local] = [await time.getAttribute("datetime"), await time.innerText()];
  await page.keyboard.press("t");
  await page.locator('[data-clock][aria-current]', { hasText: "UTC" }).waitFor();
  const utc = await page.locator(`tbody time[datetime="${moment}"]`).first().innerText();
  assert.notEqual(utc, local);
  await page.getByRole("link", { name: "Switch light and dark" }).click();
  await page.goto("/messages");
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
});

test("without a script everything can be read, filtered and changed", async (t) => {
  const page = await guest(t, browser, { javaScriptEnabled: false });
  await page.goto("/");
  await page.locator("a.tile", { hasText: "Delivered" }).click();
  await page.waitForURL(/type=delivered/);
  await page.goto("/events?period=30d");
  await page.locator("label.chip", { hasText: "Bounced" }).click();
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.waitForURL(/type=bounced/);
  await page.locator("a.row").first().click();
  await page.getByRole("link", { name: "Raw" }).click();
  await page.locator(".json").waitFor();
  await page.getByRole("link", { name: "Open message" }).click();
  await page.getByRole("heading", { name: "What happened" }).waitFor();
  await page.goto("/suppressions");
  await page.getByRole("button", { name: "Suppress an address" }).click();
  await page.getByLabel("Address or number").fill("noscript@example.com");
  await page.getByRole("button", { name: "Suppress", exact: true }).click();
  await page.waitForURL(/said=/);
});

test("what is filtered can be taken along as CSV and NDJSON", async (t) => {
  const page = await guest(t, browser);
  await page.goto("/events?type=bounced&period=30d");
  const take = async (name) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name }).click()]);
    const chunks = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk);
    return [download.suggestedFilename(), Buffer.concat(chunks).toString()];
  };
  const [csvName, csv] = await take("CSV");
  const [name, ndjson] = await take("NDJSON");
  assert.deepEqual([csvName, name], ["events.csv", "events.ndjson"]);
  const events = ndjson.trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(events.length > 10 && events.every((event) => event.type === "message.bounced"));
  const ids = csv.trim().split("\r\n").slice(1).map((line) => line.split(",")[0]);
  assert.deepEqual(ids, events.map((event) => event.id));
});

// The bytes on the wire.
function bytes(url, headers) {
  return new Promise((resolve, reject) => {
    http.get(url, { headers: { "accept-encoding": "gzip", ...headers } }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => resolve({ body: Buffer.concat(chunks), coding: answer.headers["content-encoding"], status: answer.statusCode }));
    }).on("error", reject);
  });
}

test("the first page has fewer than 100 KB, everything that it asks for included", async (t) => {
  const page = await guest(t, browser);
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  const base = new URL(page.url()).origin;
  const html = await bytes(`${base}/`, { cookie });
  assert.deepEqual([html.status, html.coding], [200, "gzip"]);
  const assets = [...gunzipSync(html.body).toString().matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  assert.ok(assets.length >= 3, assets.join());
  let sum = html.body.length;
  for (const path of new Set(assets)) {
    const asset = await bytes(base + path, {});
    assert.deepEqual([asset.status, asset.coding], [200, "gzip"], path);
    sum += asset.body.length;
  }
  t.diagnostic(`first page: ${sum} bytes`);
  assert.ok(sum < 100_000, `${sum} bytes`);
});
