import { expect, test } from "vitest";

import type { Event as CoreEvent } from "./generated/desktop";
import { Model } from "./model.svelte";

test("what has ended is not ended again when the connection breaks off", async () => {
  let batch: (events: CoreEvent[]) => void = () => undefined;
  let link: (connected: boolean) => void = () => undefined;
  let next = 1;
  const model = new Model({
    call: () => Promise.resolve({ reply: "subscription", subscription: next++ }),
    listen: (events, linked) => {
      batch = events;
      link = linked;
    },
    open: () => undefined,
  });
  const ends: string[] = [];
  for (const name of ["first", "second"]) {
    const flow = { take: () => undefined, end: (failure: { message: string } | null) => ends.push(`${name}: ${failure?.message}`) };
    model.subscribe({ call: "openLog", id: name, tail: 1 }, flow);
  }
  await new Promise((done) => setTimeout(done));
  batch([{ event: "end", subscription: 1, code: 0, failure: null }]);
  link(false);
  expect(ends).toEqual(["first: undefined", "second: The connection to Cove broke off."]);
});
