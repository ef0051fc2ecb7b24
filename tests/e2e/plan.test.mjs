// The planner as people use it: asked step by step, answered at once, every number traced, scenarios compared, papers taken home.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { addModel, ask, signIn, startBrowser, startServer, visitor } from "./server.mjs";

let server, browser;
const faults = [];
before(async () => {
  server = await startServer();
  await addModel(server, "house-model", 1);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function open(place = "plan", options) {
  const page = await visitor(browser, server, faults, options);
  await signIn(page, server.admin);
  await page.goto(`${server.url}/#/${place}`);
  return page;
}
async function choose(page, label, typed, value = typed) {
  const box = page.getByRole("combobox", { name: label });
  await box.click();
  await box.fill(typed);
  await page.getByTitle(value, { exact: true }).first().click();
}
const step = (page, name) => page.getByRole("button", { name: new RegExp(name) }).first().click();
const ready = (page) => page.getByText("Press a number for its formula").waitFor();
const headline = (page, name) => page.locator(".headline .figure", { hasText: name }).locator("b").innerText();

test("a model and a number of users are enough; each change is planned at once", async () => {
  const page = await open();
  await page.getByText("Choose a model and say how many users there are").waitFor();
  await choose(page, "Model", "Qwen3-32B");
  await page.getByText("Memory that Qwen3-32B takes").waitFor();
  await page.locator(".fits li").first().waitFor();
  await choose(page, "Weight format", "FP8");
  await step(page, "Users and tokens");
  await page.getByLabel("Daily active users").fill("2000");
  const hint = await page.getByLabel("Tokens of a shared beginning").evaluate((input) => document.getElementById(input.getAttribute("aria-describedby")).textContent);
  assert.equal(hint, "such as a system prompt: computed once for many requests");
  await ready(page);
  assert.match(await headline(page, "Replicas × cards"), /^\d+ × \d+$/);
  const before = Number((await headline(page, "Replicas × cards")).split(" ")[0]);
  await page.getByLabel("Daily active users").fill("9000");
  await page.getByText("Planning…").waitFor();
  await ready(page);
  assert.ok(Number((await headline(page, "Replicas × cards")).split(" ")[0]) > before, "more users take more replicas");
  assert.equal(await headline(page, "Cost of 1M tokens"), "unknown");
  await page.context().close();
});

test("an engine on the cards reckons with factors of its own, and only cards that it runs on are left", async () => {
  const page = await open();
  await page.getByRole("button", { name: "A department's assistant" }).click();
  await ready(page);
  await step(page, "Constraints and latency goals");
  const engines = page.getByRole("group", { name: "Engine on the cards" });
  assert.deepEqual(await engines.getByRole("button").allInnerTexts(), ["any", "TensorRT-LLM", "Siyu"]);
  await engines.getByRole("button", { name: "TensorRT-LLM" }).click();
  await page.getByText("Speeds on cards are those of TensorRT-LLM: compute fitted to").first().waitFor();
  await page.getByRole("group", { name: "Edition" }).getByRole("button", { name: "Domestic" }).click();
  await page.getByText("none is of the edition asked for and runs TensorRT-LLM").first().waitFor();
  await page.context().close();
});

test("a number tells its formula, and its inputs can be followed", async () => {
  const page = await open();
  await page.getByRole("button", { name: "A department's assistant" }).click();
  await ready(page);
  const number = page.locator(".headline .figure", { hasText: "Memory of a card" }).getByRole("button").first();
  await number.focus();
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("dialog");
  await drawer.getByText("weights + KV cache + buffers + runtime").waitFor();
  await drawer.getByRole("row", { name: /weights/ }).getByRole("button").click();
  await drawer.getByText("memory.weights", { exact: true }).waitFor();
  await drawer.getByRole("row").nth(1).getByRole("button").click();
  await drawer.getByText("memory.weights_all", { exact: true }).waitFor();
  assert.match(await drawer.innerText(), /Trail: .+ › .+ › .+/);
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
  assert.ok(await number.evaluate((element) => element === document.activeElement), "who came by the keyboard goes on where they were");
  for (const part of ["Hardware", "Speed", "Cost", "Advice", "Figures"]) {
    await page.locator(".answer-side .ant-segmented-item", { hasText: part }).click();
    assert.equal(await page.locator(".answer-side").getByText("undefined").count() + (await page.locator(".answer-side").getByText("NaN").count()), 0, part);
  }
  await page.context().close();
});

test("prices that are given make costs known, with a break-even or the word that there is none", async () => {
  const page = await open();
  await page.getByRole("button", { name: "A company's knowledge assistant" }).click();
  await ready(page);
  await page.getByRole("button", { name: "give the prices" }).click();
  const prices = { "Price of a card": "39000", "Server without cards": "120000", "Network, per server": "20000", "All storage": "80000", "An operator, per year": "200000", "Rent of a rack unit a month": "0", "Cloud, per 1M input tokens": "40", "Cloud, per 1M output tokens": "160" };
  for (const [label, price] of Object.entries(prices)) await page.getByLabel(label).fill(price);
  await page.locator(".headline .figure", { hasText: "Cost of 1M tokens" }).getByText("¥").first().waitFor();
  await ready(page);
  assert.match(await headline(page, "Break-even"), /^(month \d+|never)$/);
  await page.locator(".answer-side .ant-segmented-item", { hasText: "Cost" }).click();
  assert.ok((await page.locator(".tornado li").count()) >= 5);
  await page.context().close();
});

test("a model of the library is planned by its file", async () => {
  const page = await open();
  await choose(page, "Model", "house-model");
  await page.getByText("Memory that house-model takes").waitFor();
  await step(page, "Users and tokens");
  await page.getByLabel("Daily active users").fill("50");
  await page.getByLabel("Prompt tokens, mean").fill("300");
  await ready(page);
  await page.context().close();
});

test("two scenarios stand side by side, go out as a file and come back, and stay in this browser", async () => {
  const page = await open();
  await page.getByRole("button", { name: "A department's assistant" }).click();
  await ready(page);
  await page.getByRole("button", { name: "Add to compare" }).click();
  await page.getByRole("button", { name: "Start over" }).click();
  await page.getByRole("button", { name: "A company's knowledge assistant" }).click();
  await ready(page);
  await page.getByRole("button", { name: "Add to compare" }).click();
  await page.getByRole("link", { name: "Compare (2)" }).click();
  const row = page.locator(".compare tr", { has: page.getByRole("rowheader", { name: "Model", exact: true }) });
  await row.getByText("Qwen3-32B").waitFor();
  assert.ok(await row.evaluate((element) => element.classList.contains("differs")));
  const tokens = page.locator(".compare tr", { has: page.getByRole("rowheader", { name: "Tokens, prompt → answer" }) });
  assert.ok(await tokens.isVisible());
  await page.getByRole("switch").click();
  assert.equal(await tokens.count(), 0, "what is the same is left out");
  await page.locator(".compare tr", { has: page.getByRole("rowheader", { name: "Memory of a card" }) }).getByRole("button").nth(1).click();
  await page.getByRole("dialog").getByText("Qwen3-32B").or(page.getByRole("dialog").getByText("A company's knowledge assistant")).first().waitFor();
  await page.keyboard.press("Escape");

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export" }).click()]);
  const file = await download.path();
  assert.equal(JSON.parse(readFileSync(file, "utf8")).scenarios.length, 2);
  await page.reload();
  await page.locator(".compare thead th").nth(1).waitFor();
  for (const name of ["A department's assistant", "A company's knowledge assistant"]) await page.getByRole("button", { name: `Remove “${name}”` }).click();
  await page.getByText("Nothing to compare yet").waitFor();
  await page.locator("input[type=file]").setInputFiles({ name: "wrong.json", mimeType: "application/json", buffer: Buffer.from("{}") });
  await page.getByText("This file holds no exported scenarios").waitFor();
  await page.locator("input[type=file]").setInputFiles({ name: "scenarios.json", mimeType: "application/json", buffer: readFileSync(file) });
  await row.getByText("Qwen3-8B").waitFor();
  await page.getByRole("button", { name: "Edit “A department's assistant”" }).click();
  await page.getByRole("button", { name: "Update in compare" }).waitFor();
  await page.context().close();
});

test("a paper is downloaded as Word, and several as one archive", async () => {
  const page = await open();
  await page.getByRole("button", { name: "A department's assistant" }).click();
  await ready(page);
  await page.getByRole("button", { name: "Papers" }).click();
  const dialog = page.getByRole("dialog");
  const get = async () => {
    const [download] = await Promise.all([page.waitForEvent("download", { timeout: 60_000 }), dialog.getByRole("button", { name: "Download" }).click()]);
    return [download.suggestedFilename(), readFileSync(await download.path())];
  };
  for (const paper of ["Business alignment", "Bill of materials", "Responsibilities", "Project plan", "Risks", "Cost"]) await dialog.getByRole("checkbox", { name: paper }).uncheck();
  const [name, bytes] = await get();
  assert.equal(name, "sizing-en.docx");
  assert.equal(bytes.subarray(0, 4).toString("latin1"), "PK\u0003\u0004");
  await page.getByRole("button", { name: "Papers" }).click();
  await dialog.getByRole("checkbox", { name: "Cost" }).check();
  await dialog.getByText("中文").click();
  await dialog.getByText("HTML").click();
  assert.equal((await get())[0], "plan-zh.zip");
  await page.context().close();
});

test("what the server says of a wrong number is shown, and the last good plan stays in sight", async () => {
  const page = await open();
  await page.getByRole("button", { name: "A department's assistant" }).click();
  await ready(page);
  await step(page, "Constraints and latency goals");
  await page.getByLabel("First token, p95 ≤").fill("0.001");
  await page.getByRole("alert").waitFor();
  assert.ok(await page.locator(".dimmed .headline").isVisible());
  await page.getByLabel("First token, p95 ≤").fill("5");
  await page.getByRole("alert").waitFor({ state: "detached" });
  await ready(page);
  await page.context().close();
});

test("the catalogue names its sources and doubts, and predictions stand beside what was published", async () => {
  const page = await open("plan/catalogue");
  await page.getByPlaceholder("Filter by name").fill("H20");
  const card = page.getByRole("row", { name: /H20 NVIDIA/ }).first();
  await card.getByText("registry").waitFor();
  assert.ok((await card.getByLabel("No source at hand; check before buying").count()) > 0);
  await page.getByRole("link", { name: "Trust" }).click();
  await page.getByText("Median error", { exact: true }).waitFor();
  const { rows } = await ask(server, "GET", "/api/v1/plan/published");
  await page.getByText(`of ${rows.length} published`).waitFor();
  await page.context().close();
});

test("what could not be loaded says why, and can be asked for again", async () => {
  const page = await open("plan/catalogue");
  await page.getByPlaceholder("Filter by name").waitFor();
  await page.route("**/api/v1/plan/published", (route) => route.fulfill({ status: 500, json: { error: { message: "The list cannot be read" } } }), { times: 1 });
  await page.getByRole("link", { name: "Trust" }).click();
  await page.locator(".empty").getByText("The list cannot be read").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("Median error", { exact: true }).waitFor();
  await page.context().close();
});

test("a reader plans in Chinese, in the dark; nothing is too wide at 1280, 800 and 390 pixels", async () => {
  const { password } = await ask(server, "POST", "/api/v1/users", { username: "rita", role: "reader" });
  const page = await visitor(browser, server, faults, { locale: "zh-CN", colorScheme: "dark", viewport: { width: 1280, height: 900 } });
  await page.getByLabel("用户名").fill("rita");
  await page.getByLabel("密码").fill(password);
  await page.getByRole("button", { name: "登录" }).click();
  await page.getByRole("link", { name: "规划" }).click();
  await page.getByRole("button", { name: "企业知识问答" }).click();
  await page.getByText("点任意数字，查看公式与出处").waitFor();
  for (const width of [1280, 800, 390]) {
    await page.setViewportSize({ width, height: 900 });
    for (const part of ["概览", "硬件", "性能", "成本", "建议", "计算依据"]) {
      await page.locator(".answer-side .ant-segmented-item", { hasText: part }).click();
      const overflow = await page.evaluate(() => Math.max(document.documentElement.scrollWidth - window.innerWidth, document.querySelector("main").scrollWidth - document.querySelector("main").clientWidth));
      assert.ok(overflow <= 0, `${part} at ${width}: ${overflow} px too wide`);
    }
  }
  await page.context().close();
});

test("no page threw, and nothing broke the content security policy", () => assert.deepEqual(faults, []));
