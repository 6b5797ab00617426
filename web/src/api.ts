/*
 * The way to the daemon: requests with the token where one is needed, and every failure as one of
 * two kinds. ApiError: the daemon answered and refused. Unreachable: no usable answer came. Paths
 * are relative to the page's own address, so that it works below a path of a proxy, too.
 */

import type {
  CurveRow,
  LayerRow,
  LayerStep,
  Sweep,
  SweepAction,
  SweepDetail,
  SummaryRow,
  Trial,
  Worker,
} from "./api_types";
import { parseExact } from "./json_exact";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field: string | null = null,
  ) {
    super(message);
  }
}

export class Unreachable extends Error {}

const tokenKey = "ninety-token";

/** Kept for this tab only. */
export function setToken(token: string): void {
  sessionStorage.setItem(tokenKey, token);
}

export function hasToken(): boolean {
  return sessionStorage.getItem(tokenKey) !== null;
}

async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  const token = sessionStorage.getItem(tokenKey);
  if (token !== null) {
    headers.set("Authorization", `Bearer ${token}`);
  }
  let answer: Response;
  try {
    answer = await fetch(path, { ...options, headers, cache: "no-store" });
  } catch (error) {
    if (options.signal?.aborted) {
      throw error;
    }
    throw new Unreachable("the daemon does not answer");
  }
  if (!answer.ok) {
    throw await refusal(answer);
  }
  return answer;
}

async function refusal(answer: Response): Promise<Error> {
  const body = (await answer.json().catch(() => null)) as {
    error?: { code?: string; message?: string; field?: string };
  } | null;
  const message = body?.error?.message ?? `the daemon answered ${answer.status}`;
  if (answer.status >= 500) {
    return new Unreachable(message);
  }
  return new ApiError(answer.status, body?.error?.code ?? "", message, body?.error?.field ?? null);
}

async function get<T>(path: string, signal: AbortSignal): Promise<T> {
  const answer = await request(path, { signal });
  try {
    return parseExact(await answer.text()) as T;
  } catch (error) {
    if (signal.aborted) {
      throw error;
    }
    throw new Unreachable("the daemon's answer broke off");
  }
}

async function post<T>(
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<T> {
  const answer = await request(path, {
    method: "POST",
    body,
    headers: { "Content-Type": "application/json", ...headers },
  });
  return parseExact(await answer.text()) as T;
}

export const api = {
  sweeps: (after: number | null, limit: number, signal: AbortSignal) =>
    get<{ sweeps: Sweep[]; next: number | null }>(
      `v1/sweeps?limit=${limit}${after === null ? "" : `&after=${after}`}`,
      signal,
    ),

  sweep: (id: number, signal: AbortSignal) => get<SweepDetail>(`v1/sweeps/${id}`, signal),

  act: (id: number, action: SweepAction) => post<Sweep>(`v1/sweeps/${id}/${action}`, "{}"),

  workers: (signal: AbortSignal) => get<{ workers: Worker[] }>("v1/workers", signal),

  summary: (sweep: number, signal: AbortSignal) =>
    get<{ summary: SummaryRow[] }>(`v1/summary?sweep=${sweep}`, signal),

  trials: (sweep: number, after: number, limit: number, signal: AbortSignal) =>
    get<{ trials: Trial[]; next: number | null }>(
      `v1/trials?sweep=${sweep}&limit=${limit}${after > 0 ? `&after=${after}` : ""}`,
      signal,
    ),

  failures: (sweep: number, limit: number, signal: AbortSignal) =>
    get<{ trials: Trial[] }>(`v1/trials?sweep=${sweep}&state=failed&limit=${limit}`, signal),

  countTrials: (spec: string) =>
    post<{ trials: number; cells: number }>("v1/sweeps?dry_run=1", spec),

  submit: (spec: string, key: string) =>
    post<SweepDetail>("v1/sweeps", spec, { "Idempotency-Key": key }),

  /** Of the first replicates of each of the cells, which are few; up to `limit` rows of each. */
  curves(
    sweep: number,
    cells: number[],
    replicates: number,
    limit: number,
    signal: AbortSignal,
  ): Promise<{ rows: CurveRow[]; cut: boolean }> {
    const path = `v1/curves?sweep=${sweep}&replicates=${replicates}`;
    return getCells<CurveRow>(path, cells, limit, signal);
  },

  layerSteps: (sweep: number, signal: AbortSignal) =>
    get<{ steps: LayerStep[] }>(`v1/layers/steps?sweep=${sweep}`, signal),

  /** A row for each layer of the cells, which are few. */
  async layers(
    sweep: number,
    { value, step, cells }: { value: string; step: number; cells: number[] },
    signal: AbortSignal,
  ): Promise<LayerRow[]> {
    const path = `v1/layers?sweep=${sweep}&value=${value}&step=${step}`;
    return (await getCells<LayerRow>(path, cells, Infinity, signal)).rows;
  },

  /** Saves a list as a file; a plain link could not carry the token. */
  async download(path: string, name: string): Promise<void> {
    const blob = await (await request(path)).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  },
};

/** Cell by cell: of a whole sweep the rows may be far too many. */
async function getCells<T>(path: string, cells: number[], limit: number, signal: AbortSignal) {
  const lists = await Promise.all(
    cells.map((cell) => getRows<T>(`${path}&cell=${cell}`, limit, signal)),
  );
  return { rows: lists.flatMap((list) => list.rows), cut: lists.some((list) => list.cut) };
}

/** A list, whose stream is left when `limit` rows are here. */
async function getRows<T>(
  path: string,
  limit: number,
  signal: AbortSignal,
): Promise<{ rows: T[]; cut: boolean }> {
  const answer = await request(`${path}&format=ndjson`, { signal });
  const rows: T[] = [];
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = done ? "" : lines.pop()!;
    for (const line of lines) {
      if (line === "") {
        continue;
      }
      if (rows.length === limit) {
        void reader.cancel();
        return { rows, cut: true };
      }
      rows.push(parseExact(line) as T);
    }
    if (done) {
      return { rows, cut: false };
    }
  }
}
