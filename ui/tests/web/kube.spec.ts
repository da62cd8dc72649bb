// Kubernetes YAML: written, checked while it is written, played and taken down.
import { expect, test, visit } from "./base";
import { FakeCore } from "./fake";
import { sample } from "./sample";

test("a text is checked at its lines while it is written, then played and taken down", async ({ page }) => {
  const refused: string[] = [];
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) refused.push(message.text());
  });
  const core = new FakeCore(sample());
  core.answer = (call) => {
    if (call.call !== "checkKube" || !call.text.includes("wrong")) return undefined;
    const problem = { line: 3, path: "metadata.name", message: "it is no name" };
    return { reply: "checked", check: { problem, objects: [], unused: [{ line: 1, path: "kind Service", message: "" }], remarks: [] } };
  };
  await core.open(page);
  await visit(page, "e", "Applications");
  await page.getByRole("button", { name: "Kubernetes YAML" }).click();
  const text = page.getByRole("textbox", { name: "Kubernetes YAML" });
  const told = page.getByRole("status", { name: "What it describes" });
  await expect(told).toContainText("pod web");
  const play = page.getByRole("button", { name: "Play", exact: true });
  await expect(play).toBeEnabled();

  // Its style sheets are within the page's policy. (Chromium's own styles for text that replaces lines are refused later.)
  expect(refused).toEqual([]);

  // What is typed is text: no key of the page takes it.
  await text.focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("kind: Pod\nmetadata:\n  name: wrong? 1/2");
  await expect(text).toContainText("wrong? 1/2");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(told).toContainText("line 3: metadata.name: it is no name");
  await expect(page.locator(".cm-lint-marker-error")).toBeVisible();
  await expect(play).toBeDisabled();
  await told.getByRole("button", { name: /line 3/ }).click();
  await expect(page.locator(".cm-activeLine")).toContainText("wrong?");

  // Esc and then Tab leaves, and the text stays while another page is looked at.
  await page.keyboard.press("Control+a");
  await page.keyboard.type("kind: Pod\nmetadata: {name: web}\n");
  await expect(told).toContainText("pod web");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  await expect(text).not.toBeFocused();
  await visit(page, "1", "Containers");
  await visit(page, "e", "Applications");
  await page.getByRole("button", { name: "Kubernetes YAML" }).click();
  await expect(text).toContainText("metadata: {name: web}");
  await page.getByLabel("In place of pods of the same names").check();
  await play.click();
  await core.called({ call: "playKube", replace: true, text: "kind: Pod\nmetadata: {name: web}\n" });
  await page.getByRole("button", { name: "Close tasks" }).click();
  await page.getByRole("button", { name: "Take down" }).click();
  await page.getByRole("dialog").getByLabel("Also its volumes").check();
  await page.getByRole("dialog").getByRole("button", { name: "Take down" }).click();
  await core.called({ call: "downKube", volumes: true });
});

test("a file of this computer is opened", async ({ page }) => {
  await new FakeCore(sample()).open(page);
  await visit(page, "e", "Applications");
  await page.getByRole("button", { name: "Kubernetes YAML" }).click();
  const text = page.getByRole("textbox", { name: "Kubernetes YAML" });
  await expect(text).toContainText("kind: Pod");
  const file = (body: string) => ({ name: "app.yaml", mimeType: "text/yaml", buffer: Buffer.from(body) });
  await page.locator("input[type=file]").setInputFiles(file("kind: Deployment\n"));
  await expect(text).toContainText("kind: Deployment");
  await page.locator("input[type=file]").setInputFiles(file("x".repeat(600_000)));
  await expect(page.getByText("app.yaml is too long")).toBeVisible();
  await expect(text).toContainText("kind: Deployment");
});
