// Pictures of every page: node screenshots.mjs SIGN-IN-LINK FOLDER [NAME...]
import { mkdir } from "node:fs/promises";
import { launch, pages, resolve } from "./pages.mjs";

const [link, folder, ...only] = process.argv.slice(2);
const base = new URL(link).origin;
await mkdir(folder, { recursive: true });
const browser = await launch();
for (const [theme, width, height] of [["light", 1440, 900], ["dark", 1440, 900], ["light", 390, 844], ["dark", 390, 844]]) {
  const context = await browser.newContext({ colorScheme: theme, viewport: { width, height }, timezoneId: "Europe/Berlin", locale: "en-GB" });
  const page = await context.newPage();
  await page.goto(link);
  for (const [name, path] of pages) {
    if (only.length && !only.includes(name)) continue;
    await page.goto(await resolve(page, base, path));
    await page.screenshot({ path: `${folder}/${name}-${theme}-${width < 600 ? "narrow" : "wide"}.png`, fullPage: name !== "events" });
  }
  await context.close();
}
await browser.close();
