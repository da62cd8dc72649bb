// A reporter for Node's test runner; it writes nothing itself.
import { told } from "./told.mjs";

export default async function* failures(events) {
  const path = [];
  for await (const { type, data } of events) {
    if (type === "test:start") {
      path.length = data.nesting;
      path.push(data.name);
    }
    if (type !== "test:fail" || data.todo || data.details.error?.failureType === "subtestsFailed") continue;
    const { error } = data.details;
    const name = [...path.slice(0, data.nesting), data.name].join(" › ");
    told(name, error?.cause?.stack ?? error?.cause ?? error?.message ?? String(error));
  }
  yield* [];
}
