// Pictures of every view, for the eye:
// node tests/browser/screenshots.mjs ASSETS_DIR OUT_DIR [NAME...]
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch } from "./browser.mjs";
import { MockDaemon } from "./mock_daemon.mjs";

const [assets, out, ...only] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const mock = new MockDaemon({ assets, speed: 0.05 });
const origin = `http://127.0.0.1:${await mock.listen()}/`;
const browser = await launch();

const views = {
    sweeps: { hash: "" },
    article: { hash: "#/sweeps/1", ready: ".plot svg" },
    running: { hash: "#/sweeps/2", ready: ".plot svg" },
    large: { hash: "#/sweeps/3", ready: ".plot svg" },
    workers: { hash: "#/workers" },
    submit: {
        hash: "#/new",
        act: async (page) => {
            await page.fill(
                "#spec",
                '{\n  "name": "too deep",\n  "parameters": {\n    "depth": [1, 3, 70]\n  }\n}\n',
            );
            await page.waitForSelector(".verdict .problem");
        },
    },
    cancel: { hash: "#/sweeps/2", ready: ".plot svg", act: (page) => page.click("text=Cancel…") },
    away: {
        hash: "#/sweeps/1",
        ready: ".plot svg",
        act: async (page) => {
            mock.broken = true;
            await page.waitForSelector(".banner");
            mock.broken = false;
        },
    },
    login: {
        hash: "",
        act: async (page) => {
            mock.token = "secret";
            await page.waitForSelector("dialog[open]");
            mock.token = "";
        },
    },
};
const shapes = { light: [1360, "light"], dark: [1360, "dark"], narrow: [390, "light"] };

for (const [name, view] of Object.entries(views)) {
    if (only.length > 0 && !only.includes(name)) {
        continue;
    }
    for (const [shape, [width, colorScheme]] of Object.entries(shapes)) {
        const page = await browser.newPage({
            viewport: { width, height: 900 },
            colorScheme,
            reducedMotion: "reduce",
        });
        page.on("console", (message) =>
            console.log(`${name} ${shape}: ${message.type()}: ${message.text()}`),
        );
        page.on("pageerror", (error) => console.log(`${name} ${shape}: ${error}`));
        await page.goto(origin + view.hash);
        await page.waitForSelector(view.ready ?? "h1");
        await page.waitForTimeout(700);
        await view.act?.(page);
        await page.waitForTimeout(200);
        await page.screenshot({ path: join(out, `${name}-${shape}.png`), fullPage: true });
        await page.close();
    }
}
await browser.close();
mock.close();
