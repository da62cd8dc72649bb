import type { Remark } from "./editor";
import type { KubeCheck, KubeFault } from "./generated/desktop";
import { t } from "./text/messages.svelte";

/** Longest text that is checked and played, in bytes: the core takes messages of twice that. */
export const LONGEST_TEXT = 512 << 10;

/** What an editor begins with. */
export const FIRST_TEXT = `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: web
      image: docker.io/library/nginx
      ports:
        - containerPort: 80
          hostPort: 8080
`;

/** Where something is and what is wrong with it. */
export function faultText({ line, path, message }: KubeFault): string {
  const place = line > 0 ? t("line {line}", { line }) : "";
  return [place, path, message].filter((part) => part !== "").join(": ");
}

/** What an editor says at its lines. */
export function remarks(check: KubeCheck): Remark[] {
  const wrong = check.problem ? [{ line: check.problem.line, text: [check.problem.path, check.problem.message].filter(Boolean).join(": "), wrong: true }] : [];
  const unused = check.unused.map(({ line, path }) => ({ line, text: t("{field} has no effect here", { field: path }), wrong: false }));
  return [...wrong, ...unused];
}
