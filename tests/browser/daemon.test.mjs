// The dashboard over a real daemon that trains: submitted on the page, followed to its end,
// compared with what the API says. node tests/browser/daemon.test.mjs NINETYD
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import axe from "axe-core";
import { Daemon } from "./daemon.mjs";
import { Nginx, whyNoNginx } from "./nginx.mjs";
import { eventually, pageTest, skipWithoutBrowser } from "./page.mjs";

await skipWithoutBrowser();
const daemon = new Daemon(process.argv[2]);
const at = (hash) => () => `${daemon.origin}${hash}`;
const trainingMs = 300_000;

before(() => daemon.start());
after(() => daemon.remove());

pageTest(
    "a sweep submitted on the page is trained to its end, and shown as it goes",
    at("#/new"),
    async (page) => {
        await page
            .getByRole("combobox", { name: "start from" })
            .selectOption({ label: "smoke test, in seconds" });
        await page.getByText("8 trials in 4 cells").waitFor();
        await page.getByRole("button", { name: "Submit" }).click();
        await page.getByRole("heading", { name: "smoke", level: 1 }).waitFor();
        await page.getByText("finished", { exact: true }).waitFor({ timeout: trainingMs });
        assert.equal(await page.getByRole("progressbar").getAttribute("aria-valuenow"), "100");
        await page.getByRole("link", { name: "1 worker, 1 slot" }).waitFor();
    },
    { timeout: trainingMs + 30_000 },
);

pageTest("the figures and the cells say what the API says", at("#/sweeps/1"), async (page) => {
    const { summary } = await daemon.get("v1/summary?sweep=1");
    assert.equal(summary.length, 4);
    const steps = page.locator("section", {
        has: page.getByRole("heading", { name: "Steps to 90 %" }),
    });
    await steps.locator("[role=img] svg").waitFor();
    assert.deepEqual(await steps.locator(".legend li").allTextContents(), [
        "without BN",
        "BN before activation",
    ]);
    const ended = summary.reduce((sum, cell) => sum + cell.n, 0);
    assert.equal(ended, 8);
    assert.match(await steps.locator("figcaption").textContent(), /single trials \(8\)/);
    const rows = page.locator("section:has(#cells-title) tbody tr");
    assert.equal(await rows.count(), 4);
    for (const [i, cell] of summary.entries()) {
        const text = await rows.nth(i).textContent();
        assert.ok(text.includes(`${cell.reached}/${cell.n}`), text);
        assert.ok(
            cell.median_steps === null ||
                text.includes(String(Number(cell.median_steps.toPrecision(3)))),
            text,
        );
    }
    const curves = page.locator("section", {
        has: page.getByRole("heading", { name: "Accuracy as training goes on" }),
    });
    await curves.getByText(/single trials \(4\)/).waitFor(); // of the deeper network
    await curves.getByText("training time", { exact: true }).click();
    await curves.getByText("training time, s →").waitFor();
});

pageTest("gradients by layer are the API's medians", at("#/sweeps/1"), async (page) => {
    const { steps } = await daemon.get("v1/layers/steps?sweep=1");
    assert.deepEqual(steps[0], { step: 1, trials: 8 });
    const { layers } = await daemon.get("v1/layers?sweep=1");
    const depth = Math.max(...layers.map((row) => row.depth)); // the deeper network is shown
    const card = page.locator("section", { has: page.locator("#layers-title") });
    await card.locator("[role=img] > svg").waitFor();
    const text = await card.locator("[role=img]").getAttribute("aria-label");
    const shown = layers.filter((row) => row.depth === depth && row.median >= 0.001);
    assert.ok(shown.length > 0);
    for (const { layer, batch_norm, median } of shown) {
        const where = layer === depth ? "logits" : `layer ${layer}`;
        const arm = batch_norm === "none" ? "without BN" : "BN before activation";
        const point = `${where}, ${arm}: ${Number(median.toPrecision(3))}`;
        assert.ok(text.includes(point), `${point} in ${text}`);
    }
});

const fourAxes = {
    name: "four axes",
    base: { dataset: "synthetic-digits", width: 8, max_steps: 16, target_accuracy: 0.1 },
    parameters: {
        depth: [1, 2],
        batch_norm: ["none", "before"],
        activation: ["relu", "leaky_relu"],
        learning_rate: [0.01, 1000],
    },
};

for (const width of [390, 1280]) {
    pageTest(
        `B13: at ${width} pixels axe finds nothing on a sweep, and nothing is cut`,
        at("#/sweeps/1"),
        async (page) => {
            const id = await daemon.finish(fourAxes);
            await page.goto(at(`#/sweeps/${id}`)());
            await page.getByRole("heading", { name: "four axes", level: 1 }).waitFor();
            await page.locator("[role=img] > svg").first().waitFor();
            await page.evaluate(axe.source);
            const { violations } = await page.evaluate(() => globalThis.axe.run());
            const told = violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
            assert.deepEqual(told, []);
            const wide = await page.evaluate(() =>
                [document.documentElement, ...document.querySelectorAll(".table-box")]
                    .filter((box) => box.scrollWidth > box.clientWidth)
                    .map((box) => `${box.className} is ${box.scrollWidth} wide`),
            );
            assert.deepEqual(wide, []);
        },
        { viewport: { width, height: 900 }, bypassCSP: true },
    );
}

pageTest(
    "B12: the page says what was trained before any figure",
    at("#/sweeps/1"),
    async (page) => {
        const setup = page.getByLabel("What is trained");
        await setup.waitFor();
        const text = (await setup.locator("div").allTextContents()).join("; ");
        assert.match(text, /dataset ?synthetic-digits.*optimizer ?adam.*learning rate ?0\.01/);
        const above = await setup.evaluate(
            (node) => node.compareDocumentPosition(document.querySelector("figure")) & 4,
        );
        assert.ok(above, "it stands above the figures");
    },
);

const proxies = [
    // nginx's manual; it sends the daemon's own address as Host
    ["E1: plain nginx", "/", "location / { proxy_pass http://DAEMON; }"],
    // and with what the page's browser said
    [
        "E1: nginx that passes the Host on",
        "/",
        "location / { proxy_pass http://DAEMON; proxy_set_header Host $http_host; }",
    ],
    [
        "E2: nginx below a path",
        "/ninety/",
        "location /ninety/ { proxy_pass http://DAEMON/; proxy_set_header Host $http_host; }",
    ],
];

for (const [name, path, locations] of proxies) {
    const skip = whyNoNginx();
    if (skip !== null) {
        test(`${name} shows the page`, { skip });
        continue;
    }
    const nginx = new Nginx();
    pageTest(`${name} shows the page`, at("#/sweeps/1"), async (page) => {
        await nginx.start(locations, daemon.port);
        try {
            await page.goto(`http://127.0.0.1:${nginx.port}${path}#/sweeps/1`);
            await page.getByRole("heading", { name: "smoke", level: 1 }).waitFor();
            await page.locator("[role=img] > svg").first().waitFor();
        } finally {
            await nginx.stop();
        }
    });
}

pageTest(
    "a refusal of the daemon is shown where it belongs",
    at("#/new"),
    async (page) => {
        await page.getByLabel("The sweep as JSON").fill('{"parameters": {"depth": [1, 70]}}');
        await page.locator(".verdict .problem").waitFor();
        assert.equal(await page.locator(".editor mark").textContent(), "70");
    },
    { expected: ["400 (Bad Request)"] },
);

pageTest(
    "the page outlives a killed daemon",
    at("#/sweeps/1"),
    async (page) => {
        await page.waitForSelector("[role=img] svg");
        await daemon.stop("SIGKILL");
        await page.getByText("No contact with the daemon").waitFor();
        assert.ok((await page.locator("[role=img] svg").count()) > 0);
        await daemon.start();
        await page.getByRole("button", { name: "Try now" }).click();
        await page.getByText("No contact with the daemon").waitFor({ state: "hidden" });
    },
    { expected: ["ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET"] },
);

pageTest(
    "a daemon with a token lets in who knows it",
    at("#/sweeps/1"),
    async (page) => {
        await page.waitForSelector("[role=img] svg");
        await daemon.stop();
        daemon.token = "0123456789abcdef0123456789abcdef";
        await daemon.start();
        await page.getByRole("dialog", { name: "Access token" }).waitFor({ timeout: 60_000 });
        await page.getByRole("textbox", { name: "Token" }).fill(daemon.token);
        await page.getByRole("button", { name: "Go on" }).click();
        await page.getByRole("dialog").waitFor({ state: "hidden" });
        await page.reload();
        await page.waitForSelector("[role=img] svg");
    },
    {
        expected: [
            "401 (Unauthorized)",
            "ERR_CONNECTION_REFUSED",
            "ERR_EMPTY_RESPONSE",
            "ERR_CONNECTION_RESET",
        ],
    },
);

pageTest(
    "trials can be paused, cancelled and queued again",
    at("#/"),
    async (page) => {
        await page.evaluate(async (token) => {
            sessionStorage.setItem("ninety-token", token);
            await fetch("v1/sweeps", {
                method: "POST",
                headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
                body: JSON.stringify({
                    name: "long",
                    base: {
                        dataset: "synthetic-digits",
                        depth: 2,
                        max_steps: 5000,
                        stop_at_target: false,
                    },
                    replicates: 50,
                }),
            });
        }, daemon.token);
        await page.reload();
        const card = page.getByRole("article", { name: "long" });
        await card.getByRole("button", { name: "Pause" }).click();
        await card.getByText("paused", { exact: true }).waitFor();
        await card.getByRole("button", { name: "Cancel…" }).click();
        await page.getByRole("button", { name: "Cancel the sweep" }).click();
        await card.getByText("cancelled", { exact: true }).first().waitFor();
        const state = async () => (await daemon.get("v1/sweeps?limit=1")).sweeps[0].state;
        await eventually(state, (now) => now === "cancelled", "the sweep's state");
    },
    { expected: ["401 (Unauthorized)"] },
);
