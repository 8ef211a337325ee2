/** What only a browser can measure; `cargo xtask bench` starts it. */
import base from "./playwright.config.ts";

export default { ...base, testDir: "bench", testMatch: /.*\.bench\.ts$/, workers: 1, fullyParallel: false, timeout: 600_000 };
