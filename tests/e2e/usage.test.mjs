// Playground, usage, limits and prices: real models of random weights answer, and what they used is counted.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import { after, before, test } from "node:test";
import { addEyes, addModel, ask, signIn as signInTo, startBrowser, startServer, visitor } from "./server.mjs";

let server, browser;
const faults = [];
const open = (options) => visitor(browser, server, faults, options);
const signIn = (page) => signInTo(page, server.admin);
const room = (page, name) => page.getByRole("link", { name, exact: true }).first().click();

before(async () => {
  server = await startServer();
  for (const [name, seed] of [["left", 1], ["right", 2]]) {
    await addModel(server, name, seed);
    await addEyes(server, name);
    await ask(server, "POST", `/api/v1/models/${name}/load`, {});
  }
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function prompt(page, text) {
  await page.getByRole("textbox", { name: /One prompt for all models/ }).fill(text);
  await page.keyboard.press("Enter");
}
const columnsDone = (page) => page.getByRole("button", { name: /^Ask \d/ }).waitFor();

/** A grey PNG file of 32 × 32 pixels. */
function pngFile() {
  const number = (value) => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(value >>> 0); return bytes; };
  const chunk = (name, data) => Buffer.concat([number(data.length), Buffer.from(name), data, number(crc32(Buffer.concat([Buffer.from(name), data])))]);
  const header = Buffer.concat([number(32), number(32), Buffer.from([8, 2, 0, 0, 0])]);
  const rows = Buffer.concat(Array.from({ length: 32 }, () => Buffer.concat([Buffer.from([0]), Buffer.alloc(96, 120)])));
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

test("pictures go with the prompt: shown before, counted after, and gone when removed", async () => {
  const page = await open();
  await signIn(page);
  await room(page, "Playground");
  await page.getByLabel("Most tokens").fill("8");
  const files = page.locator("input[type=file]");
  await files.setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") });
  await page.getByText("“notes.txt” is neither PNG nor JPEG").waitFor();
  const promptTokens = async () => {
    await prompt(page, "What is this?");
    await columnsDone(page);
    const figures = await page.locator(".column").first().locator(".measures dd").nth(2).innerText();
    return Number.parseInt(figures, 10);
  };
  const without = await promptTokens();
  await files.setInputFiles({ name: "grey.png", mimeType: "image/png", buffer: pngFile() });
  const preview = page.getByRole("img", { name: "Picture 1" });
  await preview.waitFor();
  assert.equal(await preview.evaluate((image) => image.naturalWidth), 32);
  assert.ok((await promptTokens()) >= without + 16);
  await page.getByRole("button", { name: "Remove picture 1" }).click();
  assert.equal(await preview.count(), 0);
  assert.equal(await promptTokens(), without);
  await page.context().close();
});

test("two models answer one prompt side by side, with their figures, and the same again with the same seed", async () => {
  const page = await open();
  await signIn(page);
  await room(page, "Playground");
  await page.getByLabel("Most tokens").fill("240");
  await page.getByLabel("Temperature").fill("0.8");
  await page.getByLabel("Seed").fill("7");
  await page.getByLabel("System prompt").fill("Answer in one sentence.");
  const texts = async () => {
    await prompt(page, "Say something");
    await page.locator('.column [aria-busy="true"]').first().waitFor({ timeout: 3000 }).catch(() => undefined); // may be over already
    await columnsDone(page);
    return page.getByTestId("answer").allInnerTexts();
  };
  const first = await texts();
  assert.equal(first.length, 2);
  assert.ok(first.every((text) => text.length > 0) && first[0] !== first[1], JSON.stringify(first));
  for (const column of await page.locator(".column").all()) {
    const figures = await column.locator(".measures").innerText();
    assert.match(figures, /First token\s+[\d.,]+ (ms|s)\s+Speed\s+[\d.,]+ tokens\/s/);
    assert.match(figures, /Output tokens\s+240$/);
    assert.ok(await column.getByText("Cut at the longest length").isVisible());
  }
  assert.deepEqual(await texts(), first);
  await page.context().close();
});

test("a long answer stops when it is told to, and what was said stays", async () => {
  const page = await open();
  await signIn(page);
  await room(page, "Playground");
  await page.getByLabel("Most tokens").fill("1900");
  await prompt(page, "Go on and on");
  await page.waitForFunction(() => [...document.querySelectorAll("[data-testid=answer]")].every((each) => each.textContent.length > 20));
  await page.getByRole("button", { name: "Stop" }).click();
  await columnsDone(page);
  assert.ok((await page.locator(".column").getByText("Stopped").count()) > 0);
  assert.ok((await page.getByTestId("answer").allInnerTexts()).every((text) => text.length > 20));
  await page.context().close();
});

test("what is copied as curl runs in a shell as it is", async () => {
  const page = await open({ permissions: ["clipboard-read", "clipboard-write"] });
  await signIn(page);
  await room(page, "Playground");
  await page.getByLabel("Most tokens").fill("5");
  await page.getByRole("textbox", { name: /One prompt for all models/ }).fill(`It's "5 o'clock" & $HOME`);
  await page.getByRole("button", { name: "Copy as curl" }).first().click();
  await page.getByText("Copied").waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(!command.includes(server.admin.api_key));
  const shell = spawnSync("bash", ["-c", command], { env: { ...process.env, SIYU_API_KEY: server.admin.api_key, no_proxy: "*" }, encoding: "utf8", timeout: 20_000 });
  assert.match(shell.stdout, /"completion_tokens":5/, shell.stdout + shell.stderr);
  assert.match(shell.stdout, /data: \[DONE\]\s*$/);
  await page.context().close();
});

test("usage is what the API counts, its chart is read with the keyboard, and its table is saved", async () => {
  const report = await ask(server, "GET", "/api/v1/usage?by=model");
  const page = await open();
  await signIn(page);
  await room(page, "Usage");
  await page.locator(".figure", { hasText: "Requests" }).getByText(String(report.total.requests), { exact: true }).waitFor();
  const chart = page.getByRole("group", { name: /Tokens a day/ });
  await chart.focus();
  const legend = page.locator(".legend");
  assert.match(await legend.innerText(), new RegExp(`Output tokens ${report.total.completion_tokens < 1000 ? report.total.completion_tokens : ""}`));
  const days = page.locator("figcaption");
  const today = await days.innerText();
  await page.getByRole("combobox", { name: "Period" }).click();
  await page.getByTitle("Last 7 days").click();
  await page.getByText(/^\d{4}-\d\d-\d\d – \d{4}-\d\d-\d\d$/).waitFor();
  await chart.focus();
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction((text) => document.querySelector("figcaption").innerText !== text, today);
  assert.match(await legend.innerText(), /Output tokens 0/);
  await page.keyboard.press("End");
  await page.waitForFunction((text) => document.querySelector("figcaption").innerText === text, today);

  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download CSV" }).click();
  const file = await saving;
  assert.match(file.suggestedFilename(), /^usage-by-model-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
  const [head, ...lines] = readFileSync(await file.path(), "utf8").replace("\uFEFF", "").trim().split("\r\n");
  assert.equal(head.split(",").slice(0, 3).join(), "model,requests,failed");
  assert.deepEqual(lines.map((line) => [line.split(",")[0], Number(line.split(",")[6])]).sort(), report.rows.map((row) => [row.name, row.total_tokens]).sort());
  await page.context().close();
});

test("a price makes costs, a limit is set, seen, felt and lifted", async () => {
  const page = await open();
  await signIn(page);
  await room(page, "Usage");
  await room(page, "Prices");
  await page.getByRole("button", { name: "Set a price" }).click();
  await page.getByRole("combobox", { name: "Model" }).fill("left");
  await page.getByLabel("Input", { exact: true }).fill("2000");
  await page.getByLabel("Output", { exact: true }).fill("8000");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("cell", { name: "¥8,000.00" }).waitFor();
  assert.equal((await ask(server, "GET", "/api/v1/prices")).prices[0].output, 8000);

  await room(page, "Limits and budgets");
  await page.getByText("There are no limits").waitFor();
  await page.getByRole("button", { name: "New limits" }).click();
  await page.getByRole("combobox", { name: "For" }).click();
  await page.getByTitle("admin", { exact: true }).click();
  await page.getByRole("spinbutton", { name: "Tokens per day" }).fill("1");
  await page.getByLabel("Budget in all").fill("250");
  await page.getByRole("button", { name: "Save" }).click();
  const limit = page.getByRole("region", { name: "User admin" });
  await limit.getByRole("meter", { name: "Tokens per day" }).waitFor();
  assert.match(await limit.getByRole("meter", { name: "Budget in all" }).getAttribute("aria-valuetext"), /\/ ¥250\.00$/);

  await room(page, "Playground");
  await prompt(page, "One more?");
  await page.getByText(/limit of 1 tokens per day/).first().waitFor();

  await room(page, "Usage");
  await room(page, "Limits and budgets");
  await limit.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("spinbutton", { name: "Tokens per day" }).fill("");
  await page.getByRole("button", { name: "Save" }).click();
  await limit.getByRole("meter", { name: "Tokens per day" }).waitFor({ state: "detached" });
  await limit.getByRole("button", { name: "Lift" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Lift" }).click();
  await page.getByText("There are no limits").waitFor();
  assert.deepEqual((await ask(server, "GET", "/api/v1/limits")).limits, []);
  await page.context().close();
});

test("a reader sees their own usage, and no limits or prices", async () => {
  const { password } = await ask(server, "POST", "/api/v1/users", { username: "rita", role: "reader" });
  const page = await open();
  await signInTo(page, { username: "rita", password });
  await room(page, "Usage");
  await page.getByText("Your own usage").waitFor();
  await page.locator(".figure", { hasText: "Requests" }).getByText("0", { exact: true }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Prices" }).count(), 0);
  await page.goto(`${server.url}/#/usage/limits`);
  await page.getByText("Your own usage").waitFor();
  await page.context().close();
});

test("the pages stand in Chinese, in the dark and on a narrow screen", async () => {
  const page = await open({ viewport: { width: 390, height: 780 }, locale: "zh-CN", colorScheme: "dark" });
  await page.getByLabel("用户名").fill(server.admin.username);
  await page.getByLabel("密码").fill(server.admin.password);
  await page.getByRole("button", { name: "登录" }).click();
  for (const [place, heading] of [["playground", "试验场"], ["usage", "用量"], ["usage/limits", "用量"], ["usage/prices", "用量"]]) {
    await page.getByRole("link", { name: "问答" }).waitFor();
    await page.goto(`${server.url}/#/${place}`);
    await page.getByRole("heading", { name: heading }).waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${place} is ${overflow} px too wide`);
  }
  await page.context().close();
});

test("no page threw, and nothing broke the content security policy", () => assert.deepEqual(faults, []));
