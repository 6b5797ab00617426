/* One sweep: progress, the figures, the table of cells, and what failed. */

import { useMemo, useState } from "preact/hooks";
import { api } from "./api";
import type { SummaryRow } from "./api_types";
import { ArmChoices, useArms, useRows } from "./arms";
import { mixtures } from "./cells";
import { CellsTable } from "./cells_table";
import { Check, HeldChoices, Segments, Select } from "./controls";
import type { CurveAxis } from "./curves";
import { CurvesFigure } from "./curves_figure";
import { Failures } from "./failures";
import { chooseRoles, type Field, heldValues, varyingFields } from "./fields";
import { ago, fieldName, target } from "./format";
import { LayersCard } from "./layers_card";
import { usePolled } from "./poll";
import { paceText, ProgressAnnouncer, ProgressBar, ProgressLegend, sizeText } from "./progress";
import { maxSeries } from "./series";
import { setupOf } from "./setup";
import { StepsFigure } from "./steps_figure";
import { SweepLoader, type SweepSnapshot } from "./sweep_data";
import { Loading, StateBadge, SweepActions, useTitle } from "./view";

const maxCurves = 400;
const maxCurveRows = 20_000;

export function SweepView({ id }: { id: number }) {
  const loader = useMemo(() => new SweepLoader(api, id, () => performance.now()), [id]);
  const { data, error } = usePolled(`sweep ${id}`, 1000, (signal) => loader.load(signal));
  useTitle(data?.sweep.name ?? `Sweep ${id}`);
  if (error !== undefined) {
    return (
      <>
        <h1>Sweep {id}</h1>
        <p class="empty" role="alert">
          {error.message}. <a href="#/">All sweeps</a>
        </p>
      </>
    );
  }
  if (data === undefined) {
    return (
      <>
        <h1>Sweep {id}</h1>
        <Loading />
      </>
    );
  }
  return <LoadedSweep snapshot={data} />;
}

function LoadedSweep({ snapshot }: { snapshot: SweepSnapshot }) {
  const { sweep, summary, failures } = snapshot;
  const fields = useMemo(() => varyingFields(sweep.spec, summary), [snapshot.version]);
  return (
    <>
      <nav class="crumbs" aria-label="Where you are">
        <a href="#/">Sweeps</a> / {sweep.id}
      </nav>
      <div class="title-row">
        <h1>{sweep.name}</h1>
        <StateBadge sweep={sweep} />
        <SweepActions sweep={sweep} />
      </div>
      <section class="card" aria-label="Progress">
        <ProgressBar sweep={sweep} label="Progress" />
        <div class="under-bar">
          <ProgressLegend sweep={sweep} />
          <p class="pace">{paceText(sweep)}</p>
        </div>
        <p class="quiet">
          {sizeText(sweep)} · submitted{" "}
          <time dateTime={sweep.created_at}>{ago(sweep.created_at, Date.now())}</time>
        </p>
        <Setup rows={summary} fields={fields} />
        <ProgressAnnouncer sweep={sweep} />
      </section>
      {failures.length > 0 && (
        <Failures
          failures={failures}
          failed={sweep.failed}
          diverged={sweep.diverged}
          fields={fields}
        />
      )}
      <div class="figures">
        {fields.length > 0 && <StepsCard snapshot={snapshot} fields={fields} />}
        <CurvesCard snapshot={snapshot} fields={fields} />
        <LayersCard snapshot={snapshot} fields={fields} />
      </div>
      <section class="card" aria-labelledby="cells-title">
        <div class="title-row">
          <h2 id="cells-title">Cells</h2>
          <Downloads id={sweep.id} />
        </div>
        {summary.length === 0 ? (
          <p class="empty">No cell has begun.</p>
        ) : (
          <>
            {mixtures(summary).map((text) => (
              <p key={text} class="is-warned">
                {text}
              </p>
            ))}
            <CellsTable rows={summary} fields={fields} replicates={sweep.replicates} />
          </>
        )}
      </section>
    </>
  );
}

/** What was trained, before any figure of it. */
function Setup({ rows, fields }: { rows: SummaryRow[]; fields: Field[] }) {
  const facts = setupOf(
    rows,
    fields.map((field) => field.name),
  );
  return (
    <dl class="setup" aria-label="What is trained">
      {facts.map(({ term, text }) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function StepsCard({ snapshot, fields }: { snapshot: SweepSnapshot; fields: Field[] }) {
  const [wanted, setWanted] = useState<{ x?: string | null; series?: string | null }>({});
  const [chosen, setChosen] = useState<Record<string, string>>({});
  const [scale, setScale] = useState("auto");
  const roles = chooseRoles(fields, wanted);
  const byName = (name: string | null) => fields.find((field) => field.name === name) ?? null;
  const held = heldValues(fields, roles.held, chosen, snapshot.summary);
  const x = byName(roles.x);
  const option = (field: Field) => ({ value: field.name, label: fieldName(field.name) });
  const few = fields.filter((field) => field.values.length <= maxSeries && field.name !== roles.x);
  const goal = commonGoal(snapshot);
  return (
    <section class="card" aria-labelledby="steps-title">
      <h2 id="steps-title">Steps to {goal === null ? "the target" : target(goal)}</h2>
      <div class="controls">
        {fields.length > 1 && (
          <>
            <Select
              label="along"
              value={roles.x ?? ""}
              options={fields.map(option)}
              choose={(name) => setWanted({ ...wanted, x: name })}
            />
            <Select
              label="colour"
              value={roles.series ?? ""}
              options={[...few.map(option), { value: "", label: "none" }]}
              choose={(name) => setWanted({ ...wanted, series: name === "" ? null : name })}
            />
          </>
        )}
        <HeldChoices
          fields={fields}
          held={held}
          choose={(name, key) => setChosen({ ...chosen, [name]: key })}
        />
        <Segments
          label="scale"
          value={scale}
          choose={setScale}
          options={[
            { value: "auto", label: "auto" },
            { value: "linear", label: "linear" },
            { value: "log", label: "log" },
          ]}
        />
      </div>
      {x === null || snapshot.summary.every((row) => row.n === 0) ? (
        <p class="empty">No trial has ended yet.</p>
      ) : (
        <StepsFigure
          rows={snapshot.summary}
          trials={snapshot.trials}
          x={x}
          series={byName(roles.series)}
          held={held}
          log={scale === "auto" ? null : scale === "log"}
          version={[snapshot.version, roles.x, roles.series, JSON.stringify(held), scale].join()}
        />
      )}
    </section>
  );
}

function CurvesCard({ snapshot, fields }: { snapshot: SweepSnapshot; fields: Field[] }) {
  const arms = useArms(fields, snapshot.summary);
  const [axis, setAxis] = useState<CurveAxis>("step");
  const [log, setLog] = useState(false);
  const { data, loads, replicates } = useCurves(snapshot, arms.cells);
  const goal = commonGoal(snapshot);
  return (
    <section class="card" aria-labelledby="curves-title">
      <h2 id="curves-title">Accuracy as training goes on</h2>
      <div class="controls">
        <Segments
          label="against"
          value={axis}
          choose={(value) => setAxis(value as CurveAxis)}
          options={[
            { value: "step", label: "steps" },
            { value: "time", label: "training time" },
          ]}
        />
        <ArmChoices arms={arms} />
        <Check label="log" checked={log} choose={setLog} />
      </div>
      {data === undefined ? (
        <Loading />
      ) : data.rows.length === 0 ? (
        <p class="empty">Nothing has been measured here yet.</p>
      ) : (
        <CurvesFigure
          rows={data.rows}
          replicates={{ loaded: replicates, all: snapshot.sweep.replicates }}
          cut={data.cut}
          series={arms.series}
          held={arms.held}
          axis={axis}
          log={log}
          goal={goal}
          version={[loads, arms.key, axis, log].join()}
        />
      )}
    </section>
  );
}

/** Learning curves of the first replicates of each cell. */
function useCurves(snapshot: SweepSnapshot, cells: number[]) {
  const share = (of: number) => Math.max(1, Math.floor(of / Math.max(1, cells.length)));
  const replicates = share(maxCurves);
  const rows = useRows(`curves ${cells.join()}`, snapshot, (signal) =>
    api.curves(snapshot.sweep.id, cells, replicates, share(maxCurveRows), signal),
  );
  return { ...rows, replicates };
}

function commonGoal(snapshot: SweepSnapshot): number | null {
  const goals = new Set(snapshot.summary.map((row) => row.target_accuracy));
  const goal = [...goals][0];
  return goals.size === 1 && typeof goal === "number" ? goal : null;
}

function Downloads({ id }: { id: number }) {
  const [problem, setProblem] = useState("");
  const save = (what: "results" | "summary") => {
    api.download(`v1/${what}?sweep=${id}&format=csv`, `ninety-${id}-${what}.csv`).then(
      () => setProblem(""),
      (error: Error) => setProblem(error.message),
    );
  };
  return (
    <div class="actions">
      <button onClick={() => save("summary")}>Cells as CSV</button>
      <button onClick={() => save("results")}>Trials as CSV</button>
      <p class="problem" role="alert">
        {problem}
      </p>
    </div>
  );
}
