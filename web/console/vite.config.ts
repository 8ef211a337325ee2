/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` sends calls to the API: a Chaperone that runs on this machine. */
const SERVER = process.env["CHAPERONE_URL"] ?? "http://console.localhost:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // Everything comes from the console's own origin as a file: its policy allows no `data:` scripts or fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  // The guide of the documents comes with the console.
  server: { fs: { allow: ["..", "../../docs"] }, proxy: { "/api": { target: SERVER, changeOrigin: true }, "/enter": { target: SERVER, changeOrigin: true } } },
  test: { include: ["test/**/*.test.ts"] },
});
