"""Those who are to notice nothing of an attack: workers that claim and report trials, newcomers, a
reader of summaries and a prober of the daemon's health. Each measures how long it waits.

Every worker remembers what was acknowledged to it, so that it can be looked for in the database."""
import http.client
import json
import os
import threading
import time

from daemon import Connection, done

PERIOD_S = 0.005   # of each worker's claims
PATIENCE_S = 10    # then a request counts as not answered
SWEEP_TRIALS = 1000
STEPS = 4
NAMES = ("claim", "report", "submission", "newcomer", "read", "health")


class Refused(Exception):
    """An answer that a well-behaved client should not get."""


class Client:
    """One kept-alive connection, made anew after it failed."""

    def __init__(self, crowd, address="127.0.0.1"):
        self.crowd, self.address, self.connection = crowd, address, None

    def call(self, method, path, body=None, fields=None, status=(200, 201)):
        if self.connection is None:
            self.connection = Connection(self.crowd.port, self.crowd.token, timeout=PATIENCE_S)
            self.connection.http.source_address = (self.address, 0)
        try:
            answer = self.connection.call(method, path, body, fields)
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.status not in status:
            raise Refused(f"{method} {path}: {answer.status} {answer.body[:120]!r}")
        return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Registration:
    """What a worker shows with each of its messages."""

    def __init__(self, client, slots, host="bystander"):
        """Speaks the protocol's second version where the daemon knows it."""
        body = {"host": host, "pid": os.getpid(), "slots": slots}
        answer = client.call("POST", "/v1/workers", {**body, "protocol": 2},
                             status=(201, 400))
        if answer.status == 400:
            answer = client.call("POST", "/v1/workers", body)
        self.members = {"worker": answer.json["worker"]}
        if "secret" in answer.json:
            self.members["secret"] = answer.json["secret"]

    def claim(self, client, most, wait_s=0):
        body = {**self.members, "max": most, "wait_s": wait_s}
        return client.call("POST", "/v1/claims", body).json["claims"]

    def report(self, client, items):
        answer = client.call("POST", "/v1/reports", {**self.members, "reports": items})
        return [result["status"] for result in answer.json["results"]]


class Samples:
    """How long requests of one kind took, in seconds."""

    def __init__(self):
        self.seconds = []

    def add(self, took, period_s):
        """A request that was due while this one waited would have waited too."""
        while True:
            self.seconds.append(took)
            took -= period_s
            if took <= period_s:
                return

    def quantile(self, q):
        ordered = sorted(self.seconds)
        return ordered[min(int(q * len(ordered)), len(ordered) - 1)] if ordered else float("inf")

    @property
    def worst(self):
        return max(self.seconds, default=0)


class Crowd:
    """All of them, on one daemon. `watch` begins and `seen` ends a stretch of measuring."""

    def __init__(self, port, token, n_workers=2):
        self.port, self.token = port, token
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.hurried = False       # workers do not pause
        self.refilling = True
        self.acknowledged = {}     # (trial, attempt) -> weights hash
        self.sweeps = []
        self.n_left = 0            # trials to be claimed, about
        self.n_empty = 0           # claims in a row that brought nothing
        self.submitting = threading.Lock()
        self.flying = {}           # thread -> kind of its request, since when, period
        self.watch()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(n_workers)]
        self.threads += [threading.Thread(target=loop, daemon=True)
                         for loop in (self.come_new, self.read, self.probe)]

    def start(self):
        self.submit()
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(2 * PATIENCE_S)

    # ---- measuring ----

    def watch(self):
        with self.lock:
            self.watched_at = time.monotonic()
            self.samples = {name: Samples() for name in NAMES}
            self.failures, self.fresh = [], {}

    def seen(self):
        """The samples, failures and acknowledged ends since `watch`. Whoever still waits has
        waited so long already."""
        with self.lock:
            for name, began, period_s in self.flying.values():
                self.add(name, began, period_s)
            result = self.samples, self.failures, self.fresh
        self.watch()
        return result

    def add(self, name, began, period_s):
        self.samples[name].add(time.monotonic() - max(began, self.watched_at), period_s)

    def timed(self, name, period_s, function, *arguments):
        """Its value; None after a failure, which is noted, as is the time lost on it."""
        began, value, failure = time.monotonic(), None, None
        with self.lock:
            self.flying[threading.get_ident()] = name, began, period_s
        try:
            value = function(*arguments)
        except (OSError, http.client.HTTPException, ValueError, Refused) as error:
            failure = f"{name}: {type(error).__name__} {error}"
        with self.lock:
            del self.flying[threading.get_ident()]
            self.add(name, began, period_s)
            if failure and not self.over.is_set():
                self.failures.append(failure)
        return value

    # ---- workers ----

    def submit(self):
        """With a key, so that a repetition makes no second sweep."""
        body = {"name": "attack", "base": {"depth": 1, "width": 16}, "replicates": SWEEP_TRIALS,
                "max_attempts": 100}
        client = Client(self)
        with self.submitting:
            key = {"Idempotency-Key": f"attack-{len(self.sweeps)}"}
            try:
                self.sweeps.append(client.call("POST", "/v1/sweeps", body, key).json["id"])
                self.n_left += SWEEP_TRIALS
            finally:
                client.close()

    def work(self):
        client, registration, due = Client(self), None, time.monotonic()
        while not self.over.is_set():
            if registration is None:
                registration = self.timed("newcomer", 1, Registration, client, 64)
                if registration is None:
                    self.over.wait(0.2)
                continue
            if not self.cycle(client, registration):
                registration = None
            due = max(due + PERIOD_S, time.monotonic())
            if not self.hurried:
                self.over.wait(due - time.monotonic())
        client.close()

    def cycle(self, client, registration):
        """Claims and ends trials. False: it must register again."""
        if self.refilling and self.n_left < SWEEP_TRIALS / 2:
            self.timed("submission", 1, self.submit)
        most = 64 if self.hurried else 1
        claims = self.timed("claim", PERIOD_S, registration.claim, client, most)
        if claims is None:
            self.over.wait(0.05)
            return False
        with self.lock:
            self.n_left -= len(claims)
            self.n_empty = 0 if claims else self.n_empty + 1
            if self.n_empty == 20:  # others took some for good
                self.n_left = 0
        if not claims:
            return True
        items = [done(c["trial"], c["attempt"], STEPS,
                      weights_sha256=f"{c['trial'] * 1000 + c['attempt']:064x}") for c in claims]
        for _ in range(3):  # a report may be repeated
            statuses = self.timed("report", PERIOD_S, registration.report, client, items)
            if statuses is not None:
                self.acknowledge(items, statuses)
                return True
        return False

    def acknowledge(self, items, statuses):
        with self.lock:
            for item, status in zip(items, statuses):
                lease = item["trial"], item["attempt"]
                if status == "ok":
                    self.fresh[lease] = self.acknowledged[lease] = item["done"]["weights_sha256"]
                else:
                    self.failures.append(f"the report of {lease} was answered {status}")

    # ---- the others ----

    def fresh_call(self, method, path, body=None, address="127.0.0.1"):
        client = Client(self, address)
        try:
            return client.call(method, path, body).body
        finally:
            client.close()

    def come_new(self):
        """A heartbeat over a new connection each time, from the attackers' own address."""
        registration = None
        while not self.over.is_set():
            if registration is None:
                client = Client(self)
                registration = self.timed("newcomer", 1, Registration, client, 1)
                client.close()
            else:
                body = {**registration.members, "reports": []}
                if self.timed("newcomer", 1, self.fresh_call, "POST", "/v1/reports",
                              body) is None:
                    registration = None
            self.over.wait(0.1)

    def read(self):
        while not self.over.is_set():
            if self.sweeps:
                self.timed("read", 1, self.fresh_call, "GET",
                           f"/v1/summary?sweep={self.sweeps[0]}")
            self.over.wait(0.25)

    def probe(self):
        while not self.over.is_set():
            self.timed("health", 1, self.fresh_call, "GET", "/healthz", None, "127.0.0.99")
            self.over.wait(0.25)
