/* The sweeps of examples/, to begin with. */

import activations from "../examples/activations.json";
import depthBatchNorm from "../examples/depth-batch-norm.json";
import sevenLayers from "../examples/seven-layers.json";
import smoke from "../examples/smoke.json";
import timeCost from "../examples/time-cost.json";

export const examples = [
  { name: "depth and batch normalization", text: depthBatchNorm },
  { name: "seven layers", text: sevenLayers },
  { name: "activations", text: activations },
  { name: "the cost in time", text: timeCost },
  { name: "smoke test, in seconds", text: smoke },
];
