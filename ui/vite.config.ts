import { svelte } from "@sveltejs/vite-plugin-svelte";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vitest/config";

/** The policy of the window and of `cove desktop --web`; the preview server has it too, so that the tests meet it. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export default defineConfig({
  plugins: [svelte(), tailwindcss()],
  build: { target: "safari16", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { port: 5173, strictPort: true },
  preview: { host: "127.0.0.1", headers: { "Content-Security-Policy": policy } },
  test: {
    include: ["src/**/*.test.ts"],
    environment: "node",
    testTimeout: 60_000,
    reporters: ["default", "./tests/failures/vitest.mjs"],
  },
});
