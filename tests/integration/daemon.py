"""A real ninetyd for the tests: started on a free port in a directory of its own, spoken to over
HTTP, killed, restarted. Nothing here sleeps for luck: everything is waited for, with a deadline."""
import http.client
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

NINETYD = os.environ["NINETYD"]
PATIENCE_S = 20


def alive(pid):
    """Whether the process runs: not ended, and no zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:  # ENOENT, or ESRCH when it ends while we read
        return False


def wait_until(true, what="it", patience_s=PATIENCE_S):
    """Polls until `true()` is true and returns that; fails after the deadline."""
    deadline = time.monotonic() + patience_s
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s} s for {what}")
        time.sleep(0.01)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)


class Connection:
    """One kept-alive connection; requests on it can be sent and received apart."""

    def __init__(self, port, token=None, host="127.0.0.1", timeout=PATIENCE_S):
        self.http = http.client.HTTPConnection(host, port, timeout=timeout)
        self.token = token

    def send(self, method, path, body=None, headers=None):
        fields = dict(headers or {})
        if self.token:
            fields["Authorization"] = f"Bearer {self.token}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            fields.setdefault("Content-Type", "application/json")
        self.http.request(method, path, body, fields)

    def receive(self):
        return Answer(self.http.getresponse())

    def call(self, method, path, body=None, headers=None):
        self.send(method, path, body, headers)
        return self.receive()

    def close(self):
        self.http.close()


class Daemon:
    """ninetyd with its files in `folder`. `restart` goes on with the same database."""

    def __init__(self, *flags, folder=None, program=NINETYD, env=None, listen="127.0.0.1:0"):
        self.temporary = None if folder else tempfile.TemporaryDirectory(prefix="ninety-")
        self.folder = pathlib.Path(folder or self.temporary.name)
        self.flags, self.program, self.env, self.listen = flags, program, env, listen
        self.token = None
        self.process = None
        self.start()

    def start(self, listen=None):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [str(self.program), "--listen", listen or self.listen, "--db",
                 str(self.folder / "ninety.db"), "--port-file", str(port_file), *self.flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, **(self.env or {})})
        wait_until(lambda: port_file.exists() or self.process.poll() is not None, "the port file")
        if not port_file.exists():  # with it, it has started, even if it has ended since
            raise AssertionError(f"ninetyd ended with {self.process.returncode}: {self.words()}")
        self.port = int(port_file.read_text())

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def words(self):
        return (self.folder / "log").read_text()

    def connect(self, **options):
        return Connection(self.port, options.pop("token", self.token), **options)

    def call(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            return connection.call(method, path, body, headers)
        finally:
            connection.close()

    def get(self, path):
        answer = self.call("GET", path)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json

    def post(self, path, body, status=None):
        answer = self.call("POST", path, body)
        assert answer.status in ([status] if status else [200, 201]), (path, answer.status,
                                                                       answer.body)
        return answer.json

    def sweep(self, n, **more):
        """Submits n trials of one small network; the sweep's id."""
        return self.post("/v1/sweeps", {"base": {"depth": 1, "width": 16}, "replicates": n,
                                        **more})["id"]

    def worker(self, **more):
        return self.post("/v1/workers", {"host": "test", "pid": os.getpid(), "slots": 64,
                                         **more})["worker"]

    def kill(self):
        """kill -9, as a power cut would have it."""
        self.process.kill()
        self.process.wait()

    def stop(self, patience_s=PATIENCE_S):
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patience_s)

    def restart(self):
        """At the same port, so that workers find it again."""
        self.start(listen=f"127.0.0.1:{self.port}")

    def close(self):
        if self.process.poll() is None:
            self.kill()
        if self.temporary:
            self.temporary.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def done(trial, attempt, steps=7, **more):
    """A report's item that ends a trial well."""
    return {"trial": trial, "attempt": attempt,
            "measurements": [{"step": s, "test_accuracy": s / steps * 0.9, "train_loss": 1 / s,
                              "cpu_ms": s, "wall_ms": s} for s in range(1, steps + 1)],
            "done": {"steps": steps, "steps_to_target": steps, "seconds_to_target": 0.5,
                     "final_accuracy": 0.9, "final_loss": 0.3, "ms_per_step": 1.5,
                     "weights_sha256": f"{trial:064x}", "kernel": "Test", **more}}
