/* The workers: who trains, how fast, and who was last heard of when. */

import { api } from "./api";
import type { Worker } from "./api_types";
import { ago, count, rate } from "./format";
import { usePolled } from "./poll";
import { useTitle } from "./view";

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
          <WorkerTable label="Alive" workers={alive} />
        </section>
      )}
      {gone.length > 0 && (
        <details class="card">
          <summary>{count(gone.length)} not heard of any more</summary>
          <WorkerTable label="Gone" workers={gone.slice(0, 100)} />
        </details>
      )}
    </>
  );
}

function WorkerTable({ label, workers }: { label: string; workers: Worker[] }) {
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label={`${label}: table of workers`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Worker</th>
            <th scope="col">Processor</th>
            <th scope="col">Kernel</th>
            <th scope="col" class="number">
              Slots
            </th>
            <th scope="col" class="number">
              Running
            </th>
            <th scope="col" class="number">
              Succeeded
            </th>
            <th scope="col" class="number">
              Failed
            </th>
            <th scope="col" class="number">
              Rate
            </th>
            <th scope="col">Seen</th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <tr key={worker.id}>
              <th scope="row">
                {worker.host} <span class="quiet">pid {worker.pid}</span>
              </th>
              <td>{worker.cpu}</td>
              <td>{worker.kernel}</td>
              <td class="number">{count(worker.slots)}</td>
              <td class="number">{count(worker.running)}</td>
              <td class="number">{count(worker.succeeded)}</td>
              <td class="number">{count(worker.failed)}</td>
              <td class="number">{rate(worker.trials_per_minute)}</td>
              <td>{ago(worker.seen_at, Date.now())}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
