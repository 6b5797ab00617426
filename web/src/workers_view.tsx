/* The workers: who trains, how fast, and who was last heard of when. */

import { api } from "./api";
import type { Worker } from "./api_types";
import { type Column, DataTable } from "./data_table";
import { ago, count, rate } from "./format";
import { usePolled } from "./poll";
import { useTitle } from "./view";

const columns: Column<Worker>[] = [
  {
    title: "worker",
    show: ({ host, pid }) => (
      <>
        {host} <span class="quiet">pid {pid}</span>
      </>
    ),
  },
  { title: "processor", show: (worker) => worker.cpu },
  { title: "kernel", show: (worker) => worker.kernel },
  { title: "slots", style: "number", show: (worker) => count(worker.slots) },
  { title: "running", style: "number", show: (worker) => count(worker.running) },
  { title: "succeeded", style: "number", show: (worker) => count(worker.succeeded) },
  { title: "failed", style: "number", show: (worker) => count(worker.failed) },
  { title: "rate", style: "number", show: (worker) => rate(worker.trials_per_minute) },
  { title: "heard of", show: (worker) => ago(worker.seen_at, Date.now()) },
];

export function WorkersView() {
  useTitle("Workers");
  const { data } = usePolled("workers", 3000, (signal) => api.workers(signal));
  const alive = data?.workers.filter((worker) => worker.state === "alive") ?? [];
  const gone = data?.workers.filter((worker) => worker.state === "gone") ?? [];
  return (
    <>
      <h1>Workers</h1>
      {data !== undefined && alive.length === 0 && (
        <p class="empty">
          No worker is alive. Start one: <code>ninety-worker --daemon {location.origin}</code>
        </p>
      )}
      {alive.length > 0 && (
        <section class="card">
          <DataTable label="Table of live workers" columns={columns} rows={alive} />
        </section>
      )}
      {gone.length > 0 && (
        <details class="card">
          <summary>{count(gone.length)} not heard of any more</summary>
          <DataTable label="Table of workers gone" columns={columns} rows={gone.slice(0, 100)} />
        </details>
      )}
    </>
  );
}
