// What both the tests and the screenshots walk through.
import { chromium } from "playwright-core";

export const pages = [
  ["overview", "/"],
  ["overview-30d", "/?period=30d"],
  ["events", "/events"],
  ["event", "@first-bounce"],
  ["event-message", "@first-bounce&tab=message"],
  ["event-raw", "@first-bounce&tab=raw"],
  ["events-nothing", "/events?q=hello"],
  ["messages", "/messages"],
  ["message", "@first-message"],
  ["recipients", "/recipients"],
  ["recipient", "@first-recipient"],
  ["timelines", "/timelines"],
  ["timeline", "@first-timeline"],
  ["suppressions", "/suppressions"],
  ["quarantine", "/quarantine"],
  ["refused", "@first-refused"],
  ["sources", "/sources"],
  ["settings", "/settings"],
  ["users", "/settings/users"],
  ["sessions", "/settings/sessions"],
  ["tokens", "/settings/tokens"],
  ["audit", "/settings/audit"],
  ["system", "/settings/system"],
];

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
}

// Paths that depend on what there is: found by following the lists' own links.
export async function resolve(page, base, path) {
  if (!path.startsWith("@")) return base + path;
  const [name, rest = ""] = path.split(/(?=&)/);
  const from = {
    "@first-bounce": ["/events?type=bounced&period=all", "a.row"],
    "@first-message": ["/messages?status=delivered&period=all", "a.row"],
    "@first-recipient": ["/recipients?suppressed=true", "a.row"],
    "@first-timeline": ["/timelines", "main a.label"],
    "@first-refused": ["/quarantine", "a.row"],
  }[name];
  await page.goto(base + from[0]);
  return base + (await page.locator(from[1]).first().getAttribute("href")) + rest;
}
