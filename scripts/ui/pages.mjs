// Every page of the interface, as the demonstration shows it.
export const pages = [
  ["overview", "/"],
  ["overview-1h", "/?period=1h"],
  ["overview-30d", "/?period=30d"],
  ["events", "/events"],
  ["event", "@first-bounce"],
  ["event-message", "@first-bounce&tab=message"],
  ["event-raw", "@first-bounce&tab=raw"],
  ["events-nothing", "/events?q=hello"],
  ["messages", "/messages"],
  ["messages-overdue", "/messages?overdue=true"],
  ["message", "@first-message"],
  ["message-overdue", "@first-overdue"],
  ["recipients", "/recipients"],
  ["recipient", "@first-recipient"],
  ["timelines", "/timelines"],
  ["timeline", "@first-timeline"],
  ["alerts", "/alerts"],
  ["alert", "@first-alert"],
  ["alert-digest", "@first-digest"],
  ["watchdog", "/watchdog"],
  ["suppressions", "/suppressions"],
  ["destinations", "/destinations"],
  ["destination", "/destinations/archive"],
  ["destination-failing", "/destinations/crm"],
  ["quarantine", "/quarantine"],
  ["refused", "@first-refused"],
  ["sources", "/sources"],
  ["settings", "/settings"],
  ["users", "/settings/users"],
  ["sessions", "/settings/sessions"],
  ["tokens", "/settings/tokens"],
  ["audit", "/settings/audit"],
  ["system", "/settings/system"],
  ["not-found", "/recipients/%20"],
];

// Where the first row of a list is followed.
const first = {
  "@first-bounce": ["/events?type=bounced&period=all", "a.row"],
  "@first-message": ["/messages?status=delivered&period=all", "a.row"],
  "@first-overdue": ["/messages?overdue=true&period=all", "a.row"],
  "@first-recipient": ["/recipients?suppressed=true", "a.row"],
  "@first-timeline": ["/timelines", 'main a.label:has-text("booking_id")'],
  "@first-alert": ["/alerts?rule=bounces&state=resolved", "a.row"],
  "@first-digest": ["/alerts?rule=bounces", 'a.row:has-text("messages bounced since")'],
  "@first-refused": ["/quarantine", "a.row"],
};

// The path of a page, found by following the lists' own links where it depends on what there is.
export async function find(page, path) {
  if (!path.startsWith("@")) return path;
  const [name, rest = ""] = path.split(/(?=&)/);
  const [list, row] = first[name];
  await page.goto(list);
  return (await page.locator(row).first().getAttribute("href")) + rest;
}

// How they are looked at.
export const looks = [
  { name: "light-wide", colorScheme: "light", viewport: { width: 1440, height: 900 } },
  { name: "dark-wide", colorScheme: "dark", viewport: { width: 1440, height: 900 } },
  { name: "light-narrow", colorScheme: "light", viewport: { width: 390, height: 844 } },
  { name: "dark-narrow", colorScheme: "dark", viewport: { width: 390, height: 844 } },
];
