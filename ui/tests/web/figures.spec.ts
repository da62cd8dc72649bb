// What can be held on any computer: how much is brought before the first screen is there.
import { gzipSync } from "node:zlib";

import { expect, test } from "./base";
import { FakeCore } from "./fake";
import { sample } from "./sample";

/** Most bytes of JavaScript of the first screen, compressed. */
const MOST = 120 << 10;

test("the first screen needs little", async ({ page }) => {
  const sizes: Promise<number>[] = [];
  page.on("response", (response) => {
    if (response.url().endsWith(".js")) sizes.push(response.body().then((body) => gzipSync(body).length));
  });
  await new FakeCore(sample()).open(page);
  await expect(page.getByRole("row").first()).toBeVisible();
  const whole = (await Promise.all(sizes)).reduce((sum, one) => sum + one, 0);
  expect(whole).toBeGreaterThan(10 << 10);
  expect(whole).toBeLessThan(MOST);
});
