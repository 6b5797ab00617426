/* The frame of the page: header, banner, login, and which view the address names. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api, setToken } from "./api";
import { useConnection, wake } from "./connection";
import { counted } from "./format";
import { usePolled } from "./poll";
import { SubmitView } from "./submit_view";
import { SweepView } from "./sweep_view";
import { SweepsView } from "./sweeps_view";
import { WorkersView } from "./workers_view";

type Route = { view: "sweeps" | "new" | "workers" } | { view: "sweep"; id: number };

function routeOf(hash: string): Route {
  const sweep = /^#\/sweeps\/(\d+)$/.exec(hash);
  if (sweep !== null) {
    return { view: "sweep", id: Number(sweep[1]) };
  }
  return { view: hash === "#/new" ? "new" : hash === "#/workers" ? "workers" : "sweeps" };
}

export function App() {
  const [hash, setHash] = useState(location.hash);
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    const follow = () => {
      setHash(location.hash);
      scrollTo(0, 0);
      main.current?.focus();
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const route = routeOf(hash);
  return (
    <>
      <button class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <Header route={route} />
      <Banner />
      <Login />
      <main ref={main} tabIndex={-1}>
        {route.view === "sweeps" && <SweepsView />}
        {route.view === "sweep" && <SweepView key={route.id} id={route.id} />}
        {route.view === "new" && <SubmitView />}
        {route.view === "workers" && <WorkersView />}
      </main>
      <footer>
        <p>
          How many steps to ninety percent? For scripts: <code>ninety results</code>,{" "}
          <code>GET /v1/results</code>, <code>sqlite3 -readonly</code>.
        </p>
      </footer>
    </>
  );
}

function Header({ route }: { route: Route }) {
  const workers = usePolled("workers", 5000, (signal) => api.workers(signal));
  const alive = workers.data?.workers.filter((worker) => worker.state === "alive");
  const slots = alive?.reduce((sum, worker) => sum + worker.slots, 0) ?? 0;
  const link = (view: Route["view"], href: string, text: string) => {
    const within = view === "sweeps" && route.view === "sweep";
    return (
      <a href={href} aria-current={route.view === view ? "page" : within ? "true" : undefined}>
        {text}
      </a>
    );
  };
  return (
    <header class="top">
      <a class="brand" href="#/" aria-label="ninety, all sweeps">
        <svg width="28" height="28" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" fill="var(--accent)" />
          <path
            d="M6 25C11 25 10 10 26 9"
            fill="none"
            stroke="var(--card)"
            stroke-width="3"
            stroke-linecap="round"
          />
          <circle cx="26" cy="9" r="3.2" fill="var(--series-4)" />
        </svg>
        ninety
      </a>
      <nav aria-label="Views">
        {link("sweeps", "#/", "Sweeps")}
        {link("workers", "#/workers", "Workers")}
        {link("new", "#/new", "New sweep")}
      </nav>
      {alive !== undefined && (
        <a class={`pill ${alive.length > 0 ? "is-good" : "is-idle"}`} href="#/workers">
          <span class="lamp" />{" "}
          {alive.length > 0
            ? `${counted(alive.length, "worker")}, ${counted(slots, "slot")}`
            : "no workers"}
        </a>
      )}
    </header>
  );
}

/** Says that the daemon is away; what was loaded stays below it. */
function Banner() {
  const connection = useConnection();
  const [, redraw] = useState(0);
  const away = connection.kind === "away";
  useEffect(() => {
    const timer = away ? setInterval(() => redraw((n) => n + 1), 1000) : undefined;
    return () => clearInterval(timer);
  }, [away]);
  return (
    <div role="status">
      {connection.kind === "away" && (
        <div class="banner">
          <p>
            <b>No contact with the daemon</b> since{" "}
            {new Date(connection.sinceMs).toLocaleTimeString("en-GB")}: {connection.message}. What
            you see may be old.
          </p>
          <span aria-hidden="true">next try {retryText(connection.retryAtMs - Date.now())}</span>
          <button onClick={wake}>Try now</button>
        </div>
      )}
    </div>
  );
}

function retryText(leftMs: number): string {
  return leftMs > 500 ? `in ${Math.ceil(leftMs / 1000)} s` : "now";
}

function Login() {
  const connection = useConnection();
  const dialog = useRef<HTMLDialogElement>(null);
  const [token, setTyped] = useState("");
  const locked = connection.kind === "locked";
  useEffect(() => {
    if (locked && !dialog.current!.open) {
      dialog.current!.showModal();
    } else if (!locked) {
      dialog.current!.close();
    }
  }, [locked]);
  const enter = (event: Event) => {
    event.preventDefault();
    setToken(token.trim());
    setTyped("");
    wake();
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby="login-title"
      onClose={() => void (locked && dialog.current!.showModal())}
    >
      <form onSubmit={enter}>
        <h2 id="login-title">Access token</h2>
        <p>
          This daemon was started with <code>--token-file</code>. The token stays in this tab and is
          forgotten when it closes.
        </p>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          required
          value={token}
          aria-invalid={locked && connection.refused}
          aria-describedby="token-problem"
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <p id="token-problem" class="problem" role="alert">
          {locked && connection.refused ? "The daemon did not accept this token." : ""}
        </p>
        <div class="actions">
          <button class="primary">Go on</button>
        </div>
      </form>
    </dialog>
  );
}
