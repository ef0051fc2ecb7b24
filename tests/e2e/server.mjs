// A real `siyu serve` on a free loopback port, and a real Chromium.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import readline from "node:readline";

const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");

export async function startServer() {
  const folder = mkdtempSync(path.join(tmpdir(), "siyu-e2e-"));
  const data = path.join(folder, "data");
  const child = spawn(process.env.SIYU_BIN, ["serve", "--data", data, "--listen", "127.0.0.1:0", "--insecure-http"], { stdio: ["ignore", "ignore", "pipe"] });
  let url;
  for await (const line of readline.createInterface({ input: child.stderr })) {
    const event = line.startsWith("{") ? JSON.parse(line) : {};
    if (event.event === "server_ready") {
      url = event.url;
      break;
    }
  }
  if (!url) throw new Error("the server ended before it was ready");
  child.stderr.resume();
  const admin = JSON.parse(readFileSync(path.join(data, "initial-admin.json"), "utf8"));
  const stop = () => new Promise((resolve) => {
    child.once("exit", () => {
      rmSync(folder, { recursive: true, force: true });
      resolve();
    });
    child.kill("SIGTERM");
  });
  const api = (method, place, body) => fetch(url + place, { method, headers: { Authorization: `Bearer ${admin.api_key}`, ...(typeof body === "string" ? { "Content-Type": "application/json" } : {}) }, body });
  return { url, admin, folder, stop, api };
}

/** Imports a small model of random weights, which says nothing of sense but says it as a real one does. */
export async function addModel(server, name, seed) {
  const file = path.join(server.folder, `${name}.gguf`);
  execFileSync(path.join(path.dirname(process.env.SIYU_BIN), "model_writer"), ["--arch", "llama", "--preset", "tiny", "--seed", String(seed), "--context", "2048", "-o", file]);
  const answer = await server.api("PUT", `/api/v1/models/${name}/content?origin=${name}.gguf`, readFileSync(file));
  if (!answer.ok) throw new Error(await answer.text());
}

/** Gives such a model sight, as good as its words. */
export async function addEyes(server, name) {
  const file = path.join(server.folder, `${name}-eyes.gguf`);
  execFileSync(path.join(path.dirname(process.env.SIYU_BIN), "model_writer"), ["--arch", "llama", "--preset", "tiny", "--projector", "gemma3", "-o", file]);
  const answer = await server.api("PUT", `/api/v1/models/${name}/projector`, readFileSync(file));
  if (!answer.ok) throw new Error(await answer.text());
}

/** One call of the API; its answer as a value. */
export async function ask(server, method, place, body) {
  const answer = await server.api(method, place, body === undefined ? undefined : JSON.stringify(body));
  if (!answer.ok) throw new Error(`${method} ${place}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** A page of a visitor of their own; what it throws or may not do goes to `faults`. */
export async function visitor(browser, server, faults, options = {}) {
  const context = await browser.newContext({ locale: "en-GB", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => message.text().includes("Content Security Policy") && faults.push(message.text()));
  await page.goto(server.url);
  return page;
}

export async function signIn(page, { username, password }) {
  await page.getByLabel("User name").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "Chat" }).waitFor();
}

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
      ...(process.getuid() === 0 ? ["--no-sandbox"] : [])],
  });
}
