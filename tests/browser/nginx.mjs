// Debian's nginx before a daemon, with the plainest settings that its manual shows: on a port of its
// own, its files in a temporary folder.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why there is no nginx here; null when there is one. */
export function whyNoNginx() {
    try {
        execFileSync("nginx", ["-v"], { stdio: "ignore", env: withSbin() });
        return null;
    } catch {
        return "nginx is not installed";
    }
}

function withSbin() {
    return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
}

async function freePort() {
    const server = createServer();
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    return port;
}

export class Nginx {
    /** `locations`: the text within its one server, where DAEMON stands for the daemon's address. */
    async start(locations, daemonPort) {
        this.folder = mkdtempSync(join(tmpdir(), "ninety-nginx-"));
        this.port = await freePort();
        const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
            (name) => `${name}_temp_path ${this.folder}/${name};`,
        );
        const file = join(this.folder, "nginx.conf");
        writeFileSync(
            file,
            `daemon off; master_process off; pid ${this.folder}/pid; error_log stderr;
events {}
http {
    access_log off; ${temporary.join(" ")}
    server {
        listen 127.0.0.1:${this.port};
        ${locations.replaceAll("DAEMON", `127.0.0.1:${daemonPort}`)}
    }
}
`,
        );
        this.child = spawn("nginx", ["-e", "stderr", "-p", this.folder, "-c", file], {
            stdio: ["ignore", "ignore", "pipe"],
            env: withSbin(),
        });
        this.log = "";
        this.child.stderr.on("data", (chunk) => {
            this.log += chunk;
        });
        this.ended = new Promise((done) => this.child.once("exit", done));
        for (;;) {
            try {
                await fetch(`http://127.0.0.1:${this.port}/healthz`);
                return;
            } catch {
                if (this.child.exitCode !== null) {
                    throw new Error(`nginx ended with ${this.child.exitCode}: ${this.log}`);
                }
                await new Promise((done) => setTimeout(done, 20));
            }
        }
    }

    async stop() {
        this.child.kill();
        await this.ended;
        rmSync(this.folder, { recursive: true, force: true });
    }
}
