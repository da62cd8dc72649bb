// What every test of the screens begins with: Playwright's, on a computer that COVE_SLOW makes so many times slower.
import { expect, test as base, type Page } from "@playwright/test";

/** How many times slower the page is made, so that tests which only pass on a fast computer are found. */
export const SLOW = Number(process.env["COVE_SLOW"] ?? 1);

export const test = base.extend({
  page: async ({ page }, use) => {
    if (SLOW > 1) {
      const session = await page.context().newCDPSession(page);
      await session.send("Emulation.setCPUThrottlingRate", { rate: SLOW });
    }
    await use(page);
  },
});

/** Goes to another page by its key, and waits until it is there. */
export async function visit(page: Page, key: string, heading: string): Promise<void> {
  await page.keyboard.press(`Control+${key}`);
  await expect(page.getByRole("heading", { level: 1, name: heading, exact: true })).toBeVisible();
}

export { expect };
