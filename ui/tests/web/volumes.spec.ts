// Volumes: what is in them, copies, and what can go.
import { expect, test, visit } from "./base";
import { FakeCore } from "./fake";
import { sample, VOLUME_FILES } from "./sample";

test("a volume is looked into, whether or not a container uses it", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "5", "Volumes");
  await page.getByRole("row", { name: /shop_cache/ }).click();
  await page.getByRole("tab", { name: "Files" }).click();
  await core.called({ call: "openVolume", name: "shop_cache" });
  const panel = page.getByRole("tabpanel");
  core.emit({ event: "files", subscription: core.last, files: VOLUME_FILES.slice(0, 2) });
  await expect(panel).toContainText("Reading: 2 so far");
  core.emit({ event: "files", subscription: core.last, files: VOLUME_FILES.slice(2) });
  core.emit({ event: "end", subscription: core.last, code: null, failure: null });
  await expect(panel).toContainText("6 files and folders, 1.2 GB");
  // A folder is as large as all that is in it.
  await expect(panel.getByRole("row", { name: /^cache/ })).toContainText("1.2 GB");
  // It comes as an archive.
  await panel.getByRole("row", { name: /^cache/ }).focus();
  await page.keyboard.press("d");
  await expect(page.getByRole("dialog")).toContainText("A folder comes as a tar archive.");
  await page.getByRole("dialog").getByLabel("File on this computer").fill("/home/me/cache.tar");
  await page.keyboard.press("Enter");
  await core.called({ call: "downloadOfVolume", name: "shop_cache", path: "cache", to: "/home/me/cache.tar" });
  await page.getByRole("button", { name: "Close tasks" }).click();
  await panel.getByRole("row", { name: /^cache/ }).click();
  await panel.getByRole("row", { name: /^b2/ }).click();
  await panel.getByRole("row", { name: /object/ }).focus();
  await page.keyboard.press("d");
  await page.getByRole("dialog").getByLabel("File on this computer").fill("/home/me/object.bin");
  await page.keyboard.press("Enter");
  await core.called({ call: "downloadOfVolume", name: "shop_cache", path: "cache/b2/object.bin", to: "/home/me/object.bin" });
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.getByRole("button", { name: "Close tasks" }).click();
  await panel.getByRole("row", { name: /object/ }).focus();
  await page.keyboard.press("Backspace");
  await expect(panel.getByRole("row", { name: /^a1/ })).toBeVisible();
  const before = core.last;
  await page.getByRole("tab", { name: "Summary" }).click();
  await page.getByRole("tab", { name: "Files" }).click();
  await core.called({ call: "openVolume" });
  expect(core.last).toBeGreaterThan(before);
  core.emit({ event: "end", subscription: core.last, code: null, failure: { kind: "Unsupported", message: "there are more than 100000 files" } });
  await expect(panel.getByRole("alert")).toContainText("more than 100000");
});

test("a reading that nobody looks at is given up", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "5", "Volumes");
  await page.getByRole("row", { name: /shop_cache/ }).click();
  await page.getByRole("tab", { name: "Files" }).click();
  await core.called({ call: "openVolume" });
  const subscription = core.last;
  await page.getByRole("button", { name: "Close details" }).click();
  await core.called({ call: "close", subscription });
});

test("a volume is copied", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "5", "Volumes");
  await page.getByRole("row", { name: /shop_cache/ }).click();
  await page.getByRole("button", { name: "Copy to a new volume" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill(" before-upgrade ");
  await page.keyboard.press("Enter");
  await core.called({ call: "copyVolume", name: "shop_cache", to: "before-upgrade" });
});

test("what can go is shown with its bytes before it goes", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "5", "Volumes");
  await page.getByRole("button", { name: "Measure sizes" }).click();
  await expect(page.getByRole("row", { name: /shop_cache/ })).toContainText("1.2 GB");
  await page.getByRole("button", { name: "Clean up…" }).click();
  const dialog = page.getByRole("dialog", { name: "Clean up volumes" });
  // What nobody named is chosen at first.
  await dialog.getByRole("button", { name: "Remove 1, free 12.0 MB" }).click();
  const anonymous = sample().rows.volumes.find((row) => row.anonymous)?.id ?? "";
  await core.called({ call: "prune", rows: [{ kind: "volume", id: anonymous, names: [anonymous], size: 12_000_000 }] });
  await expect(page.getByRole("region", { name: "Tasks" })).toBeVisible();
});
