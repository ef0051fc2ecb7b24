// The console as people use it: in a real browser, over a real server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { signIn as signInTo, startBrowser, startServer, visitor } from "./server.mjs";

let server, browser;
const faults = [];
const open = (options) => visitor(browser, server, faults, options);
const signIn = (page) => signInTo(page, server.admin);
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a wrong password is said to be wrong, the right one opens the house and stays over a reload", async () => {
  const page = await open();
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password").fill("not-the-password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("The user name or password is wrong").waitFor();
  await signIn(page);
  await page.reload();
  await page.getByRole("link", { name: "Chat" }).waitFor();
  await page.context().close();
});

test("a dropped file is read, answers a question, and its citation opens at the words", async () => {
  const page = await open();
  await signIn(page);
  await page.getByRole("link", { name: "Knowledge" }).click();
  await page.getByRole("button", { name: "New knowledge base" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("手册 Handbook");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: "手册 Handbook" }).waitFor();
  await page.getByTestId("files").setInputFiles([
    { name: "leave.md", mimeType: "text/markdown", buffer: Buffer.from("# 休假 Leave\n\n😀 前言。员工满一年后，每年享有十天带薪年假。\n\nOther text follows here.\n") },
    { name: "broken.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7 nothing else") },
  ]);
  await page.getByText("Ready").waitFor();
  await page.getByText("The PDF is damaged").waitFor();

  await page.getByPlaceholder("Search passages").fill("带薪年假");
  await page.keyboard.press("Enter");
  await page.locator(".source", { hasText: "leave.md" }).waitFor();

  await page.getByRole("link", { name: "Chat" }).click();
  await page.getByRole("textbox", { name: /Ask a question/ }).fill("每年有几天带薪年假？");
  await page.keyboard.press("Enter");
  await page.getByText("Quoted word for word").waitFor();
  assert.match(await page.locator(".answer").innerText(), /每年享有十天带薪年假/);
  await page.locator(".chip").first().click();
  const mark = page.locator("mark");
  await mark.waitFor();
  assert.match(await mark.innerText(), /^.*员工满一年后，每年享有十天带薪年假。$/);
  await page.keyboard.press("Escape");

  await page.getByRole("textbox", { name: /Ask a question/ }).fill("Who discovered quantum entanglement?");
  await page.keyboard.press("Enter");
  await page.locator(".mode.none").waitFor();
  await page.context().close();
});

test("a key is shown once and works with the API", async () => {
  const page = await open();
  await signIn(page);
  await page.getByRole("link", { name: "API keys" }).click();
  await page.getByRole("button", { name: "New key" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("reporting");
  await page.getByRole("button", { name: "Create" }).click();
  const secret = (await page.getByTestId("secret").innerText()).trim();
  assert.match(secret, /^sk-/);
  const answer = await fetch(`${server.url}/v1/models`, { headers: { Authorization: `Bearer ${secret}` } });
  assert.equal(answer.status, 200);
  await page.locator(".ant-modal-footer").getByRole("button", { name: "Close" }).click();
  await page.getByTestId("secret").waitFor({ state: "detached" });
  await page.getByText("reporting").waitFor();
  assert.equal(await page.getByText(secret).count(), 0);
  await page.context().close();
});

test("a table that could not be loaded says why, and can be asked for again", async () => {
  const page = await open();
  await signIn(page);
  for (const [link, path, cell] of [["Users", "users", "admin"], ["API keys", "keys", "reporting"]]) {
    await page.route(`**/api/v1/${path}`, (route) => route.fulfill({ status: 500, json: { error: { message: "The list cannot be read" } } }), { times: 1 });
    await page.getByRole("link", { name: link }).click();
    await page.locator(".empty").getByText("The list cannot be read").waitFor();
    assert.equal(await page.locator(".ant-spin-spinning").count(), 0);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("cell", { name: cell, exact: true }).first().waitFor();
  }
  await page.context().close();
});

test("a new user signs in with the password shown once and sees no more than their role", async () => {
  const page = await open();
  await signIn(page);
  await page.getByRole("link", { name: "Users" }).click();
  await page.getByRole("button", { name: "New user" }).click();
  await page.getByLabel("User name").fill("rita");
  await page.getByRole("button", { name: "Create" }).click();
  const password = (await page.getByTestId("secret").innerText()).trim();
  await page.context().close();
  const other = await open();
  await other.getByLabel("User name").fill("rita");
  await other.getByLabel("Password").fill(password);
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.getByRole("link", { name: "Knowledge" }).click();
  await other.getByRole("heading", { name: "Knowledge" }).waitFor();
  assert.equal(await other.getByRole("button", { name: "New knowledge base" }).count(), 0);
  assert.equal(await other.getByRole("link", { name: "Users" }).count(), 0);
  await other.context().close();
});

test("language and look change and are remembered; signing out closes the house", async () => {
  const page = await open();
  await signIn(page);
  await page.getByRole("button", { name: "中文" }).click();
  await page.getByRole("link", { name: "知识库" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  await page.getByRole("button", { name: "深色" }).click();
  assert.match(await page.locator("html").getAttribute("class"), /dark/);
  await page.reload();
  await page.getByRole("link", { name: "知识库" }).waitFor();
  assert.match(await page.locator("html").getAttribute("class"), /dark/);
  for (const place of ["模型", "审计", "系统"]) {
    await page.getByRole("link", { name: place }).click();
    await page.getByRole("heading", { name: place }).waitFor();
  }
  await page.getByRole("button", { name: "退出登录" }).click();
  await page.getByRole("button", { name: "登录" }).waitFor();
  assert.equal((await page.request.get(`${server.url}/api/v1/users`)).status(), 401);
  await page.context().close();
});

test("a narrow screen loses nothing to the side", async () => {
  const page = await open({ viewport: { width: 390, height: 780 } });
  await signIn(page);
  for (const place of ["Chat", "Knowledge", "API keys"]) {
    await page.getByRole("link", { name: place }).click();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${place} is ${overflow} px too wide`);
  }
  await page.context().close();
});

test("no page threw, and nothing broke the content security policy", () => assert.deepEqual(faults, []));
