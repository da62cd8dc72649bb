import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";

import { defineConfig } from "@playwright/test";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/snap/bin/chromium"].find(existsSync);

/** A port that is free at this moment, so that two suites may run on one computer. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready, failed) => server.once("error", failed).listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

// The workers read this file too, with the environment of the first process.
const PORT = (process.env["COVE_UI_PORT"] ??= String(await freePort()));
const PAGE = `http://127.0.0.1:${PORT}`;

export default defineConfig({
  testDir: "tests/web",
  // A busy computer takes its time. What is there in a moment costs nothing of it.
  timeout: 120_000,
  // On a busy computer Chromium itself has frozen so that not even its page could be looked at, once in some hundred openings.
  // What fails twice is a fault of ours; what fails once is listed as flaky.
  retries: process.env["CI"] ? 1 : 0,
  expect: { timeout: 60_000 },
  workers: 2,
  reporter: [["list"], ["./tests/failures/playwright.mjs"]],
  outputDir: "test-results",
  use: {
    baseURL: PAGE,
    viewport: { width: 1200, height: 760 },
    launchOptions: { ...(CHROMIUM ? { executablePath: CHROMIUM } : {}), args: ["--no-sandbox", "--disable-gpu"], timeout: 120_000 },
  },
  webServer: {
    command: `npm run build && npx vite preview --port ${PORT} --strictPort`,
    url: PAGE,
    timeout: 600_000,
    reuseExistingServer: false,
  },
});
