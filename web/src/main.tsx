import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { percent } from "./format";

interface Sweep {
    id: number;
    name: string;
    trials: number;
    succeeded: number;
}

function App() {
    const [sweeps, setSweeps] = useState<Sweep[]>([]);
    useEffect(() => {
        void fetch("/v1/sweeps")
            .then((answer) => answer.json() as Promise<{ sweeps: Sweep[] }>)
            .then((body) => setSweeps(body.sweeps));
    }, []);
    return (
        <main>
            <h1>ninety</h1>
            <ul>
                {sweeps.map((sweep) => (
                    <li key={sweep.id}>
                        {sweep.name}: {percent(sweep.trials > 0 ? sweep.succeeded / sweep.trials : null)}
                    </li>
                ))}
            </ul>
        </main>
    );
}

const root = document.getElementById("app");
if (root !== null) {
    render(<App />, root);
}
