import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";

import { FakeCore, sample } from "./fake";

async function check(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"])
    .analyze();
  const found = violations.map((one) => `${what}: ${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  expect(found).toEqual([]);
}

for (const scheme of ["light", "dark"] as const) {
  test(`every screen is accessible, ${scheme}`, async ({ page }) => {
    test.slow();
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    const core = new FakeCore(sample());
    await core.open(page);
    await expect(page.getByRole("row", { name: "Select web" })).toBeVisible();
    await check(page, "containers");
    await page.getByRole("row", { name: "Select web" }).click();
    await expect(page.getByText("SESSION_SECRET")).toBeVisible();
    await check(page, "summary");
    await page.getByRole("tab", { name: "Logs" }).click();
    await expect.poll(() => core.calls.some((call) => call.call === "openLog")).toBe(true);
    core.log("plain", "\u001b[31mred\u001b[33m yellow\u001b[34m blue\u001b[35m magenta\u001b[2m dim");
    await expect(page.getByText("magenta")).toBeVisible();
    await check(page, "logs");
    await page.getByRole("tab", { name: "Inspect" }).click();
    await check(page, "inspect");
    await page.getByRole("tab", { name: "Terminal" }).click();
    await page.getByRole("button", { name: "Start", exact: true }).last().click();
    await expect.poll(() => core.calls.at(-1)?.call).toBe("openTerminal");
    core.emit({ event: "terminal", subscription: core.last, data: Buffer.from("\u001b[31mred\u001b[0m $ ").toString("base64") });
    await expect(page.locator("[data-terminal]")).toContainText("red");
    await check(page, "terminal");
    await page.getByRole("tab", { name: "Files" }).click();
    await expect(page.getByRole("tabpanel").getByRole("row", { name: /^etc/ })).toBeVisible();
    await check(page, "files");
    await page.getByRole("tab", { name: "Stats" }).click();
    await expect.poll(() => core.calls.at(-1)?.call).toBe("openStats");
    const sample1 = { time: 1000, cpu: 3, memory: 1 << 20, memoryLimit: 1 << 30, received: 1, sent: 1, read: 1, written: 1, pids: 1 };
    core.emit({ event: "stats", subscription: core.last, sample: sample1 });
    await expect(page.getByText("3.0 %")).toBeVisible();
    await check(page, "stats");
    await page.getByRole("button", { name: "Close details" }).click();
    await page.keyboard.press("Control+3");
    await check(page, "images");
    await page.getByRole("row", { name: /nginx/ }).click();
    await expect(page.getByText("/docker-entrypoint.sh")).toBeVisible();
    await check(page, "image");
    await page.getByRole("tab", { name: "Layers" }).click();
    await check(page, "layers");
    await page.getByRole("button", { name: "Build", exact: true }).click();
    await check(page, "build");
    await page.keyboard.press("Escape");
    for (const [name, key] of [["pods", "Control+2"], ["secrets", "Control+6"]] as const) {
      await page.keyboard.press(key);
      await page.getByRole("row").first().click();
      await expect(page.getByText("elsewhere")).toBeVisible();
      await check(page, name);
    }
    await page.getByRole("button", { name: "New secret" }).click();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog").getByRole("alert")).toBeVisible();
    await check(page, "a form");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+8");
    await expect(page.getByText("mirror.lan:5000")).toBeVisible();
    await check(page, "registries");
    await page.keyboard.press("Control+9");
    await expect(page.getByText("Clean up")).toBeVisible();
    await check(page, "disk");
    await page.getByRole("tab", { name: "Events" }).click();
    await check(page, "events");
    await page.keyboard.press("Control+0");
    await expect(page.getByLabel("Language")).toBeVisible();
    await check(page, "settings");
    for (const [name, key] of [["networks", "Control+4"], ["volumes", "Control+5"]] as const) {
      await page.keyboard.press(key);
      await check(page, name);
    }
    await page.keyboard.press("Control+4");
    await page.getByRole("button", { name: "Who reaches whom" }).click();
    await check(page, "the graph of networks");
    await page.keyboard.press("Control+7");
    await check(page, "machines");
    for (const [name, keys] of [["palette", "Control+k"], ["keys", "?"]] as const) {
      await page.keyboard.press(keys);
      await expect(page.getByRole("dialog")).toBeVisible();
      await check(page, name);
      await page.keyboard.press("Escape");
    }
    await page.keyboard.press("Control+1");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByLabel("Ports").fill("x");
    await page.keyboard.press("Enter");
    await check(page, "run");
    await page.keyboard.press("Escape");
    core.task({ id: 1, steps: [{ label: "sha256:abc", state: "active", current: 5, total: 10 }] });
    core.emit({ event: "health", health: { ...sample().health, state: "lost", message: "refused" } });
    await page.getByRole("button", { name: "Pull docker.io/library/redis" }).click();
    await check(page, "tasks and a lost engine");
  });
}

test("dialogs hold the focus and give it back", async ({ page }) => {
  await new FakeCore(sample()).open(page);
  await page.getByRole("row", { name: "Select web" }).focus();
  await page.keyboard.press("Delete");
  const dialog = page.getByRole("dialog");
  for (let step = 0; step < 6; step += 1) {
    await page.keyboard.press("Tab");
    const outside = await page.evaluate(() => {
      const at = document.activeElement;
      // The browser's own controls may come between the end and the beginning.
      return at !== document.body && at?.closest("dialog") === null;
    });
    expect(outside).toBe(false);
  }
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(page.locator("[role=row]:focus")).toContainText("web");
});

test("one Tab stop for a list, then its row's own", async ({ page }) => {
  await new FakeCore(sample()).open(page);
  await page.getByRole("row", { name: "Select web" }).focus();
  await page.keyboard.press("Tab");
  await expect(page.locator(":focus")).toHaveText("8080→80");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await expect(page.getByRole("button", { name: "Run", exact: true })).toBeFocused();
});
