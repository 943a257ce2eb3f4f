// The README's pictures: the demonstration as WebP, which the browser itself encodes.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { guest, launch } from "./browser.mjs";
import { find } from "./pages.mjs";

const pictures = [
  ["overview", "/", "light", "[data-status=overdue]"],
  ["event", "@first-bounce&tab=message", "dark", "#detail"],
  ["timeline", "@story", "light", ".tl"],
];
const MOST_BYTES = 150_000;

// At the size of the window, not of the screen's pixels: small enough to be read over a slow line.
async function webp(browser, png) {
  const page = await browser.newPage();
  const data = await page.evaluate(async (source) => {
    const picture = Object.assign(new Image(), { src: source });
    await picture.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
    canvas.getContext("2d").drawImage(picture, 0, 0);
    return canvas.toDataURL("image/webp", 0.86);
  }, `data:image/png;base64,${png.toString("base64")}`);
  await page.close();
  return Buffer.from(data.split(",")[1], "base64");
}

// The timeline of a bounce that fills a window: of the newest ones, the one with the most to tell.
async function story(page) {
  await page.goto("/messages?status=bounced&period=all");
  const messages = await page.$$eval("a.row", (rows) => rows.slice(0, 12).map((row) => row.getAttribute("href")));
  let best = ["", 0];
  for (const message of messages) {
    await page.goto(message);
    const timeline = await page.locator('.page-head a[href^="/timelines/booking_id/"]').getAttribute("href");
    await page.goto(timeline);
    const steps = await page.locator(".tl > li").count();
    if (steps > best[1]) best = [timeline, steps];
  }
  return best[0];
}

test("the pictures of the README", async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  for (const [name, path, colorScheme, awaited] of pictures) {
    const page = await guest(t, browser, { colorScheme, viewport: { width: 1440, height: 900 } });
    await page.goto(path === "@story" ? await story(page) : await find(page, path));
    await page.locator(awaited).first().waitFor();
    const picture = await webp(browser, await page.screenshot());
    assert.ok(picture.length < MOST_BYTES, `${name}: ${picture.length} bytes`);
    await writeFile(`${process.env.UI_SHOTS}/${name}.webp`, picture);
  }
});
