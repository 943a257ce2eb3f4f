// Who comes in, and how.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { as, formSecret, fresh, launch, password, post, server, signIn, visit } from "./browser.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

test("the one-time link makes the first user, once", async (t) => {
  const page = await visit(t, browser, fresh);
  await page.goto("/events");
  assert.equal(new URL(page.url()).pathname, "/sign-in");
  await page.goto(fresh);
  await page.getByLabel("Name or e-mail").fill("first");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Begin" }).click();
  await page.getByRole("heading", { name: "Ready to receive events" }).waitFor();
  const again = await page.request.get(fresh);
  assert.equal(again.status(), 404, "the link is used up");
  const cookies = await page.context().cookies();
  const session = cookies.find((cookie) => cookie.name === "hearback_session");
  assert.ok(session.httpOnly && session.sameSite === "Lax", JSON.stringify(session));
});

test("somebody signs in by password, comes to where he wanted, and signs out for good", async (t) => {
  const page = await visit(t, browser, server);
  await page.goto("/recipients?suppressed=true");
  await signIn(page, "operator", password);
  await page.waitForURL("**/recipients?suppressed=true");
  const cookies = await page.context().cookies();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/sign-in");
  // Whoever kept the cookie has nothing of it.
  await page.context().addCookies(cookies);
  await page.goto("/events");
  assert.equal(new URL(page.url()).pathname, "/sign-in");
});

test("whom a proxy vouches for is let in with his role, and his forms are guarded as well", async (t) => {
  const stranger = await visit(t, browser, server, { extraHTTPHeaders: { "remote-user": "nobody-here" } });
  await stranger.goto("/events");
  assert.match(await stranger.locator("nav").first().innerText(), /nobody-here, viewer/);
  assert.equal(await stranger.getByRole("button", { name: "Sign out" }).count(), 0, "there is no session to end");
  const admin = await visit(t, browser, server, { extraHTTPHeaders: { "remote-user": "admin" } });
  const known = await visit(t, browser, server, { extraHTTPHeaders: { "remote-user": "operator" } });
  const form = await formSecret(known, "/recipients/proxy@example.com");
  assert.match(await known.locator("nav").first().innerText(), /operator, operator/);
  const wish = { do: "suppress", reason: "by proxy" };
  assert.equal((await post(known, "/recipients/proxy@example.com", wish)).status(), 403);
  assert.equal((await post(known, "/recipients/proxy@example.com", { ...wish, form: await formSecret(admin, "/suppressions") })).status(), 403);
  assert.equal((await post(known, "/recipients/proxy@example.com", { ...wish, form })).status(), 303);
});

test("attempts are limited, and neither words nor codes tell which names there are", async (t) => {
  // On a server of its own: the others' tries count against the same address.
  const page = await visit(t, browser, fresh);
  await page.goto("/sign-in");
  const form = await page.locator('input[name="form"]').inputValue();
  const seen = [];
  for (let n = 0; n < 12; n++) {
    const answer = await post(page, "/sign-in", { form, user: n % 2 ? "first" : `nobody${n}`, pass: "wrong wrong wrong" });
    seen.push([answer.status(), (await answer.text()).match(/No user with this name and password|Too many tries/)?.[0]]);
  }
  assert.deepEqual(seen[0], [401, "No user with this name and password"]);
  assert.deepEqual(seen[1], seen[0], "of a user that is there the same is said");
  assert.deepEqual(seen.at(-1), [429, "Too many tries"]);
});

test("a form without its secret, with another's, or from elsewhere changes nothing", async (t) => {
  const page = await as(t, browser, "operator");
  const address = "/recipients/csrf@example.com";
  const form = await formSecret(page);
  const wish = { do: "suppress", reason: "forged" };
  const stranger = await as(t, browser, "viewer");
  const foreign = await formSecret(stranger);
  const answers = [
    await post(page, address, wish),
    await post(page, address, { ...wish, form: "" }),
    await post(page, address, { ...wish, form: foreign }),
    await post(page, address, { ...wish, form }, { "sec-fetch-site": "cross-site" }),
  ];
  assert.deepEqual(answers.map((answer) => answer.status()), [403, 403, 403, 403]);
  await page.goto(address);
  assert.equal(await page.getByText("A person suppressed it").count(), 0);
  assert.equal((await post(page, address, { ...wish, form })).status(), 303, "with the secret it is taken");
  await page.goto(address);
  await page.getByText("A person suppressed it").waitFor();
});

test("every page forbids what is not its own", async (t) => {
  const page = await as(t, browser, "operator");
  for (const path of ["/", "/events", "/sign-in", "/recipients/%20"]) {
    const headers = (await page.request.get(path)).headers();
    assert.match(headers["content-security-policy"], /default-src 'none'.*frame-ancestors 'none'/, path);
    assert.doesNotMatch(headers["content-security-policy"], /unsafe/, path);
    assert.equal(headers["cache-control"], "no-store", path);
    assert.equal(headers["referrer-policy"], "no-referrer", path);
  }
});
