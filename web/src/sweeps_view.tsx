/* All sweeps, newest first, each with its progress. */

import { useState } from "preact/hooks";
import { api } from "./api";
import type { Sweep } from "./api_types";
import { ago } from "./format";
import { usePolled } from "./poll";
import { paceText, ProgressBar, ProgressLegend, sizeText } from "./progress";
import { Loading, StateBadge, SweepActions, useTitle } from "./view";

const pageSize = 20;

export function SweepsView() {
  useTitle("Sweeps");
  // Where the pages begin: behind which sweep. The first one begins with the newest.
  const [trail, setTrail] = useState<number[]>([]);
  const after = trail.at(-1) ?? null;
  const { data } = usePolled(`sweeps ${after}`, 2000, (signal) =>
    api.sweeps(after, pageSize, signal),
  );
  return (
    <>
      <div class="title-row">
        <h1>Sweeps</h1>
        <a class="button primary" href="#/new">
          New sweep
        </a>
      </div>
      {data === undefined && <Loading />}
      {data?.sweeps.length === 0 && (
        <p class="empty">
          No sweep yet. <a href="#/new">Submit the first</a>, or run{" "}
          <code>ninety submit --depth 1..7 --batch-norm none,before --replicates 5</code>
        </p>
      )}
      <ul class="sweeps">
        {data?.sweeps.map((sweep) => (
          <li key={sweep.id}>
            <SweepCard sweep={sweep} />
          </li>
        ))}
      </ul>
      {(trail.length > 0 || data?.next != null) && (
        <nav class="pager" aria-label="Pages of sweeps">
          <button disabled={trail.length === 0} onClick={() => setTrail(trail.slice(0, -1))}>
            Newer
          </button>
          <button disabled={data?.next == null} onClick={() => setTrail([...trail, data!.next!])}>
            Older
          </button>
        </nav>
      )}
    </>
  );
}

function SweepCard({ sweep }: { sweep: Sweep }) {
  return (
    <article class="card sweep" aria-labelledby={`sweep-${sweep.id}`}>
      <div class="title-row">
        <h2 id={`sweep-${sweep.id}`}>
          <a href={`#/sweeps/${sweep.id}`}>{sweep.name}</a>
        </h2>
        <StateBadge sweep={sweep} />
        <SweepActions sweep={sweep} />
      </div>
      <ProgressBar sweep={sweep} label={`Progress of ${sweep.name}`} />
      <div class="under-bar">
        <ProgressLegend sweep={sweep} />
        <p class="quiet">{paceText(sweep)}</p>
      </div>
      <p class="quiet">
        Sweep {sweep.id} · {sizeText(sweep)} · submitted {ago(sweep.created_at, Date.now())}
      </p>
    </article>
  );
}
