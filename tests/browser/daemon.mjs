// A real ninetyd with a local worker, on a port of its own and a database in a temporary folder.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export class Daemon {
    constructor(program) {
        this.program = resolve(program);
        this.folder = mkdtempSync(join(tmpdir(), "ninety-browser-"));
        this.port = 0;
        this.token = null;
    }

    /** The first start finds a free port; later ones come back on it. */
    async start({ workers = 1 } = {}) {
        const portFile = join(this.folder, "port");
        rmSync(portFile, { force: true });
        const access = this.token === null ? [] : ["--token-file", this.writeToken()];
        this.log = "";
        this.child = spawn(
            this.program,
            [
                "--listen",
                `127.0.0.1:${this.port}`,
                "--db",
                join(this.folder, "ninety.db"),
                "--port-file",
                portFile,
                "--workers",
                String(workers),
                "--die-with-parent",
                ...access,
            ],
            { stdio: ["ignore", "ignore", "pipe"], cwd: this.folder },
        );
        this.child.stderr.on("data", (chunk) => {
            this.log += chunk;
        });
        this.ended = new Promise((done) => this.child.once("exit", done));
        this.port = await this.readPort(portFile);
    }

    async readPort(file) {
        for (;;) {
            try {
                return Number(readFileSync(file, "utf8"));
            } catch {
                if (this.child.exitCode !== null) {
                    throw new Error(`ninetyd ended with ${this.child.exitCode}: ${this.log}`);
                }
                await new Promise((done) => setTimeout(done, 20));
            }
        }
    }

    writeToken() {
        const file = join(this.folder, "token");
        writeFileSync(file, `${this.token}\n`, { mode: 0o600 });
        return file;
    }

    get origin() {
        return `http://127.0.0.1:${this.port}/`;
    }

    async get(path) {
        const headers = this.token === null ? {} : { authorization: `Bearer ${this.token}` };
        return (await fetch(this.origin + path, { headers })).json();
    }

    /** Has a sweep trained to its end, once however often it is asked for; its id. */
    async finish(spec) {
        const answer = await fetch(`${this.origin}v1/sweeps`, {
            method: "POST",
            headers: { "Content-Type": "application/json", "Idempotency-Key": spec.name },
            body: JSON.stringify(spec),
        });
        const { id } = await answer.json();
        while ((await this.get(`v1/sweeps/${id}`)).state !== "finished") {
            await new Promise((done) => setTimeout(done, 50));
        }
        return id;
    }

    async stop(signal = "SIGTERM") {
        this.child.kill(signal);
        await this.ended;
    }

    async remove() {
        await this.stop();
        rmSync(this.folder, { recursive: true, force: true });
    }
}
