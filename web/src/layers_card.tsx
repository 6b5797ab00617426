/* The card of the third figure: which arms, which number, which step. */

import { useState } from "preact/hooks";
import { api } from "./api";
import { ArmChoices, type Arms, useArms, useRows } from "./arms";
import { Select, Slider } from "./controls";
import type { Field } from "./fields";
import { quantities } from "./layers";
import { LayersFigure } from "./layers_figure";
import type { SweepSnapshot } from "./sweep_data";
import { Loading } from "./view";

export function LayersCard({ snapshot, fields }: { snapshot: SweepSnapshot; fields: Field[] }) {
  const id = snapshot.sweep.id;
  const arms = useArms(fields, snapshot.summary);
  const [value, setValue] = useState(quantities[0]!.value);
  const [wanted, setWanted] = useState(1);
  const known = useRows("layer steps", snapshot, (signal) => api.layerSteps(id, signal));
  const steps = known.data?.steps.map(({ step }) => step) ?? [];
  const step = steps.includes(wanted) ? wanted : (steps[0] ?? null);
  const quantity = quantities.find((one) => one.value === value)!;
  return (
    <section class="card" aria-labelledby="layers-title">
      <h2 id="layers-title">{quantity.title} by layer</h2>
      {known.data === undefined ? (
        <Loading />
      ) : step === null ? (
        <p class="empty">{nothing(snapshot)}</p>
      ) : (
        <>
          <div class="controls">
            <Select
              label="show"
              value={value}
              choose={setValue}
              options={quantities.map((one) => ({ value: one.value, label: one.label }))}
            />
            {steps.length > 1 && (
              <Slider label="step" values={steps} value={step} choose={setWanted} />
            )}
            <ArmChoices arms={arms} />
          </div>
          <LoadedLayers snapshot={snapshot} arms={arms} value={value} step={step} />
        </>
      )}
    </section>
  );
}

interface LoadedProps {
  snapshot: SweepSnapshot;
  arms: Arms;
  value: string;
  step: number;
}

/** While another step is on its way the last one stays, so that the slider moves a picture. */
function LoadedLayers({ snapshot, arms, value, step }: LoadedProps) {
  const { cells, key } = arms;
  const what = `layers ${value} ${step} ${cells.join()}`;
  const { last, loads } = useRows(what, snapshot, async (signal) => ({
    value,
    step,
    key,
    rows: await api.layers(snapshot.sweep.id, { value, step, cells }, signal),
  }));
  if (last === undefined || last.key !== key) {
    return <Loading />;
  }
  return (
    <LayersFigure
      rows={last.rows}
      step={last.step}
      quantity={quantities.find((one) => one.value === last.value)!}
      arms={arms}
      version={[loads, last.step, last.value, arms.key].join()}
    />
  );
}

function nothing({ sweep, summary }: SweepSnapshot): string {
  return sweep.running > 0 || summary.every((row) => row.n === 0)
    ? "Nothing has been measured here yet."
    : "The trainer of these trials has reported no statistics of their layers.";
}
