// Deployments as an administrator runs them: created, shared among versions, released, rolled back and watched.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { addModel, ask, signIn, startBrowser, startServer, visitor } from "./server.mjs";

let server, browser;
const faults = [];
before(async () => {
  server = await startServer();
  for (const [name, seed] of [["steady", 1], ["newer", 2]]) await addModel(server, name, seed);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const deployment = () => ask(server, "GET", "/api/v1/deployments/assistant");
const traffic = async () => Object.fromEntries((await deployment()).versions.map((version) => [version.version, version.traffic]));
const chat = (number) => ask(server, "POST", "/v1/chat/completions", { model: "assistant", messages: [{ role: "user", content: `Conversation ${number}` }], max_tokens: 16 });

async function open(place, options) {
  const page = await visitor(browser, server, faults, options);
  await signIn(page, server.admin);
  await page.goto(`${server.url}/#/${place}`);
  return page;
}
async function choose(page, label, value) {
  await page.getByRole("combobox", { name: label }).click();
  await page.getByTitle(value, { exact: true }).click();
}
/** Asks until something is so; the server follows what was asked for in the background. */
async function until(is) {
  for (let tries = 0; tries < 100; tries++) {
    if (await is()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`never: ${is}`);
}

test("a deployment is created, its replicas become ready, and its life is told", async () => {
  const page = await open("deployments");
  await page.getByText("Nothing is served").waitFor();
  await page.getByRole("button", { name: "New deployment" }).click();
  await page.getByLabel("Served name").fill("assistant");
  await choose(page, "Model", "steady");
  await page.getByRole("spinbutton", { name: "Replicas" }).fill("2");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: "assistant" }).waitFor();
  await page.locator(".version").getByText("2/2").waitFor();
  await page.locator(".events").getByText("Created", { exact: true }).waitFor();
  assert.ok((await page.locator(".events").getByText("Replica ready").count()) >= 1);
  await page.getByRole("button", { name: "Deployments" }).click();
  await page.getByRole("row", { name: /assistant Ready v1 100 % 2\/2/ }).waitFor();
  assert.match(await page.getByRole("meter", { name: "Memory of local models" }).getAttribute("aria-valuetext"), /MiB \/ [\d.]+ GiB$/);
  await page.context().close();
});

test("requests are shared with a slider that always adds up to 100, and one button rolls that back", async () => {
  const page = await open("deployments/assistant");
  await page.getByRole("button", { name: "New version" }).click();
  await page.getByLabel("Version", { exact: true }).fill("v2");
  await choose(page, "Model", "newer");
  await page.getByRole("button", { name: "Create" }).click();
  const [first, second] = ["v1", "v2"].map((version) => page.getByLabel(`Percent of the requests for ${version}`));
  await second.waitFor();
  const apply = page.getByRole("button", { name: "Apply traffic" });
  assert.ok(await apply.isDisabled());
  await second.focus();
  for (let presses = 0; presses < 30; presses++) await page.keyboard.press("ArrowRight");
  assert.deepEqual([await first.inputValue(), await second.inputValue()], ["70", "30"]);
  await page.getByText("v1 100 % → v1 70 % · v2 30 %").waitFor();
  assert.deepEqual(await traffic(), { v1: 100, v2: 0 }, "nothing changes before the button is pressed");
  await apply.click();
  await until(async () => (await traffic()).v2 === 30);
  await page.getByText("Slide to share the requests").waitFor();

  await page.getByRole("button", { name: "Roll back" }).click();
  await page.getByText("Requests will be shared v1 100 % instead of v1 70 % · v2 30 %.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
  await until(async () => (await traffic()).v1 === 100);
  await page.locator(".events").getByText("Rolled back", { exact: true }).waitFor();
  await page.context().close();
});

test("a canary release is seen step by step, and a rollback says that it ends it", async () => {
  const page = await open("deployments/assistant");
  await page.locator(".version", { hasText: "v2" }).getByRole("button", { name: "Canary" }).click();
  await page.getByLabel("Seconds a step, at least").fill("600");
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("Releasing v2").waitFor();
  await until(async () => (await traffic()).v2 === 10);
  await page.locator(".ant-steps-item-active", { hasText: "10 %" }).waitFor();
  assert.ok(await page.getByLabel("Percent of the requests for v2").isDisabled());
  await page.getByRole("button", { name: "Roll back" }).click();
  await page.getByText("The release of v2 ends").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
  await page.getByText("Releasing v2").waitFor({ state: "detached" });
  assert.deepEqual(await traffic(), { v1: 100, v2: 0 });
  await page.context().close();
});

test("a version is promoted, and the replicas follow what the page asks for", async () => {
  const page = await open("deployments/assistant");
  await page.locator(".version", { hasText: "v2" }).getByRole("button", { name: "Promote" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Promote" }).click();
  await until(async () => (await traffic()).v2 === 100);
  await page.getByRole("button", { name: "Scale" }).click();
  await page.getByRole("switch", { name: "Autoscaling" }).click();
  await page.getByLabel("Fewest replicas").fill("1");
  await page.getByLabel("Most replicas").fill("3");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText(/Autoscaling 1–3, \d needed now/).waitFor();
  assert.equal((await deployment()).autoscale.max, 3);
  await page.context().close();
});

test("what is measured is drawn while the page is looked at; a page that is not seen asks nothing", async () => {
  const page = await open("deployments/assistant");
  let asked = 0;
  page.on("request", (request) => (asked += request.url().endsWith("/api/v1/deployments/assistant") ? 1 : 0));
  const chart = page.locator(".chart", { hasText: "First token" });
  await chart.waitFor();
  let number = 0;
  await until(async () => {
    await chat(number++);
    return /p50 [\d.]+ m?s\s+p95 [\d.]+ m?s/.test(await chart.locator(".legend").innerText());
  });
  assert.match(await page.locator(".chart", { hasText: "Time per token" }).locator(".legend").innerText(), /average [\d.]+ m?s/);
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  const before = asked;
  await page.waitForTimeout(4500); // two looks would have been
  assert.equal(asked, before);
  await page.evaluate(() => {
    delete document.visibilityState;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await until(() => asked > before);
  await page.context().close();
});

test("a reader looks and cannot touch; the page stands in Chinese, in the dark, on a narrow screen", async () => {
  const { password } = await ask(server, "POST", "/api/v1/users", { username: "rita", role: "reader" });
  const page = await visitor(browser, server, faults, { locale: "zh-CN", colorScheme: "dark", viewport: { width: 390, height: 780 } });
  await page.getByLabel("用户名").fill("rita");
  await page.getByLabel("密码").fill(password);
  await page.getByRole("button", { name: "登录" }).click();
  await page.getByRole("link", { name: "部署" }).click();
  await page.getByRole("link", { name: "assistant" }).click();
  await page.getByRole("heading", { name: "事件" }).waitFor();
  await page.locator(".events li").first().waitFor();
  for (const action of ["回滚", "扩缩", "新增版本", "应用流量"]) assert.equal(await page.getByRole("button", { name: action }).count(), 0, action);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `${overflow} px too wide`);
  await page.context().close();
});

test("a deployment is removed, and its models stay", async () => {
  const page = await open("deployments/assistant");
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText("the models stay in the library").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Nothing is served").waitFor();
  assert.deepEqual((await ask(server, "GET", "/api/v1/models")).models.map((model) => model.name), ["newer", "steady"]);
  await page.context().close();
});

test("no page threw, and nothing broke the content security policy", () => assert.deepEqual(faults, []));
