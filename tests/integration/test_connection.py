"""The way to a daemon: its address, proxies, certificates; the same for client, worker and data."""
import http.server
import os
import socket
import ssl
import subprocess
import threading
import unittest
import unittest.mock

from daemon import NINETYD, wait_until
from fake_daemon import FakeDaemon
from ninety import Programs, environment, until
from worker import FAKE_TRAINER, NINETY_WORKER, Worker, write_data_set

TOKEN = "0123456789abcdef0123456789abcdef"


class Recorder:
    """An HTTP server that answers 404, or sends everybody to `location`, and keeps what it was asked: a proxy, or a page of another."""

    def __init__(self, test, location=None):
        self.asked = []
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def reply(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                recorder.asked.append((self.command, self.path, dict(self.headers)))
                self.send_response(301 if location else 404)
                if location:
                    self.send_header("Location", location + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_CONNECT = reply

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        test.addCleanup(lambda: (self.server.shutdown(), self.server.server_close()))

    @property
    def paths(self):
        return [path for _, path, _ in self.asked]


class TlsFront:
    """What stands before a daemon with TLS: takes it off and hands the bytes on."""

    def __init__(self, test, certificate, key, backend_port):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.backend_port = backend_port
        self.n_connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()
        test.addCleanup(self.listener.close)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            secure = self.context.wrap_socket(client, server_side=True)
        except OSError:
            client.close()
            return
        self.n_connections += 1
        backend = socket.create_connection(("127.0.0.1", self.backend_port))
        secure.settimeout(0.02)
        backend.settimeout(0.02)
        try:
            while all(self.pump(*pair) for pair in ((secure, backend), (backend, secure))):
                pass
        except OSError:
            pass
        secure.close()
        backend.close()

    @staticmethod
    def pump(source, target):
        try:
            data = source.recv(65536)
        except TimeoutError:
            return True
        if data:
            target.settimeout(20)
            target.sendall(data)
            target.settimeout(0.02)
        return bool(data)


class Connections(Programs):
    def setUp(self):
        super().setUp()
        patch = unittest.mock.patch.dict(os.environ)
        patch.start()
        self.addCleanup(patch.stop)
        for name in list(os.environ):  # what the machine of the tests may have set
            if name.lower().endswith("_proxy") or name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE",
                                                           "SSL_CERT_DIR"):
                del os.environ[name]

    def proxied(self, proxy, **more):
        return {"http_proxy": proxy.url, "https_proxy": proxy.url, "all_proxy": proxy.url,
                "NINETY_TOKEN": TOKEN, **more}

    def start_worker(self, url, *options, **more):
        worker = Worker(url, *options, **more)
        self.addCleanup(worker.close)
        return worker


class Proxies(Connections):
    def test_a4_a_token_for_this_machine_goes_to_no_proxy(self):
        proxy = Recorder(self)
        daemon = FakeDaemon(token=TOKEN)
        self.addCleanup(daemon.stop)
        for url in (daemon.url, f"localhost:{daemon.port}"):
            worker = self.start_worker(url, "--exit-when-idle", "0.5", env=self.proxied(proxy))
            self.assertEqual(worker.wait(), 0, worker.log)
            self.ninety("status", "--daemon", url, **self.proxied(proxy))
        self.assertEqual(proxy.asked, [])
        self.assertEqual(daemon.workers, 2)

    def test_a4_data_come_from_a_daemon_on_this_machine_without_a_proxy(self):
        proxy = Recorder(self)
        write_data_set(self.folder / "data" / "served")
        token = self.folder / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        _, url = self.start_daemon("--data", self.folder / "data", "--token-file", token)
        self.start_worker(url, env=self.proxied(proxy))
        done = self.ninety("submit", "--watch", "--dataset", "served", "--depth", 1, "--daemon", url,
                           **self.proxied(proxy))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(proxy.asked, [])

    def test_a4_a_daemon_behind_a_proxy_trains_with_its_own_worker(self):
        proxy = Recorder(self)
        environ = {**environment(), **self.proxied(proxy, NO_PROXY="intranet.example")}
        token = self.folder / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        port_file = self.folder / "port"
        daemon = subprocess.Popen(
            [NINETYD, "--listen", "127.0.0.1:0", "--port-file", port_file, "--db", self.db, "--workers",
             "1", "--trainer", FAKE_TRAINER, "--token-file", token], env=environ, cwd=self.folder,
            stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (daemon.kill(), daemon.wait()))
        port = until(lambda: port_file.exists() and port_file.read_text().strip(), "the port")
        done = self.ninety("submit", "--watch", "--dataset", "synthetic-digits", "--depth", 1,
                           "--daemon", f"127.0.0.1:{port}", NINETY_TOKEN=TOKEN)
        self.assertEqual(done.returncode, 0, done.stderr)
        daemon.terminate()
        self.assertEqual(daemon.wait(20), 0)
        self.assertEqual(proxy.asked, [])

    def test_a4_elsewhere_proxies_and_exceptions_hold_as_for_other_programs(self):
        proxy = Recorder(self)
        url = "http://queue.invalid:9190"
        self.ninety("status", "--daemon", url, **self.proxied(proxy, no_proxy="queue.invalid"))
        worker = self.start_worker(url, env=self.proxied(proxy, no_proxy="queue.invalid"))
        wait_until(lambda: "waiting for the daemon" in worker.log, "word of waiting")
        self.assertEqual(proxy.asked, [])
        self.ninety("status", "--daemon", url, **self.proxied(proxy))
        self.start_worker(url, env=self.proxied(proxy))
        wait_until(lambda: f"{url}/v1/workers" in proxy.paths, "the worker at the proxy")
        self.assertTrue(any(p.startswith(f"{url}/v1/sweeps") for p in proxy.paths), proxy.paths)


class Addresses(Connections):
    def test_d24_every_program_takes_an_address_in_each_of_its_forms(self):
        daemon = FakeDaemon()
        self.addCleanup(daemon.stop)
        recorder = Recorder(self)
        at = recorder.url.removeprefix("http://")
        for n, (given, prefix) in enumerate([(at, ""), (f"http://{at}/#/sweeps/1", ""),
                                             (f"HTTP://{at}/", ""), (f" {at}/ninety/ ", "/ninety"),
                                             (f"http://{at}/ninety/#/", "/ninety")], 1):
            with self.subTest(given):
                self.ninety("status", "--daemon", given)
                self.assertRegex(recorder.paths[-1], f"^{prefix}/v1/sweeps")
                before = len(recorder.asked)
                worker = self.start_worker(given)
                wait_until(lambda: len(recorder.asked) > before, "the worker's registration")
                self.assertEqual(recorder.paths[before], f"{prefix}/v1/workers")
                worker.close()

    def test_d24_what_is_no_address_is_refused_by_name(self):
        for given, word in [("ftp://127.0.0.1:9190", "ftp://"), ("http://a:b@127.0.0.1", "password"),
                            ("127.0.0.1:9190/?x", "query"), ("127.0.0.1:91900", "65535"),
                            ("http://", "no host")]:
            client = self.ninety("status", "--daemon", given)
            variable = self.ninety("status", NINETY_DAEMON=given)
            worker = subprocess.run([NINETY_WORKER, "--daemon", given], capture_output=True, text=True,
                                    env=environment(), timeout=20)
            for done, status in ((client, 1), (variable, 1), (worker, 2)):
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(word, done.stderr)
                self.assertIn("http://127.0.0.1:9190", done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)

    def test_d24_an_address_that_leads_on_is_told_and_not_followed(self):
        there = Recorder(self)
        here = Recorder(self, location=there.url)
        done = self.ninety("status", "--daemon", here.url, NINETY_TOKEN=TOKEN)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"leads on to {there.url}/v1/", done.stderr)
        worker = self.start_worker(here.url, env={"NINETY_TOKEN": TOKEN})
        wait_until(lambda: f"leads on to {there.url}/v1/workers" in worker.log, "the reason")
        self.assertEqual(there.asked, [])

    def test_d24_https_by_mistake_is_told(self):
        _, url = self.start_daemon()
        wrong = url.replace("http:", "https:")
        done = self.ninety("status", "--daemon", wrong)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the daemon speaks http", done.stderr)
        self.assertIn(url, done.stderr)
        worker = self.start_worker(wrong)
        wait_until(lambda: "the daemon speaks http" in worker.log, "the reason")


class OwnAuthority(Connections):
    """E9: a certificate authority that no system knows."""

    def setUp(self):
        super().setUp()
        folder = self.folder

        def openssl(*words):
            subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-days", 2, "-subj",
                "/CN=ninety test authority")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                folder / "key.pem", "-out", folder / "request.pem", "-subj", "/CN=queue")
        (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        openssl("x509", "-req", "-in", folder / "request.pem", "-CA", folder / "ca.pem", "-CAkey",
                folder / "ca.key", "-CAcreateserial", "-days", 2, "-extfile", folder / "extensions",
                "-out", folder / "certificate.pem")
        write_data_set(folder / "data" / "served")
        _, url = self.start_daemon("--data", folder / "data")
        self.authority = folder / "ca.pem"
        self.front = TlsFront(self, folder / "certificate.pem", folder / "key.pem",
                              int(url.rsplit(":", 1)[1]))

    def test_e9_without_trust_there_is_no_talk_and_the_remedy_is_told(self):
        done = self.ninety("status", "--daemon", self.front.url)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--ca-file", done.stderr)
        self.assertIn("SSL_CERT_FILE", done.stderr)
        worker = self.start_worker(self.front.url)
        wait_until(lambda: "--ca-file" in worker.log, "the remedy")
        self.assertEqual(self.front.n_connections, 0)

    def test_e9_an_authority_named_by_flag_or_variable_is_trusted_by_client_worker_and_data(self):
        ca = str(self.authority)
        for flags, variables in [(["--ca-file", ca], {}), ([], {"SSL_CERT_FILE": ca}),
                                 ([], {"CURL_CA_BUNDLE": ca}),
                                 (["--ca-file", ca], {"SSL_CERT_FILE": "/nonexistent"})]:
            with self.subTest(flags=flags, variables=variables):
                worker = self.start_worker(self.front.url, *flags, "--exit-when-idle", "3",
                                           env=variables)
                done = self.ninety("submit", "--watch", "--dataset", "served", "--depth", 1,
                                   "--daemon", self.front.url, *flags, **variables)
                self.assertEqual(done.returncode, 0, done.stderr + worker.log)
                worker.close()

    def test_e9_a_file_that_cannot_be_read_is_named(self):
        done = self.ninety("status", "--daemon", self.front.url, "--ca-file", "/nonexistent/ca.pem")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/ca.pem", done.stderr)


if __name__ == "__main__":
    unittest.main()
