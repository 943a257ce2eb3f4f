// A browser as the tests have it: it notes what a page must never do, and who is signed in.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

export const { UI_DEMO: demo, UI_SERVER: server, UI_FRESH: fresh, UI_FOLDER: folder, UI_PASSWORD: password } = process.env;

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
}

// A page in a context of its own. At the end of the test it is closed, and must have been quiet: no error in the console, no
// request to anybody else.
export async function visit(t, browser, base, options = {}) {
  const context = await browser.newContext({ baseURL: new URL(base).origin, timezoneId: "Europe/Berlin", locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const faults = watch(page, new URL(base).origin);
  t.after(async () => {
    await context.close();
    assert.deepEqual(faults, []);
  });
  return page;
}

function watch(page, origin) {
  const faults = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`${page.url()}: ${error}`));
  page.on("request", (request) => {
    if (!/^(data|blob|about):/.test(request.url()) && new URL(request.url()).origin !== origin) faults.push(`asks ${request.url()}`);
  });
  return faults;
}

// Signed in to the demonstration, whose link works as often as it is used.
export async function guest(t, browser, options = {}) {
  const page = await visit(t, browser, demo, options);
  await page.goto(demo);
  return page;
}

// Signed in to the server as admin, operator or viewer; once, because the server counts how often somebody tries.
export async function as(t, browser, role, options = {}) {
  const kept = `${folder}/${role}.session.json`;
  if (existsSync(kept)) return visit(t, browser, server, { storageState: kept, ...options });
  const page = await visit(t, browser, server, options);
  await page.goto("/sign-in");
  await signIn(page, role, password);
  await page.waitForURL((url) => url.pathname === "/");
  await page.context().storageState({ path: kept });
  return page;
}

export async function signIn(page, name, secret) {
  await page.getByLabel("Name or e-mail").fill(name);
  await page.getByLabel("Password").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
}

// The secret of the forms of whoever is signed in, from a page that has one.
export async function formSecret(page, path = "/") {
  await page.goto(path);
  return page.locator('input[name="form"]').first().inputValue();
}

// Sends a form without any page of ours, and does not follow.
export function post(page, path, form, headers = {}) {
  return page.request.post(path, { form, headers, maxRedirects: 0 });
}
