// A reporter for Playwright.
import { relative } from "node:path";

import { told } from "./told.mjs";

export default class Failures {
  printsToStdio() {
    return false;
  }

  onTestEnd(test, result) {
    if (result.status === "passed" || result.status === "skipped") return;
    // It is tried once more.
    if (result.retry < test.retries) return;
    const { file, line } = test.location;
    const errors = result.errors.map(({ message, location }) => (location ? `${message}\nat ${relative(".", location.file)}:${location.line}` : message));
    told(`${relative(".", file)}:${line} › ${test.title}`, errors.join("\n") || result.status);
  }

  /** What fails outside of a test: the server of the pages, a file that cannot be read. */
  onError(error) {
    told("playwright", error.message ?? error.value ?? "failed");
  }
}
