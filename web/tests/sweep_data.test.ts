import assert from "node:assert/strict";
import { test } from "node:test";
import type { Trial } from "../src/api_types";
import { maxTrials, SweepLoader } from "../src/sweep_data";
import { sweep, trial } from "./rows";

/** A daemon with one sweep of n trials that notes what it is asked. */
function fakeDaemon(n: number) {
  const trials = Array.from({ length: n }, (_, i): Trial => trial({ id: i + 1, state: "queued" }));
  const asked: string[] = [];
  const of = (state: string) => trials.filter((one) => one.state === state).length;
  return {
    asked,
    trials,
    sweep: async () =>
      sweep({ trials: n, queued: of("queued"), succeeded: of("succeeded"), failed: of("failed") }),
    summary: async () => {
      asked.push("summary");
      return { summary: [] };
    },
    failures: async () => {
      asked.push("failures");
      return { trials: trials.filter((one) => one.state === "failed") };
    },
    page: async (_id: number, after: number, limit: number) => {
      asked.push(`trials after ${after}`);
      return { trials: trials.slice(after, after + limit), next: null };
    },
  };
}

function loaderFor(daemon: ReturnType<typeof fakeDaemon>) {
  let now = 0;
  const source = {
    sweep: daemon.sweep,
    summary: daemon.summary,
    failures: daemon.failures,
    trials: daemon.page,
  };
  const loader = new SweepLoader(source, 1, () => now);
  return {
    load: () => loader.load(new AbortController().signal),
    wait: (ms: number) => {
      now += ms;
    },
  };
}

test("nothing but the counters is asked for while they stand still", async () => {
  const daemon = fakeDaemon(3);
  const { load, wait } = loaderFor(daemon);
  const first = await load();
  daemon.asked.length = 0;
  wait(60_000);
  assert.equal((await load()).version, first.version);
  assert.deepEqual(daemon.asked, []);
});

test("pages of trials that all succeeded are not asked for again", async () => {
  const daemon = fakeDaemon(1200);
  daemon.trials.slice(0, 700).forEach((one) => Object.assign(one, { state: "succeeded" }));
  const { load, wait } = loaderFor(daemon);
  assert.equal((await load()).trials!.length, 1200);
  daemon.asked.length = 0;
  daemon.trials[700]!.state = "succeeded";
  wait(60_000);
  assert.equal((await load()).trials![700]!.state, "succeeded");
  assert.deepEqual(
    daemon.asked.filter((what) => what.startsWith("trials")),
    ["trials after 500", "trials after 1000"],
  );
});

test("results that trickle in are loaded together", async () => {
  const daemon = fakeDaemon(3);
  const { load, wait } = loaderFor(daemon);
  await load();
  daemon.asked.length = 0;
  daemon.trials[0]!.state = "succeeded";
  wait(1000);
  const early = await load();
  assert.deepEqual([early.sweep.succeeded, daemon.asked.length], [1, 0]);
  wait(1000);
  await load();
  assert.ok(daemon.asked.includes("summary"));
});

test("single trials of a very large sweep are never asked for", async () => {
  const daemon = fakeDaemon(maxTrials + 1);
  assert.equal((await loaderFor(daemon).load()).trials, null);
  assert.deepEqual(daemon.asked, ["summary"]);
});

test("failures are asked for when there are some", async () => {
  const daemon = fakeDaemon(2);
  daemon.trials[0]!.state = "failed";
  const { failures } = await loaderFor(daemon).load();
  assert.deepEqual(
    failures.map((one) => one.id),
    [1],
  );
});
