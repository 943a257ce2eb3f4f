// What holds of every page: it is there, reads for everybody, fits the screen, and is quiet. Each is kept as a picture.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { guest, launch, visit, demo } from "./browser.mjs";
import { find, looks, pages } from "./pages.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.UI_SHOTS;
let browser;
before(async () => {
  browser = await launch();
  await mkdir(shots, { recursive: true });
});
after(() => browser.close());

async function check(page, name, look) {
  // The list of events fills the window whatever its length; a dialog lies over the window.
  await page.screenshot({ path: `${shots}/${name}-${look}.png`, fullPage: !/^(event|dialog|menu)/.test(name) });
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
  const bad = found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const told = bad.map(({ id, help, nodes }) => `${id}: ${help}\n    ${nodes.slice(0, 3).map((node) => node.html).join("\n    ")}`);
  assert.deepEqual(told, [], `${name}, ${look}`);
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= window, `${name}, ${look}: ${wide} pixels on a screen of ${window}`);
  assert.deepEqual(await page.evaluate(cutOff), [], `${name}, ${look}: cards that are cut off`);
  // `11:24:08` is `yesterday 11:24` after midnight, and has a year after the next one.
  await page.$$eval("main :is(td, th) time", (times) => times.forEach((time) => { time.textContent = "29 Nov 2025 20:44"; }));
  assert.deepEqual(await page.evaluate(cutOff), [], `${name}, ${look}: cards that are cut off once their times are long`);
}

// Runs in the page.
function cutOff() {
  return [...document.querySelectorAll("main .card, main .list")]
    .filter((card) => card.scrollWidth > card.clientWidth + 1)
    .map((card) => `${card.getAttribute("aria-labelledby") ?? card.getAttribute("aria-label") ?? card.className}: ${card.scrollWidth} pixels in ${card.clientWidth}`);
}

for (const { name: look, ...options } of looks) {
  test(`every page, ${look}`, async (t) => {
    const page = await guest(t, browser, options);
    for (const [name, path] of pages) {
      if (name === "not-found") continue;
      await t.test(name, async () => {
        const answer = await page.goto(await find(page, path));
        assert.equal(answer.status(), 200);
        assert.equal(await page.locator("h1").count(), 1, "one heading of the whole page");
        await check(page, name, look);
      });
    }
  });

  test(`before signing in, ${look}`, async (t) => {
    const page = await visit(t, browser, demo, options);
    await page.goto("/");
    assert.equal(new URL(page.url()).pathname, "/sign-in");
    await check(page, "sign-in", look);
  });
}

test("a dialog and the menu read for everybody", async (t) => {
  for (const { name: look, ...options } of looks) {
    const page = await guest(t, browser, options);
    await page.goto("/suppressions");
    await page.getByRole("button", { name: "Suppress an address" }).click();
    await check(page, "dialog", look);
    await page.keyboard.press("Escape");
    if (options.viewport.width > 600) continue;
    await page.getByRole("button", { name: "Menu" }).click();
    await check(page, "menu", look);
  }
});

test("a page that is not there says so in words", async (t) => {
  const page = await guest(t, browser);
  const answer = await page.request.get(pages.at(-1)[1]);
  assert.equal(answer.status(), 404);
  assert.match(await answer.text(), /This is no address/);
});
