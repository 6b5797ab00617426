"""A proxy between workers and daemon that loses, cuts, doubles, delays and reorders what passes
through it, and remembers what the daemon said yes to.

    worker --request--> [lost] [cut] [delayed] --> daemon (once, or twice) --> [lost] [cut] --> worker

Requests of several workers that are delayed overtake each other: that is the reordering. What is
remembered are answers that the daemon gave, whether or not the worker ever saw them."""
import collections
import http.client
import http.server
import json
import random
import socket
import socketserver
import threading
import time

FAULTS = ("request lost", "request cut", "answer lost", "answer cut", "doubled", "delayed")


class Acknowledged:
    """What the daemon has answered `ok` to: it must be in the database for ever."""

    def __init__(self):
        self.lock = threading.Lock()
        self.ends = {}              # (trial, attempt) -> weights hash
        self.measurements = set()   # (trial, attempt, step)

    def add(self, request, answer):
        with self.lock:
            for item, result in zip(request["reports"], answer["results"]):
                if result["status"] != "ok":
                    continue
                lease = (item["trial"], item["attempt"])
                for m in item.get("measurements", []):
                    self.measurements.add((*lease, m["step"]))
                if "done" in item:
                    self.ends[lease] = item["done"].get("weights_sha256")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 90

    def setup(self):
        super().setup()
        self.upstream = None

    def finish(self):
        if self.upstream:
            self.upstream.close()
        super().finish()

    def forward(self, body):
        """The daemon's answer, or None when it does not answer."""
        proxy = self.server.proxy
        for fresh in (False, True):  # a kept-alive connection may have died with the daemon
            try:
                if self.upstream is None:
                    self.upstream = http.client.HTTPConnection("127.0.0.1", proxy.daemon_port,
                                                               timeout=90)
                    fresh = True
                headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
                self.upstream.request(self.command, self.path, body, headers)
                response = self.upstream.getresponse()
                return response, response.read()
            except (OSError, http.client.HTTPException):
                self.upstream.close()
                self.upstream = None
                if fresh:
                    return None
        return None

    def forward_half(self, body):
        """The connection breaks in the middle of the request."""
        head = f"{self.command} {self.path} HTTP/1.1\r\nHost: localhost\r\n" \
               f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            with socket.create_connection(("127.0.0.1", self.server.proxy.daemon_port)) as upstream:
                upstream.sendall(head.encode() + body[:len(body) // 2])
        except OSError:
            pass  # the daemon is away

    def pass_on(self):
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if proxy.strikes("request lost"):
            self.close_connection = True
            return
        if proxy.strikes("request cut"):
            self.forward_half(body)
            self.close_connection = True
            return
        if proxy.strikes("delayed"):
            time.sleep(proxy.random.uniform(0, proxy.longest_delay_s))
        answer = None
        for _ in range(2 if proxy.strikes("doubled") else 1):
            answer = self.forward(body)
            if answer and answer[0].status == 200 and self.path == "/v1/reports":
                proxy.acknowledged.add(json.loads(body), json.loads(answer[1]))
        if answer is None or proxy.strikes("answer lost"):
            self.close_connection = True
            return
        response, text = answer
        self.send_response(response.status)
        for name in ("Content-Type", "Retry-After"):
            if response.headers.get(name):
                self.send_header(name, response.headers[name])
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if proxy.strikes("answer cut"):
            text = text[:len(text) // 2]
            self.close_connection = True
        self.wfile.write(text)

    do_GET = do_POST = pass_on

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # workers are killed in the middle of everything


class Proxy:
    def __init__(self, daemon_port, rates, seed, longest_delay_s=1.0):
        self.daemon_port = daemon_port
        self.rates = dict(rates)  # fault -> probability per request
        self.random = random.Random(seed)
        self.longest_delay_s = longest_delay_s
        self.acknowledged = Acknowledged()
        self.counts = collections.Counter()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.proxy = self
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def strikes(self, fault):
        if self.random.random() >= self.rates.get(fault, 0):
            return False
        self.counts[fault] += 1
        return True

    def calm(self):
        """No more faults from here on."""
        self.rates = {}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
