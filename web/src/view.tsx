/* What several views share: the window's title, a sweep's state, its buttons. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "./api";
import type { Sweep, SweepAction } from "./api_types";
import { wake } from "./connection";
import { count, counted } from "./format";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ninety`;
  }, [title]);
}

export function Loading() {
  return (
    <p class="empty" role="status">
      Loading…
    </p>
  );
}

export function StateBadge({ sweep: { state, failed } }: { sweep: Sweep }) {
  return state === "finished" && failed > 0 ? (
    <span class="badge is-flawed">finished, {count(failed)} failed</span>
  ) : (
    <span class={`badge is-${state}`}>{state}</span>
  );
}

function offered(sweep: Sweep): SweepAction[] {
  const live: SweepAction[] =
    sweep.state === "active"
      ? ["pause", "cancel"]
      : sweep.state === "paused"
        ? ["resume", "cancel"]
        : [];
  return sweep.failed + sweep.cancelled > 0 ? [...live, "retry"] : live;
}

const words: Record<SweepAction, string> = {
  pause: "Pause",
  resume: "Resume",
  cancel: "Cancel…",
  retry: "Retry",
};

function retryText({ failed, cancelled }: Sweep): string {
  const kinds = [failed > 0 ? "failed" : "", cancelled > 0 ? "cancelled" : ""];
  return `${words.retry} ${kinds.filter((kind) => kind !== "").join(" and ")}`;
}

export function SweepActions({ sweep }: { sweep: Sweep }) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const act = async (action: SweepAction) => {
    setBusy(true);
    setProblem("");
    try {
      await api.act(sweep.id, action);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
    wake();
  };
  return (
    <div class="actions">
      {offered(sweep).map((action) => (
        <button
          key={action}
          disabled={busy}
          onClick={() => (action === "cancel" ? setAsking(true) : void act(action))}
        >
          {action === "retry" ? retryText(sweep) : words[action]}
          <span class="visually-hidden"> {sweep.name}</span>
        </button>
      ))}
      <p class="problem" role="alert">
        {problem}
      </p>
      {asking && (
        <CancelDialog
          sweep={sweep}
          close={(sure) => {
            setAsking(false);
            if (sure) {
              void act("cancel");
            }
          }}
        />
      )}
    </div>
  );
}

function CancelDialog({ sweep, close }: { sweep: Sweep; close: (sure: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby="cancel-title"
      onClose={() => close(dialog.current!.returnValue === "yes")}
    >
      <form method="dialog">
        <h2 id="cancel-title">Cancel “{sweep.name}”?</h2>
        <p>
          {counted(sweep.queued, "queued trial")} and {counted(sweep.running, "running one")} end:
          the queued at once, the running as their workers next report. What has been measured
          stays; Retry queues the cancelled ones again.
        </p>
        <div class="actions">
          <button value="no">Keep it running</button>
          <button value="yes" class="danger">
            Cancel the sweep
          </button>
        </div>
      </form>
    </dialog>
  );
}
