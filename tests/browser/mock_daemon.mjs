// A stand-in for ninetyd, for work on the dashboard without C: it speaks the people's half of
// docs/http-api.md, with made-up curves from a seeded generator and trials that end by the clock.
//
//     node tests/browser/mock_daemon.mjs ASSETS_DIR [--port N] [--token T] [--speed X]
//
// ASSETS_DIR holds app.js and app.css (build/web); index.html comes from web/src.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const csp = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";
const articleUnits = [500, 400, 300, 200, 100, 50, 25];
const defaults = {
    dataset: "mnist",
    activation: "relu",
    batch_norm: "none",
    initializer: "he_normal",
    optimizer: "adam",
    learning_rate: 0.01,
    batch_size: 550,
    train_size: 55000,
    target_accuracy: 0.9,
    max_steps: 2000,
    stop_at_target: true,
};

/** Numbers in [0, 1) that depend on the key alone (mulberry32 over an FNV-1a hash). */
function generator(key) {
    let state = 0x811c9dc5;
    for (const character of key)
        state = Math.imul(state ^ character.charCodeAt(0), 0x01000193) >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), state | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

/** Steps to target of a made-up run, with the article's shape: depth costs steps without BN. */
function simulate(config) {
    const random = generator(JSON.stringify(config));
    const depth = config.hidden_units.length;
    const slow =
        { relu: 1, leaky_relu: 0.95, elu: 0.85, tanh: 1.5, sigmoid: 7 }[config.activation] ?? 1;
    const rate = Math.abs(Math.log10(config.learning_rate / 0.01)) * 1.2;
    const base =
        config.batch_norm === "none"
            ? (13 + 5.2 * depth) * (depth > 2 ? slow * (slow > 2 ? depth : 1) : Math.sqrt(slow))
            : 13 + 1.2 * depth + slow;
    const steps = Math.max(
        3,
        Math.round(base * Math.exp(rate + 0.28 * (random() + random() + random() - 1.5))),
    );
    const ms =
        (2.1 + 1.5 * depth) * (config.batch_norm === "none" ? 1 : 1.04) * (0.97 + 0.06 * random());
    const reached = steps <= config.max_steps;
    const last = reached ? steps : config.max_steps;
    const every = config.measure_every ?? 0;
    const isPoint = (step) =>
        step === last || (every ? step % every === 0 : step >= 8 && (step & (step - 1)) === 0);
    const points = Array.from({ length: last }, (_, i) => i + 1).filter(isPoint);
    const ceiling = reached ? config.target_accuracy + 0.002 : 0.35 + 0.5 * random();
    const measurements = points.map((step) => ({
        step,
        test_accuracy: Math.min(
            ceiling,
            0.1 +
                (ceiling - 0.1) * Math.pow(step / last, 0.3) +
                (step === last ? 0 : 0.03 * (random() - 0.5)),
        ),
        train_loss: 2.3 * Math.exp((-2 * step) / last),
        cpu_ms: step * ms,
        wall_ms: step * ms * 1.01,
    }));
    return {
        steps: last,
        steps_to_target: reached ? steps : null,
        ms_per_step: ms,
        seconds_to_target: reached ? (steps * ms) / 1000 : null,
        measurements,
        final_accuracy: measurements.at(-1).test_accuracy,
        final_loss: measurements.at(-1).train_loss,
    };
}

/** A made-up number of a layer: gradients shrink toward the input, more so without BN. */
function layerValue(config, value, step, layer) {
    const random = generator(`${JSON.stringify(config)} ${step} ${layer}`);
    const depth = config.hidden_units.length;
    const hidden = layer < depth;
    const bounded = ["sigmoid", "tanh"].includes(config.activation);
    const plain = config.batch_norm === "none";
    if (value === "saturated") {
        return hidden && bounded ? (plain ? 0.4 : 0.1) * random() : null;
    }
    if (value === "dead") {
        return hidden && config.activation === "relu" ? (plain ? 0.3 : 0) * random() : null;
    }
    const keep = plain ? ({ sigmoid: 0.2, tanh: 0.5 }[config.activation] ?? 0.6) : 0.75;
    return 0.04 * Math.pow(keep, depth - layer) * Math.exp(0.6 * (random() - 0.5));
}

/** Between two numbers interpolated; null of nothing, and beyond every number. */
function quantile(sorted, q) {
    const at = (sorted.length - 1) * q,
        low = sorted[Math.floor(at)],
        high = sorted[Math.ceil(at)];
    const value = low === high ? low : low + (high - low) * (at % 1);
    return Number.isFinite(value) ? value : null;
}

/** As the daemon judges it. */
function outcomeOf(trial) {
    if (trial.state === "failed") {
        return trial.error.startsWith("diverged at step ") ? "diverged" : "failed";
    }
    if (trial.state === "succeeded") {
        return trial.steps_to_target === null ? "censored" : "reached";
    }
    return trial.state === "cancelled" ? "cancelled" : "pending";
}

class Sweep {
    constructor(id, spec, options = {}) {
        Object.assign(this, { id, spec, state: "active", created: Date.now() });
        this.trialsPerSecond = options.trialsPerSecond ?? 6;
        this.layerStats = options.layerStats ?? true; // does its trainer report any?
        const axes = Object.entries(spec.parameters ?? {});
        let cells = [{}];
        for (const [field, values] of axes) {
            cells = cells.flatMap((cell) => values.map((value) => ({ ...cell, [field]: value })));
        }
        this.cells = cells.map((cell) => resolve({ ...spec.base, ...cell }));
        this.trials = this.cells.flatMap((config, cell) =>
            Array.from({ length: spec.replicates ?? 1 }, (_, replicate) => ({
                cell,
                replicate,
                config: { ...config, seed: (spec.seed ?? 0) + replicate },
                state: "queued",
                attempts: 0,
            })),
        );
        this.order = this.trials.map((_, i) => i);
        const random = generator(`order ${id}`);
        for (let i = this.order.length - 1; i > 0; i--) {
            const j = Math.floor(random() * (i + 1));
            [this.order[i], this.order[j]] = [this.order[j], this.order[i]];
        }
        this.due = 0;
        this.advance(options.done ?? 0);
    }

    advance(count) {
        this.due += count;
        for (const at of this.order) {
            const trial = this.trials[at];
            if (trial.state !== "queued" && trial.state !== "running") continue;
            if (this.due < 1) {
                break;
            }
            this.due -= 1;
            const failed = generator(`fail ${this.id} ${at} ${trial.retried ?? 0}`)() < 0.02;
            Object.assign(
                trial,
                failed
                    ? {
                          state: "failed",
                          error: "diverged at step 12: the training loss is not finite",
                          attempts: 1,
                      }
                    : { state: "succeeded", ...simulate(trial.config), attempts: 1, error: null },
            );
        }
        const open = this.order.filter((at) =>
            ["queued", "running"].includes(this.trials[at].state),
        );
        open.forEach((at, rank) => {
            this.trials[at].state = rank < 2 && this.state === "active" ? "running" : "queued";
        });
        if (open.length === 0 && this.state !== "cancelled") this.state = "finished";
    }

    count(state) {
        return this.trials.filter((trial) => trial.state === state).length;
    }

    json() {
        const left = this.count("queued") + this.count("running");
        const reached = this.trials.filter(
            (t) => t.state === "succeeded" && t.steps_to_target !== null,
        ).length;
        return {
            id: this.id,
            name: this.spec.name ?? "sweep",
            state: this.state,
            search: "grid",
            priority: 0,
            max_running: 0,
            max_attempts: 3,
            replicates: this.spec.replicates ?? 1,
            seed: this.spec.seed ?? 0,
            cells: this.cells.length,
            trials: this.trials.length,
            ...Object.fromEntries(
                ["queued", "running", "succeeded", "failed", "cancelled"].map((s) => [
                    s,
                    this.count(s),
                ]),
            ),
            reached,
            censored: this.count("succeeded") - reached,
            diverged: this.trials.filter((t) => outcomeOf(t) === "diverged").length,
            reuse: false,
            reused: 0,
            trials_per_minute: this.state === "active" ? this.trialsPerSecond * 60 : 0,
            seconds_left: this.state === "active" ? left / this.trialsPerSecond : null,
            created_at: new Date(this.created).toISOString(),
            finished_at: this.state === "finished" ? new Date().toISOString() : null,
        };
    }

    summary() {
        return this.cells.flatMap((config, cell) => {
            const mine = this.trials.filter((t) => t.cell === cell);
            const ended = mine.filter((t) => t.state === "succeeded");
            const diverged = mine.filter((t) => outcomeOf(t) === "diverged");
            const figured = [...ended, ...diverged];
            const steps = figured.map((t) => t.steps_to_target ?? Infinity).sort((a, b) => a - b);
            const seconds = figured
                .map((t) => t.seconds_to_target ?? Infinity)
                .sort((a, b) => a - b);
            const reached = steps.filter(Number.isFinite).length;
            return [
                {
                    sweep: this.id,
                    sweep_name: this.spec.name,
                    cell,
                    ...columns(config),
                    n: figured.length,
                    reached,
                    censored: ended.length - reached,
                    diverged: diverged.length,
                    median_steps: quantile(steps, 0.5),
                    q1_steps: quantile(steps, 0.25),
                    q3_steps: quantile(steps, 0.75),
                    median_seconds: quantile(seconds, 0.5),
                    failed: mine.filter((t) => outcomeOf(t) === "failed").length,
                    cancelled: mine.filter((t) => t.state === "cancelled").length,
                    pending: mine.filter((t) => t.state === "queued" || t.state === "running")
                        .length,
                    mean_ms_per_step:
                        ended.length > 0
                            ? ended.reduce((sum, t) => sum + t.ms_per_step, 0) / ended.length
                            : null,
                    kernel: "SkylakeX",
                    trainer: "ninety-trainer 0.1.0",
                    cpu: "a CPU",
                },
            ];
        });
    }
}

/** Steps 1, 2, 4, ... that some trial has gone beyond. */
function layerSteps(sweep) {
    const ended = sweep.trials.filter((trial) => sweep.layerStats && trial.steps);
    const most = Math.max(0, ...ended.map((trial) => trial.steps));
    return Array.from({ length: 12 }, (_, i) => 2 ** i)
        .filter((step) => step < most)
        .map((step) => ({ step, trials: ended.filter((trial) => trial.steps >= step).length }));
}

function layerRows(sweep, value, step, wanted) {
    return sweep.cells.flatMap((config, cell) => {
        const trials = sweep.trials.filter((t) => t.cell === cell && t.steps >= step);
        const last = config.hidden_units.length;
        if (!sweep.layerStats || trials.length === 0 || cell !== wanted) {
            return [];
        }
        return Array.from({ length: last + 1 }, (_, layer) => {
            const values = trials
                .map((trial) => layerValue(trial.config, value, step, layer))
                .filter((one) => one !== null)
                .sort((a, b) => a - b);
            return {
                sweep: sweep.id,
                cell,
                ...columns(config),
                step,
                layer,
                trials: trials.length,
                q1: quantile(values, 0.25),
                median: quantile(values, 0.5),
                q3: quantile(values, 0.75),
            };
        });
    });
}

function resolve({ depth, width, ...config }) {
    const hidden_units =
        config.hidden_units ??
        (width ? Array(depth).fill(width) : articleUnits.slice(0, depth ?? 7));
    return { ...defaults, ...config, hidden_units };
}

const columns = (config) => ({
    ...config,
    depth: config.hidden_units.length,
    hidden_units: config.hidden_units.join(","),
    stop_at_target: Number(config.stop_at_target),
});

export class MockDaemon {
    constructor({ assets, token = "", speed = 1, fixtures = true }) {
        Object.assign(this, { assets, token, speed, sweeps: [], broken: false });
        if (fixtures) {
            this.add(
                {
                    name: "depth and batch normalization",
                    replicates: 5,
                    parameters: { depth: [1, 2, 3, 4, 5, 6, 7], batch_norm: ["none", "before"] },
                },
                { done: 70 },
            );
            this.add(
                {
                    name: "activations, seven layers",
                    replicates: 5,
                    base: { depth: 7, max_steps: 600 },
                    parameters: {
                        activation: ["sigmoid", "tanh", "relu", "elu", "leaky_relu"],
                        batch_norm: ["none", "before"],
                    },
                },
                { done: 31 },
            );
            this.add(
                {
                    name: "learning rate, a long sweep",
                    replicates: 40,
                    parameters: {
                        learning_rate: [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
                        batch_norm: ["none", "before", "after"],
                        depth: [1, 3, 5, 7],
                    },
                },
                { done: 900, trialsPerSecond: 20 },
            );
            this.sweeps[2].state = "paused";
        }
        this.server = createServer((request, response) => this.handle(request, response));
        this.timer = setInterval(() => {
            for (const sweep of this.sweeps) {
                if (sweep.state === "active")
                    sweep.advance((sweep.trialsPerSecond * this.speed) / 4);
            }
        }, 250);
    }

    add(spec, options) {
        this.sweeps.push(new Sweep(this.sweeps.length + 1, spec, options));
        return this.sweeps.at(-1);
    }

    listen(port = 0) {
        return new Promise((done) =>
            this.server.listen(port, "127.0.0.1", () => done(this.server.address().port)),
        );
    }

    close() {
        clearInterval(this.timer);
        this.server.closeAllConnections();
        this.server.close();
    }

    async handle(request, response) {
        const url = new URL(request.url, "http://mock");
        const send = (status, body) => {
            response.writeHead(status, { "content-type": "application/json" });
            response.end(JSON.stringify(body));
        };
        const refuse = (status, code, message, field) =>
            send(status, { error: { code, message, ...(field && { field }) } });
        if (url.pathname === "/" || url.pathname.startsWith("/assets/")) {
            return this.asset(url.pathname, response);
        }
        if (this.broken) return request.socket.destroy();
        if (this.token !== "" && request.headers.authorization !== `Bearer ${this.token}`) {
            return refuse(401, "unauthorized", "this daemon wants a token");
        }
        let text = "";
        for await (const chunk of request) text += chunk;
        const path = url.pathname.split("/").slice(2);
        const wanted = url.searchParams.get("sweep");
        const sweep = this.sweeps.find(
            (s) => s.id === Number(path[0] === "sweeps" ? path[1] : wanted),
        );
        switch (`${request.method} ${path[0]}/${path.length}`) {
            case "GET sweeps/1":
                return send(200, {
                    sweeps: this.sweeps.map((s) => s.json()).reverse(),
                    next: null,
                });
            case "POST sweeps/1":
                return this.submit(text, url, send, refuse);
            case "GET workers/1":
                return send(200, {
                    workers: [1, 2].map((id) => ({
                        id,
                        host: "node1",
                        pid: 4000 + id,
                        slots: 1,
                        cpu: "AMD EPYC",
                        kernel: "SkylakeX",
                        version: "0.1.0",
                        running: 1,
                        succeeded: 40,
                        failed: 1,
                        trials_per_minute: 31,
                        state: id === 1 ? "alive" : "gone",
                        registered_at: new Date().toISOString(),
                        seen_at: new Date().toISOString(),
                    })),
                });
        }
        if (!sweep) return refuse(404, "unknown_sweep", `there is no sweep ${path[1] ?? wanted}`);
        switch (`${request.method} ${path[0]}/${path.length}`) {
            case "GET sweeps/2":
                return send(200, { ...sweep.json(), spec: sweep.spec });
            case "POST sweeps/3":
                return this.move(sweep, path[2], send, refuse);
            case "GET summary/1":
                return send(200, { summary: sweep.summary() });
            case "GET trials/1":
                return this.trials(sweep, url, send);
            case "GET layers/2":
                return send(200, { steps: layerSteps(sweep) });
            case "GET layers/1": {
                const wanted = (name) => url.searchParams.get(name);
                const cell = Number(wanted("cell"));
                response.writeHead(200, { "content-type": "application/x-ndjson" });
                for (const row of layerRows(sweep, wanted("value"), Number(wanted("step")), cell))
                    response.write(JSON.stringify(row) + "\n");
                return response.end();
            }
            case "GET curves/1": {
                const cell = Number(url.searchParams.get("cell")),
                    replicates = Number(url.searchParams.get("replicates") ?? Infinity);
                response.writeHead(200, { "content-type": "application/x-ndjson" });
                sweep.trials.forEach((trial, at) => {
                    if (!trial.measurements || trial.replicate >= replicates || trial.cell !== cell)
                        return;
                    for (const m of trial.measurements) {
                        response.write(
                            JSON.stringify({
                                sweep: sweep.id,
                                trial: sweep.id * 100000 + at,
                                cell: trial.cell,
                                replicate: trial.replicate,
                                state: trial.state,
                                outcome: outcomeOf(trial),
                                ...columns(trial.config),
                                ...m,
                            }) + "\n",
                        );
                    }
                });
                return response.end();
            }
        }
        return refuse(404, "not_found", `there is no ${url.pathname}`);
    }

    trials(sweep, url, send) {
        const limit = Number(url.searchParams.get("limit") ?? 100),
            after = Number(url.searchParams.get("after") ?? 0);
        const state = url.searchParams.get("state");
        const all = sweep.trials
            .map((trial, at) => ({
                ...trial,
                outcome: outcomeOf(trial),
                id: sweep.id * 100000 + at,
                sweep: sweep.id,
                measurements: undefined,
                retried: undefined,
            }))
            .filter((trial) => trial.id > after && (!state || trial.state === state));
        const page = all.slice(0, limit);
        return send(200, { trials: page, next: all.length > limit ? page.at(-1).id : null });
    }

    submit(text, url, send, refuse) {
        let spec;
        try {
            spec = JSON.parse(text);
        } catch (error) {
            return refuse(400, "invalid_json", String(error.message));
        }
        for (const [field, values] of Object.entries(spec.parameters ?? {})) {
            if (field === "depth") {
                const at = values.findIndex((value) => !(value >= 1 && value <= 64));
                if (at >= 0)
                    return refuse(
                        400,
                        "invalid_field",
                        `depth must be an integer from 1 to 64, not ${values[at]}`,
                        `parameters.depth[${at}]`,
                    );
            } else if (!(field in defaults) && field !== "hidden_units" && field !== "width") {
                return refuse(
                    400,
                    "invalid_field",
                    `there is no field ${field}`,
                    `parameters.${field}`,
                );
            }
        }
        const sweep = new Sweep(this.sweeps.length + 1, spec);
        if (url.searchParams.get("dry_run") === "1")
            return send(200, { trials: sweep.trials.length, cells: sweep.cells.length });
        this.sweeps.push(sweep);
        return send(201, { ...sweep.json(), spec });
    }

    move(sweep, verb, send, refuse) {
        const wrong = () =>
            refuse(409, "conflict", `sweep ${sweep.id} is ${sweep.state}: it cannot ${verb}`);
        if (verb === "pause" && sweep.state === "active") sweep.state = "paused";
        else if (verb === "resume" && sweep.state === "paused") sweep.state = "active";
        else if (verb === "cancel" && (sweep.state === "active" || sweep.state === "paused")) {
            sweep.state = "cancelled";
            for (const trial of sweep.trials)
                if (["queued", "running"].includes(trial.state)) trial.state = "cancelled";
        } else if (verb === "retry") {
            const again = sweep.trials.filter((trial) =>
                ["failed", "cancelled"].includes(trial.state),
            );
            for (const trial of again)
                Object.assign(trial, { state: "queued", retried: (trial.retried ?? 0) + 1 });
            if (again.length > 0) sweep.state = "active";
        } else return wrong();
        return send(200, { ...sweep.json(), spec: sweep.spec });
    }

    asset(path, response) {
        const files = {
            "/": [join(here, "../../web/src/index.html"), "text/html; charset=utf-8"],
            "/assets/app.js": [join(this.assets, "app.js"), "text/javascript; charset=utf-8"],
            "/assets/app.css": [join(this.assets, "app.css"), "text/css; charset=utf-8"],
        };
        const [file, type] = files[path] ?? [];
        response.writeHead(file ? 200 : 404, {
            "content-type": type ?? "text/plain",
            "content-security-policy": csp,
            "cache-control": "no-store",
        });
        response.end(file ? readFileSync(file) : "");
    }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const { values, positionals } = parseArgs({
        allowPositionals: true,
        options: {
            port: { type: "string", default: "9190" },
            token: { type: "string", default: "" },
            speed: { type: "string", default: "1" },
        },
    });
    const mock = new MockDaemon({
        assets: positionals[0],
        token: values.token,
        speed: Number(values.speed),
    });
    console.log(`http://127.0.0.1:${await mock.listen(Number(values.port))}/`);
}
