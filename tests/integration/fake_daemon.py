"""A daemon in a thread of the test, which the test can make do anything."""
import http.server
import json
import socket
import threading
import time

CONFIG = {"dataset": "tiny", "hidden_units": [8], "max_steps": 10000}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        body = json.loads(self.rfile.read(length))
        self.server.daemon.handle(self, body)

    def do_GET(self):
        self.answer(404, {"error": {"code": "unknown_dataset", "message": "no such data set"}})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def drop(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32

    def handle_error(self, request, client_address):
        pass  # connections that a test has cut


class FakeDaemon:
    """Hands out `queue`, takes every report, and remembers all it was asked.

    `interfere(path, body)` may return (status, body) to answer instead of the daemon, "drop" to cut
    the connection without an answer, or "lose" to do the work and then cut it.
    """

    def __init__(self, heartbeat_s=0.2, token=None):
        self.heartbeat_s = heartbeat_s
        self.token = token
        self.interfere = lambda path, body: None
        self.condition = threading.Condition()
        self.queue = []
        self.asked = []      # (path, body)
        self.workers = 0
        self.status = {}     # (trial, attempt) -> "lease_lost", "cancelled"
        self.ends = {}       # (trial, attempt) -> the item with the end
        self.steps = {}      # (trial, attempt) -> set of steps measured
        self.claims_waiting = self.most_claims_waiting = 0
        self.port = 0
        self.server = None
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.daemon = self
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        """Away: nobody listens, and every connection is cut."""
        with self.condition:
            self.server.shutdown()
            self.server.server_close()
            self.server = None
            self.condition.notify_all()

    def submit(self, *seeds, reuse=(), **config):
        with self.condition:
            for seed in seeds:
                trial = 1 + len(self.queue) + sum(1 for path, _ in self.asked if path == "granted")
                self.queue.append({"trial": trial, "attempt": 1, "reuse": list(reuse),
                                   "config": {**CONFIG, **config, "seed": seed}})
            self.condition.notify_all()

    def calls(self, path):
        return [body for asked, body in list(self.asked) if asked == path]

    def end(self, trial, attempt=1):
        return self.ends.get((trial, attempt))

    def handle(self, request, body):
        server = self.server
        if not server:  # on a connection from before
            return request.drop()
        self.asked.append((request.path, body))
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return request.answer(401, {"error": {"code": "unauthorized", "message": "no"}})
        if request.path != "/v1/workers":
            assert body["secret"] == self.secret(body["worker"]), body
        trick = self.interfere(request.path, body)
        if trick == "drop":
            return request.drop()
        if isinstance(trick, tuple):
            return request.answer(*trick)
        answer = {"/v1/workers": self.register, "/v1/claims": self.claim,
                  "/v1/reports": self.report, "/v1/departures": self.depart}[request.path](body)
        if trick == "lose" or self.server is not server:
            return request.drop()
        return request.answer(*answer)

    def register(self, body):
        with self.condition:
            self.workers += 1
            return 201, {"worker": self.workers, "lease_s": 30, "heartbeat_s": self.heartbeat_s,
                         "protocol": 2, "secret": self.secret(self.workers)}

    @staticmethod
    def secret(worker):
        return f"{worker:064x}"

    def depart(self, body):
        return 200, {"released": 0}

    def claim(self, body):
        end = time.monotonic() + body["wait_s"]
        server = self.server
        with self.condition:
            self.claims_waiting += 1
            self.most_claims_waiting = max(self.claims_waiting, self.most_claims_waiting)
            while not self.queue and self.server is server and time.monotonic() < end:
                self.condition.wait(end - time.monotonic())
            self.claims_waiting -= 1
            if self.server is not server:
                return 503, {}
            claims, self.queue = self.queue[:body["max"]], self.queue[body["max"]:]
            self.asked += [("granted", claim) for claim in claims]
            return 200, {"claims": claims}

    def report(self, body):
        results = []
        with self.condition:
            for item in body["reports"]:
                key = item["trial"], item["attempt"]
                status = self.status.get(key, "ok")
                if status == "ok":
                    steps = self.steps.setdefault(key, set())
                    steps.update(m["step"] for m in item.get("measurements", []))
                    if {"done", "failed", "released", "reused_from"} & item.keys():
                        self.ends.setdefault(key, item)
                results.append({"trial": key[0], "attempt": key[1], "status": status})
        return 200, {"results": results}
