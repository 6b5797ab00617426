// The dashboard's behaviour in a browser, against the stand-in daemon, where every situation can be
// had at will: node tests/browser/dashboard.test.mjs ASSETS_DIR
import assert from "node:assert/strict";
import { after, before, beforeEach } from "node:test";
import { MockDaemon } from "./mock_daemon.mjs";
import { eventually, pageTest, skipWithoutBrowser } from "./page.mjs";

await skipWithoutBrowser();
const assets = process.argv[2];
const at = (hash) => () => `${origin}${hash}`;
let mock, origin;

before(async () => {
    mock = new MockDaemon({ assets, speed: 0 });
    origin = `http://127.0.0.1:${await mock.listen()}/`;
});
beforeEach(() => Object.assign(mock, { token: "", broken: false }));
after(() => mock.close());

pageTest(
    "a finished sweep shows its figures, its cells and what failed",
    at("#/sweeps/1"),
    async (page) => {
        await page.locator("[role=img] > svg").nth(2).waitFor();
        assert.equal(await page.locator("[role=img] > svg").count(), 3);
        const steps = page.locator("section", {
            has: page.getByRole("heading", { name: "Steps to 90 %" }),
        });
        assert.deepEqual(await steps.locator(".legend li").allTextContents(), [
            "without BN",
            "BN before activation",
        ]);
        assert.match(
            await steps.locator("[role=img]").getAttribute("aria-label"),
            /^Median steps to 90 % by hidden layers.*7, without BN: \d/,
        );
        assert.equal(await page.locator("section:has(#cells-title) tbody tr").count(), 14);
        const failed = mock.sweeps[0].count("failed");
        assert.equal(await page.locator("section:has(#failures-title) tbody tr").count(), failed);
        assert.match(
            await page.locator("section:has(#failures-title)").textContent(),
            /diverged at step 12/,
        );
    },
);

pageTest("a running sweep moves on by itself, to 100 %", at("#/sweeps/2"), async (page) => {
    const bar = page.getByRole("progressbar");
    const share = () => bar.getAttribute("aria-valuenow").then(Number);
    await page.waitForSelector("[role=img] svg");
    const begin = await share();
    assert.ok(begin < 100);
    const drawing = () => page.locator("[role=img] svg").first().innerHTML();
    const early = await drawing();
    mock.sweeps[1].advance(1000);
    await eventually(share, (now) => now === 100, "progress");
    await eventually(
        async () => (await drawing()) !== early,
        (moved) => moved,
        "a new drawing",
    );
    await page.getByText("finished", { exact: true }).waitFor();
    await eventually(
        () => page.locator("p[aria-live=polite]").textContent(),
        (text) => /finished, 100 %/.test(text),
        "what is spoken",
    );
});

pageTest(
    "trials that never reached the target are marked above the scale and counted",
    at("#/sweeps/2"),
    async (page) => {
        const { censored, diverged } = mock.sweeps[1].json();
        assert.ok(censored > 0);
        const steps = page.locator("section", {
            has: page.getByRole("heading", { name: "Steps to 90 %" }),
        });
        await steps.getByText("not reached in 600 steps", { exact: true }).waitFor();
        const which = diverged > 0 ? `, ${diverged} of them diverged` : "";
        const caption = await steps.locator("figcaption").textContent();
        assert.ok(caption.includes(`not reached in 600 steps (${censored + diverged}${which})`));
        await steps.getByText(`${censored}/5`, { exact: true }).waitFor();
    },
);

pageTest(
    "curves are drawn against steps or training time, for the depth chosen",
    at("#/sweeps/1"),
    async (page, requests) => {
        const curves = page.locator("section", {
            has: page.getByRole("heading", { name: "Accuracy as training goes on" }),
        });
        await curves.getByText("optimizer steps →").waitFor();
        await curves.getByText("training time", { exact: true }).click();
        await curves.getByText("training time, s →").waitFor();
        await curves
            .getByRole("combobox", { name: "hidden layers", exact: true })
            .selectOption("3");
        await eventually(
            async () =>
                requests.filter((url) => /curves.*cell=[45]$|curves.*cell=[45]&/.test(url)).length,
            (n) => n === 2,
            "a request for each arm of depth 3",
        );
    },
);

pageTest(
    "B11: curves mark where they were measured, and say what their median is of",
    at("#/sweeps/1"),
    async (page) => {
        const card = page.locator("section", { has: page.locator("#curves-title") });
        await card.locator("[role=img] > svg").waitFor();
        const marks = await card
            .locator('svg [aria-label="dot"]')
            .evaluateAll((groups) => groups.map((group) => group.childElementCount));
        const [measurements, ends] = marks;
        assert.ok(ends > 1 && measurements >= 3 * ends, `${marks}`);
        assert.match(
            await card.locator("figcaption").textContent(),
            /straight from one measurement to the next; bold: their median/,
        );
    },
);

pageTest("every tick of a logarithmic axis has its name", at("#/sweeps/1"), async (page) => {
    const curves = page.locator("section", {
        has: page.getByRole("heading", { name: "Accuracy as training goes on" }),
    });
    await curves.getByText("optimizer steps →").waitFor();
    await curves.getByLabel("log").check();
    const ticks = curves.locator('[aria-label="x-axis tick"] path');
    const names = curves.locator('[aria-label="x-axis tick label"] text');
    await names.getByText("15", { exact: true }).waitFor();
    assert.equal(await names.count(), await ticks.count());
    for (const name of await names.allTextContents()) {
        assert.match(name, /^[\d,]+$/);
    }
});

const layersCard = (page) => page.locator("section", { has: page.locator("#layers-title") });
const pictureText = (card) => card.locator("[role=img]").getAttribute("aria-label");

pageTest(
    "gradients are drawn by layer for the arms chosen, and their fall is told",
    at("#/sweeps/2"),
    async (page) => {
        const card = layersCard(page);
        await card.getByRole("heading", { name: "Gradient by layer" }).waitFor();
        await card.getByText("layer, from the input →").waitFor();
        assert.match(
            await pictureText(card),
            /weights, RMS, by layer, at step 1\. layer 0, without BN: .*logits, BN before activation/,
        );
        const names = card.locator('[aria-label="x-axis tick label"] text');
        assert.deepEqual(await names.allTextContents(), [..."0123456", "logits"]);
        const fall = /layer 0: ([\d,.]+) \(without BN\), ([\d,.]+) \(BN before activation\)\.$/;
        const [, without, normalized] = fall.exec(await card.locator("figcaption").textContent());
        assert.ok(Number(without.replace(",", "")) > 1000 * Number(normalized), without);
        await card.getByRole("combobox", { name: "activation" }).selectOption("relu");
        await eventually(
            async () => fall.exec(await card.locator("figcaption").textContent())[1],
            (times) => Number(times.replace(",", "")) < 1000,
            "the fall with ReLU",
        );
    },
);

pageTest("another step of the layers is a key away", at("#/sweeps/2"), async (page, requests) => {
    const card = layersCard(page);
    const slider = card.getByRole("slider", { name: "step" });
    await slider.focus();
    assert.equal(await slider.getAttribute("aria-valuetext"), "step 1");
    await card.locator("[role=img] > svg").waitFor();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await eventually(
        () => pictureText(card),
        (text) => text.includes("at step 4."),
        "the picture",
    );
    assert.equal(await card.locator("output").textContent(), "4");
    assert.ok(requests.some((url) => /layers\?sweep=2&value=gradient_rms&step=4/.test(url)));
    await card.getByRole("combobox", { name: "activation" }).selectOption("relu");
    await slider.press("End");
    await card
        .getByText("None of these trials has statistics of its layers at step 512.")
        .waitFor();
});

pageTest(
    "where a number cannot be, its figure says so in words",
    at("#/sweeps/2"),
    async (page) => {
        const card = layersCard(page);
        await card.getByRole("combobox", { name: "show" }).selectOption("dead");
        await card.getByText("Units with this activation cannot die.").waitFor();
        await card.getByRole("heading", { name: "Dead units by layer" }).waitFor();
        await card.getByRole("combobox", { name: "show" }).selectOption("saturated");
        await card.getByText("↑ saturated units").waitFor();
        await card.getByText("100 %", { exact: true }).waitFor();
    },
);

pageTest(
    "a sweep of a trainer without layer statistics says that it has none",
    at("#/"),
    async (page) => {
        const spec = { name: "another trainer", base: { depth: 2 }, replicates: 2 };
        const { id } = mock.add(spec, { done: 2, layerStats: false });
        await page.goto(`${origin}#/sweeps/${id}`);
        const card = layersCard(page);
        await card.getByText(/reported no statistics of their layers/).waitFor();
        assert.equal(await card.getByRole("slider").count(), 0);
    },
);

pageTest("cancel asks first", at("#/"), async (page) => {
    const sweep = mock.add({ name: "to cancel", parameters: { depth: [1, 2, 3] } }, {});
    const card = page.getByRole("article", { name: "to cancel" });
    await card.getByRole("button", { name: "Cancel…" }).click();
    await page.getByRole("button", { name: "Keep it running" }).click();
    assert.equal(sweep.state, "active");
    await card.getByRole("button", { name: "Cancel…" }).click();
    await page.getByRole("button", { name: "Cancel the sweep" }).click();
    await card.getByText("cancelled", { exact: true }).first().waitFor();
    assert.equal(sweep.state, "cancelled");
    await card.getByRole("button", { name: "Retry" }).click();
    await card.getByText("active", { exact: true }).waitFor();
});

pageTest(
    "a wrong field is marked where it stands; a good sweep is counted and submitted",
    at("#/new"),
    async (page) => {
        const editor = page.getByLabel("The sweep as JSON");
        await editor.fill('{"name": "browser",\n "parameters": {"depth": [1, 70]}}');
        await page.getByText("depth must be an integer from 1 to 64, not 70").waitFor();
        assert.equal(await page.locator(".editor mark").textContent(), "70");
        assert.equal(await editor.getAttribute("aria-invalid"), "true");
        await page.getByRole("button", { name: "Line 2, column 30" }).click();
        assert.equal(
            await editor.evaluate((area) =>
                area.value.slice(area.selectionStart, area.selectionEnd),
            ),
            "70",
        );
        await editor.fill('{"name": "browser" "x": 1}');
        await page.getByText(/a comma or } should stand here/).waitFor();
        await editor.fill('{"name": "browser", "parameters": {"depth": [1, 2]}, "replicates": 3}');
        await page.getByText("6 trials in 2 cells").waitFor();
        await page.getByRole("button", { name: "Submit" }).click();
        await page.getByRole("heading", { name: "browser", level: 1 }).waitFor();
    },
    { expected: ["400 (Bad Request)"] },
);

pageTest(
    "a token is asked for, refused when wrong, and kept for the tab",
    at("#/"),
    async (page) => {
        mock.token = "right";
        const dialog = page.getByRole("dialog", { name: "Access token" });
        await dialog.waitFor();
        await page.getByRole("textbox", { name: "Token" }).fill("wrong");
        await page.getByRole("button", { name: "Go on" }).click();
        await page.getByText("The daemon did not accept this token.").waitFor();
        await page.getByRole("textbox", { name: "Token" }).fill("right");
        await page.getByRole("button", { name: "Go on" }).click();
        await dialog.waitFor({ state: "hidden" });
        await page.getByRole("article").first().waitFor();
        await page.reload();
        await page.getByRole("article").first().waitFor();
        assert.equal(await dialog.isVisible(), false);
    },
    { expected: ["401 (Unauthorized)"] },
);

pageTest(
    "when the daemon is away the page says so, keeps its data, and comes back",
    at("#/sweeps/1"),
    async (page) => {
        await page.locator("[role=img] > svg").nth(2).waitFor();
        mock.broken = true;
        await page.getByText("No contact with the daemon").waitFor();
        assert.equal(await page.locator("[role=img] > svg").count(), 3);
        mock.broken = false;
        await page.getByRole("button", { name: "Try now" }).click();
        await page.getByText("No contact with the daemon").waitFor({ state: "hidden" });
    },
    { expected: ["ERR_EMPTY_RESPONSE"] },
);

// B2
pageTest(
    "a sweep of very many cells loses no arm of its layers",
    () => {
        const rates = Array.from({ length: 20 }, (_, i) => (i + 1) / 1000);
        mock.add(
            {
                name: "very many cells",
                base: { depth: 7 },
                parameters: {
                    batch_norm: ["none", "before"],
                    learning_rate: rates,
                    optimizer: ["adam", "sgd", "rmsprop"],
                    activation: ["relu", "elu", "tanh", "sigmoid", "selu"],
                },
            },
            { done: 600 },
        );
        return at(`#/sweeps/${mock.sweeps.length}`)();
    },
    async (page) => {
        const figure = layersCard(page).locator("[role=img]");
        await figure.locator("svg").first().waitFor();
        const said = await figure.getAttribute("aria-label");
        for (const arm of ["without BN", "BN before activation"]) {
            assert.ok(said.includes(`, ${arm}: `), said);
        }
        mock.sweeps.pop();
    },
);

pageTest(
    "a hidden tab asks nothing, and asks at once when it is seen again",
    at("#/"),
    async (page, requests) => {
        const hide = (hidden) =>
            page.evaluate((value) => {
                Object.defineProperty(document, "hidden", { value, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }, hidden);
        await page.getByRole("article").first().waitFor();
        await hide(true);
        await page.waitForTimeout(300); // what was under way
        const before = requests.length;
        await page.waitForTimeout(5500); // the slowest of its loops is at 5 s
        assert.equal(requests.length, before);
        await hide(false);
        await eventually(
            () => requests.length,
            (n) => n > before,
            "requests",
        );
    },
);

pageTest(
    "thousands of trials are loaded page by page, once, and the curves of the arms shown",
    at("#/sweeps/3"),
    async (page, requests) => {
        await page.waitForSelector("[role=img] svg");
        await page
            .getByText(/single trials \(\d+, \d+ more not drawn\)|bold: their median/)
            .waitFor();
        assert.equal(new Set(requests.filter((url) => url.includes("v1/curves"))).size, 3);
        const trials = mock.sweeps[2].trials.length;
        assert.ok(trials > 2000);
        assert.equal(
            requests.filter((url) => url.includes("/v1/trials?sweep=3&limit=500")).length,
            Math.ceil(trials / 500),
        );
    },
);

pageTest(
    "an unknown sweep is told as such",
    at("#/sweeps/99"),
    async (page) => {
        await page.getByText("there is no sweep 99").waitFor();
    },
    { expected: ["404 (Not Found)"] },
);

for (const hash of ["#/", "#/sweeps/2", "#/new", "#/workers"]) {
    pageTest(
        `${hash} fits a narrow screen`,
        at(hash),
        async (page) => {
            await page.waitForSelector(hash.includes("sweeps/") ? "[role=img] svg" : "h1");
            await page.waitForTimeout(300);
            assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
        },
        { viewport: { width: 360, height: 740 } },
    );
}

pageTest("the keyboard alone opens a sweep", at("#/"), async (page) => {
    await page.getByRole("article").first().waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "MAIN");
    await page.keyboard.press("Tab"); // New sweep
    await page.keyboard.press("Tab"); // the first sweep's name
    await page.keyboard.press("Enter");
    await page.waitForSelector(".crumbs");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "MAIN");
});

for (const colorScheme of ["light", "dark"]) {
    pageTest(
        `text and series stand out from their ground in the ${colorScheme} scheme`,
        at("#/"),
        async (page) => {
            const colors = await page.evaluate(() => {
                const style = getComputedStyle(document.documentElement);
                return Object.fromEntries(
                    [...style]
                        .filter((name) => name.startsWith("--"))
                        .map((name) => [name, style.getPropertyValue(name).trim()])
                        .filter(([, value]) => value.startsWith("#")),
                );
            });
            const check = (name, ground, least) => {
                const ratio = contrast(colors[name], colors[ground]);
                assert.ok(
                    ratio >= least,
                    `${name} on ${ground}: ${ratio.toFixed(2)}, wanted ${least}`,
                );
            };
            for (const ground of ["--page", "--card", "--hover"]) {
                ["--ink", "--muted", "--accent", "--bad", "--good"].forEach((name) =>
                    check(name, ground, 4.5),
                );
            }
            check("--ink", "--bad-soft", 4.5);
            check("--on-accent", "--accent", 4.5);
            for (let i = 0; i < 7; i++) {
                check(`--series-${i}`, "--card", 3);
            }
        },
        { colorScheme },
    );
}

/** WCAG 2.1, relative luminance and contrast ratio. */
function contrast(one, other) {
    const luminance = (hex) => {
        const digits = hex.length === 4 ? hex.replace(/[0-9a-f]/gi, "$&$&") : hex;
        const [r, g, b] = [1, 3, 5]
            .map((i) => parseInt(digits.slice(i, i + 2), 16) / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
}
