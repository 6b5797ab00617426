"""ninetyd and its clients: many, slow, rude, and quick."""
import concurrent.futures
import random
import socket
import sqlite3
import threading
import unittest

from daemon import Daemon, done, wait_until


class Clients(unittest.TestCase):
    def test_workers_in_parallel_share_a_sweep_without_loss_or_doubling(self):
        with Daemon() as daemon:
            sweep, n = daemon.sweep(400), 400
            seen, lock = [], threading.Lock()

            def work():
                connection = daemon.connect()
                worker = connection.call("POST", "/v1/workers",
                                         {"host": "t", "pid": 1, "slots": 8}).json["worker"]
                while True:
                    claims = connection.call("POST", "/v1/claims",
                                             {"worker": worker, "max": 8}).json["claims"]
                    if not claims:
                        connection.close()
                        return
                    reports = [done(c["trial"], c["attempt"]) for c in claims]
                    results = connection.call("POST", "/v1/reports",
                                              {"worker": worker, "reports": reports}).json
                    assert all(r["status"] == "ok" for r in results["results"]), results
                    with lock:
                        seen.extend(c["trial"] for c in claims)

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                for future in [pool.submit(work) for _ in range(8)]:
                    future.result()
            self.assertEqual(sorted(seen), list(range(1, n + 1)))
            state = daemon.get(f"/v1/sweeps/{sweep}")
            self.assertEqual((state["state"], state["succeeded"]), ("finished", n))
            rows = daemon.call("GET", "/v1/results?format=csv").body.decode().splitlines()
            self.assertEqual(len(rows), n + 1)

    def test_a_million_trials_are_refused_with_their_number(self):
        with Daemon() as daemon:
            answer = daemon.call("POST", "/v1/sweeps", {
                "parameters": {"depth": list(range(1, 8)), "batch_size": list(range(1, 1001)),
                               "max_steps": list(range(1, 1001))}, "replicates": 1000})
            self.assertEqual(answer.status, 422)
            self.assertEqual(answer.json["error"]["code"], "too_many_trials")
            self.assertIn("7000000000", answer.json["error"]["message"].replace(",", ""))
            self.assertEqual(daemon.get("/v1/sweeps")["sweeps"], [])

    def test_claims_go_on_while_a_big_sweep_is_written_and_read(self):
        with Daemon() as daemon:
            worker = daemon.worker()
            daemon.sweep(10, priority=5)
            submit = daemon.connect(timeout=60)
            submit.send("POST", "/v1/sweeps", {"base": {"depth": 1},
                                               "parameters": {"batch_size": list(range(1, 201))},
                                               "replicates": 200})
            for _ in range(10):
                claims = daemon.post("/v1/claims", {"worker": worker, "max": 1})["claims"]
                daemon.post("/v1/reports", {"worker": worker,
                                            "reports": [done(claims[0]["trial"], 1)]})
            self.assertEqual(submit.receive().status, 201)
            submit.close()
            wait_until(lambda: daemon.get("/v1/trials?sweep=2&after=40000")["trials"],
                       "the last trials")
            reader = daemon.connect(timeout=60)
            reader.send("GET", "/v1/results?format=ndjson")
            daemon.post("/v1/claims", {"worker": worker, "max": 1})
            self.assertEqual(reader.receive().body.count(b"\n"), 40010)
            reader.close()

    def test_a_reader_that_pins_the_log_lets_it_grow_only_for_so_long(self):
        with Daemon() as daemon:
            daemon.sweep(10)
            log = daemon.folder / "ninety.db-wal"
            reader = sqlite3.connect(f"file:{daemon.folder}/ninety.db?mode=ro", uri=True,
                                     isolation_level=None)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM trials").fetchall()
            spacious = '{"base": {"depth": 1}}' + " " * (15 << 20)
            while log.stat().st_size <= 70 << 20:
                answer = daemon.call("POST", "/v1/sweeps", spacious,
                                     {"Content-Type": "application/json"})
                self.assertEqual(answer.status, 201)
            self.assertEqual(reader.execute("SELECT count(*) FROM trials").fetchone(), (10,))
            reader.execute("COMMIT")
            reader.close()

            def shrinks():
                daemon.sweep(1)
                return log.stat().st_size <= 64 << 20

            wait_until(shrinks, "the log to be small again", 60)

    def test_garbage_and_half_requests_disturb_nobody(self):
        random.seed(4711)
        with Daemon() as daemon:
            rude = []
            for i in range(200):
                connection = socket.create_connection(("127.0.0.1", daemon.port))
                rude.append(connection)
                choice = i % 4
                if choice == 0:
                    connection.sendall(random.randbytes(random.randrange(1, 2000)))
                elif choice == 1:
                    connection.sendall(b"POST /v1/sweeps HTTP/1.1\r\nHost: localhost\r\n"
                                       b"Content-Length: 1000\r\n\r\n{")
                elif choice == 2:
                    connection.sendall(b"GET /v1/results HTTP/1.1\r\nHost: local")
                if choice == 3 or i % 8 < 4:
                    connection.close()
            daemon.sweep(3)
            self.assertEqual(daemon.get("/v1/sweeps/1")["trials"], 3)
            for connection in rude:
                connection.close()
            self.assertEqual(daemon.stop(), 0)

    def test_deep_and_huge_json_is_refused(self):
        with Daemon() as daemon:
            for body, status in [(b'{"name": "\0", "base": {"depth": 1}}' + b" " * 5000, 400),  # its length counts
                                 ("[" * 100000, 400), ('{"a":' * 40 + "1" + "}" * 40, 400),
                                 ('{"name": "' + "x" * 100000 + '"}', 400),
                                 (" " * ((16 << 20) + 1), 413)]:
                connection = daemon.connect()
                answer = connection.call("POST", "/v1/sweeps", body,
                                         {"Content-Type": "application/json"})
                self.assertEqual(answer.status, status)
                connection.close()
            self.assertEqual(daemon.get("/v1/sweeps")["sweeps"], [])

    def test_more_waiting_workers_than_usual_descriptors(self):
        n = 1500
        with Daemon() as daemon:
            waiting = [daemon.connect() for _ in range(n)]
            for connection in waiting:
                worker = connection.call("POST", "/v1/workers",
                                         {"host": "test", "pid": 1, "slots": 1}).json["worker"]
                connection.send("POST", "/v1/claims", {"worker": worker, "wait_s": 60})
            daemon.sweep(n)
            trials = []
            for connection in waiting:
                claims = connection.receive().json["claims"]
                self.assertEqual(len(claims), 1)
                trials.append(claims[0]["trial"])
                connection.close()
            self.assertEqual(sorted(trials), list(range(1, n + 1)))


if __name__ == "__main__":
    try:
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    except (ImportError, ValueError):
        pass
    unittest.main()
