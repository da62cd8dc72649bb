// A reporter for Vitest.
import { told } from "./told.mjs";

export default class Failures {
  onTestCaseResult(test) {
    const { state, errors } = test.result();
    if (state !== "failed") return;
    told(`${test.module.relativeModuleId} › ${test.fullName}`, errors.map((error) => error.message).join("\n"));
  }

  /** A file that cannot be read has no tests that could fail. */
  onTestModuleEnd(module) {
    for (const error of module.errors()) told(module.relativeModuleId, error.message);
  }

  onTestRunEnd(_modules, errors) {
    for (const error of errors) told("vitest", error.message);
  }
}
