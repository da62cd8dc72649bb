// What every test of the screens begins with: Playwright's, on a computer that COVE_SLOW makes so many times slower.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

import { expect, test as base, type Page } from "@playwright/test";

/** How many times slower the page is made, so that tests which only pass on a fast computer are found. */
export const SLOW = Number(process.env["COVE_SLOW"] ?? 1);
/** How long a page that may have frozen is given for an answer, in milliseconds. */
const ANSWER_TIME = 5000;

export const test = base.extend({
  page: async ({ page }, use, testInfo) => {
    if (SLOW > 1) {
      const session = await page.context().newCDPSession(page);
      await session.send("Emulation.setCPUThrottlingRate", { rate: SLOW });
    }
    await use(page);
    if (testInfo.status !== testInfo.expectedStatus) {
      // Chromium has frozen before now; this tells that from a fault of ours.
      const body = [await alive(page), ...renderers()].join("\n");
      await testInfo.attach("page", { body, contentType: "text/plain" });
    }
  },
});

/** Whether the page still runs what it is given. */
async function alive(page: Page): Promise<string> {
  let step = "open a session";
  const asked = async () => {
    const session = await page.context().newCDPSession(page);
    step = "evaluate 1";
    const { result } = await session.send("Runtime.evaluate", { expression: "1" });
    return `the page answers ${result.value}`;
  };
  const failed = (error: unknown) => `the page cannot be asked: ${step}: ${String(error)}`;
  const late = pause(ANSWER_TIME, undefined, { ref: false }).then(() => `the page does not answer: ${step}`);
  return Promise.race([asked().catch(failed), late]);
}

/** The processes of this computer that draw Chromium's pages: their states and their processor time in ticks. */
function renderers(): string[] {
  const read = (path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // It has ended, or is another user's.
      return "";
    }
  };
  if (process.platform !== "linux") return [];
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/cmdline`).includes("--type=renderer"));
  return pids.map((pid) => {
    // The name before the last bracket may hold anything; then come the state and, as the 12th and 13th, the times.
    const fields = read(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ");
    return `renderer ${pid}: ${fields[0]}, user ${fields[11]}, system ${fields[12]}`;
  });
}

/** Goes to another page by its key, and waits until it is there. */
export async function visit(page: Page, key: string, heading: string): Promise<void> {
  await page.keyboard.press(`Control+${key}`);
  await expect(page.getByRole("heading", { level: 1, name: heading, exact: true })).toBeVisible();
}

export { expect };
