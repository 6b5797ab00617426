// What every test of the dashboard needs: a page that notes what it should never do.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { launch, whyNot } from "./browser.mjs";

/** Ends the program with 77, meson's word for skipped, where there is no browser. */
export async function skipWithoutBrowser() {
    const reason = await whyNot();
    if (reason !== null) {
        console.log(`skipped: ${reason}`);
        process.exit(77);
    }
}

let browser;
after(() => browser?.close());

/**
 * A test with a page at `url()`. It fails also when the page logs an error, throws, or asks any
 * other site for anything; `expected` lists errors that belong to the test (each 4xx is logged).
 */
export function pageTest(name, url, body, { expected = [], timeout = 120_000, ...options } = {}) {
    test(name, { timeout }, async () => {
        browser ??= await launch();
        const context = await browser.newContext({ reducedMotion: "reduce", ...options });
        const page = await context.newPage();
        const problems = [],
            requests = [];
        page.on(
            "console",
            (message) => message.type() === "error" && problems.push(message.text()),
        );
        page.on("pageerror", (error) => problems.push(String(error)));
        page.on("request", (request) => requests.push(request.url()));
        page.setDefaultTimeout(30_000);
        try {
            await page.goto(url());
            await body(page, requests);
            const unexpected = problems.filter(
                (problem) => !expected.some((text) => problem.includes(text)),
            );
            assert.deepEqual(unexpected, [], "errors on the console");
            const own = [url(), page.url()].map((address) => new URL(address).origin);
            const elsewhere = requests.filter(
                (request) =>
                    !own.some((origin) => request.startsWith(origin)) &&
                    !/^(data|blob):/.test(request),
            );
            assert.deepEqual(elsewhere, [], "requests to other sites");
        } finally {
            await context.close();
        }
    });
}

/** Waits until `check` holds of what `read` gives. */
export async function eventually(read, check, what) {
    const deadline = Date.now() + 30_000;
    for (;;) {
        const value = await read();
        if (check(value)) {
            return value;
        }
        if (Date.now() > deadline) {
            assert.fail(`${what}: still ${JSON.stringify(value)}`);
        }
        await new Promise((done) => setTimeout(done, 50));
    }
}
