// A real `siyu serve` on a free loopback port, and a real Chromium.
import { spawn } from "node:child_process";
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

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
      ...(process.getuid() === 0 ? ["--no-sandbox"] : [])],
  });
}
