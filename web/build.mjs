// Builds the dashboard: node build.mjs SOURCE_DIR WORK_DIR OUT_DIR
//
//     SOURCE_DIR --copy--> WORK_DIR --npm ci, tsc, esbuild--> OUT_DIR/{app.js,app.css,tests.mjs,*.gz}
//
// Everything npm makes lives in WORK_DIR (the build tree), so the source tree stays clean. npm runs
// only when the lock file changed since it last succeeded; install scripts never run.
import { execFileSync } from "node:child_process";
import {
    cpSync,
    existsSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

const [source, work, out] = process.argv.slice(2).map((path) => resolve(path));
const manifests = ["package.json", "package-lock.json", ".npmrc"];
const trees = [
    ["src", "src"],
    ["tests", "tests"],
    ["../examples", "examples"],
];

function run(command, args) {
    try {
        execFileSync(command, args, {
            cwd: work,
            stdio: ["ignore", "pipe", "pipe"],
            encoding: "utf8",
        });
    } catch (error) {
        process.stderr.write(`${error.stdout ?? ""}${error.stderr ?? ""}`);
        console.error(
            `web: ${command} ${args[0]} failed; -Dweb=disabled builds without the dashboard`,
        );
        process.exit(1);
    }
}

function copySources() {
    mkdirSync(work, { recursive: true });
    for (const [from, name] of trees) {
        rmSync(join(work, name), { recursive: true, force: true });
        cpSync(join(source, from), join(work, name), { recursive: true });
    }
    for (const file of [...manifests, "tsconfig.json"]) {
        cpSync(join(source, file), join(work, file));
    }
}

function installPackages() {
    const stamp = join(work, "installed");
    const wanted = manifests.map((file) => readFileSync(join(source, file), "utf8")).join("\0");
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) {
        return;
    }
    rmSync(stamp, { force: true });
    run("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]);
    writeFileSync(stamp, wanted);
}

async function bundle() {
    const esbuild = createRequire(join(work, "package.json"))("esbuild");
    const common = {
        absWorkingDir: work,
        bundle: true,
        format: "esm",
        logLevel: "warning",
        jsx: "automatic",
        jsxImportSource: "preact",
        loader: { ".json": "text" },
    };
    const testFiles = readdirSync(join(work, "tests")).filter((name) => name.endsWith(".test.ts"));
    await Promise.all([
        esbuild.build({
            ...common,
            outdir: out,
            minify: true,
            entryPoints: [
                { in: "src/main.tsx", out: "app" },
                { in: "src/style.css", out: "app" },
            ],
            target: "es2022",
            legalComments: "eof",
        }),
        esbuild.build({
            ...common,
            platform: "node",
            outfile: join(out, "tests.mjs"),
            stdin: {
                contents: testFiles.map((name) => `import "./tests/${name}";`).join("\n"),
                resolveDir: work,
            },
        }),
    ]);
}

/** What browsers take compressed is compressed here, once. */
function compress() {
    for (const name of ["app.js", "app.css"]) {
        const packed = gzipSync(readFileSync(join(out, name)), { level: 9 });
        writeFileSync(join(out, `${name}.gz`), packed);
    }
}

copySources();
installPackages();
run(process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "--noEmit"]);
await bundle().catch(() => process.exit(1)); // esbuild has printed what is wrong
compress();
