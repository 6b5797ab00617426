// Debian's Chromium through playwright-core: one place for how it is started.
import { existsSync } from "node:fs";

export const chromium = process.env.NINETY_CHROMIUM ?? "/usr/bin/chromium";

/** Why no browser can be had here; null when one can. */
export async function whyNot() {
    if (!existsSync(chromium)) {
        return `there is no ${chromium}`;
    }
    return (await import("playwright-core").catch(() => null)) === null
        ? "playwright-core is not installed: npm ci --prefix tests/browser"
        : null;
}

/** Without a network of its own: nothing is looked up, updated or reported. */
export async function launch() {
    const playwright = await import("playwright-core");
    return playwright.chromium.launch({
        executablePath: chromium,
        headless: true,
        args: [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    });
}
