"""ninety-worker against a daemon that fails in every way, with a trainer that does too."""
import collections
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from daemon import alive, wait_until
from fake_daemon import FakeDaemon
from worker import FAKE_TRAINER, NINETY_WORKER, Worker

SOURCE_ROOT = pathlib.Path(os.environ["NINETY_SOURCE_ROOT"])
RIGHT = "the-right-token-0123456789"


class MemoryGroup:
    """A control group with little memory; OSError where there are none for us."""

    def __init__(self, n_bytes):
        name = f"ninety-test-{os.getpid()}"
        v1 = pathlib.Path("/sys/fs/cgroup/memory")
        self.path = (v1 if v1.exists() else v1.parent) / name
        self.path.mkdir()
        limits = {"memory.limit_in_bytes": n_bytes} if v1.exists() else {"memory.max": n_bytes,
                                                                        "memory.swap.max": 0}
        try:
            for limit, value in limits.items():
                (self.path / limit).write_text(str(value), encoding="ascii")
        except OSError:
            self.remove()
            raise

    @property
    def prefix(self):
        """Before a command: it runs in the group."""
        return "/bin/sh", "-c", f"echo $$ > {self.path}/cgroup.procs; exec \"$@\"", "sh"

    def remove(self):
        wait_until(lambda: not (self.path / "cgroup.procs").read_text(encoding="ascii"),
                   "end of the group's processes")
        self.path.rmdir()


class WorkerTest(unittest.TestCase):
    def start(self, *options, heartbeat_s=0.2, token=None, **more):
        self.daemon = FakeDaemon(heartbeat_s, token)
        self.addCleanup(lambda: self.daemon.server and self.daemon.stop())
        return self.start_worker(*options, **more)

    def start_worker(self, *options, **more):
        self.worker = Worker(self.daemon.url, *options, **more)
        self.addCleanup(self.worker.close)
        return self.worker

    def end_of(self, trial):
        return wait_until(lambda: self.daemon.end(trial), f"end of trial {trial}")

    def assert_done(self, trial):
        end = self.end_of(trial)
        self.assertIn("done", end, f"trial {trial} {end}\n{self.worker.log}")
        self.assertEqual(self.daemon.steps[trial, 1], {0, 1, 2})


class Ordinary(WorkerTest):
    def test_it_registers_and_says_what_it_is(self):
        self.start("--kernel", "SkylakeX", slots=3)
        wait_until(lambda: self.daemon.workers, "registration")
        said = self.daemon.calls("/v1/workers")[0]
        self.assertEqual(said["slots"], 3)
        self.assertEqual(said["pid"], self.worker.process.pid)
        self.assertEqual(said["kernel"], "SkylakeX")
        self.assertEqual(set(said), {"protocol", "host", "pid", "slots", "cpu", "kernel", "version"})

    def test_trials_are_trained_and_reported_with_what_the_trainer_left_out(self):
        self.start(slots=2)
        self.daemon.submit(0, 11, 0, 0)
        for trial in (1, 3, 4):
            self.assert_done(trial)
        done = self.end_of(2)["done"]
        self.assertEqual(done["trainer"], "fake 1.0")
        self.assertEqual(done["kernel"], "Fake")
        self.assertRegex(done["data_sha256"], "^[0-9a-f]{64}$")
        self.assertNotIn("steps_to_target", done)
        self.assertEqual(self.daemon.workers, 1)

    def test_an_offer_is_taken_that_fits_trainer_kernel_and_data_and_no_other(self):
        self.start()
        self.daemon.submit(0)
        data = self.end_of(1)["done"]["data_sha256"]
        fits = {"trial": 90, "trainer": "fake 1.0", "kernel": "Fake", "data_sha256": data}
        others = [{**fits, "trainer": "fake 1.1"}, {**fits, "kernel": "Other"},
                  {**fits, "data_sha256": data[::-1]}]
        for other in others:
            self.daemon.submit(0, reuse=[other])
        self.daemon.submit(0, reuse=[*others, fits])
        for trial in range(1, 5):
            self.assert_done(trial)
        self.assertEqual(self.end_of(5), {"trial": 5, "attempt": 1, "reused_from": 90})
        self.daemon.submit(0)
        self.assert_done(6)

    def test_claims_ask_for_no_more_than_the_free_slots_and_only_one_waits(self):
        self.start(slots=3)
        self.daemon.submit(9, 9, 9, 9)
        wait_until(lambda: len(self.daemon.calls("granted")) == 3, "claims")
        seen = len(self.daemon.calls("/v1/reports"))
        wait_until(lambda: len(self.daemon.calls("/v1/reports")) > seen + 3, "reports")
        self.assertEqual(len(self.daemon.queue), 1)
        self.assertLessEqual(max(c["max"] for c in self.daemon.calls("/v1/claims")), 3)
        self.assertEqual(self.daemon.most_claims_waiting, 1)

    def test_every_heartbeat_vouches_for_every_trial_held(self):
        self.start(slots=2, heartbeat_s=0.1)
        self.daemon.submit(6, 9)
        wait_until(lambda: len(self.daemon.calls("granted")) == 2, "claims")
        seen = len(self.daemon.calls("/v1/reports"))
        wait_until(lambda: len(self.daemon.calls("/v1/reports")) > seen + 5, "heartbeats")
        for body in self.daemon.calls("/v1/reports")[seen + 1:]:
            self.assertEqual({item["trial"] for item in body["reports"]}, {1, 2})

    def test_a_worker_without_work_leaves_when_told_to(self):
        self.start("--exit-when-idle", "1")
        self.daemon.submit(0)
        self.assert_done(1)
        began = time.monotonic()
        self.assertEqual(self.worker.wait(), 0)
        self.assertGreater(time.monotonic() - began, 0.7)


    def test_d13_slots_are_not_more_than_the_cores_it_may_use(self):
        self.daemon = FakeDaemon()
        self.addCleanup(self.daemon.stop)
        worker = subprocess.Popen([NINETY_WORKER, "--daemon", self.daemon.url, "--kernel", "default",
                                   "--trainer", FAKE_TRAINER], stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (worker.kill(), worker.wait()))
        wait_until(lambda: self.daemon.workers, "registration")
        slots = self.daemon.calls("/v1/workers")[0]["slots"]
        self.assertTrue(1 <= slots <= len(os.sched_getaffinity(0)))


class DaemonTrouble(WorkerTest):
    def test_d12_a_worker_that_never_registered_does_not_count_as_done(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.daemon = FakeDaemon()
        self.addCleanup(self.daemon.stop)
        self.daemon.interfere = lambda path, body: (404, {"error": {"code": "not_found",
                                                                    "message": "nothing here"}})
        for url in (f"http://127.0.0.1:{port}",  # a closed port
                    self.daemon.url.replace("http:", "https:"), self.daemon.url + "/elsewhere"):
            with self.subTest(url):
                worker = Worker(url, "--exit-when-idle", "1")
                self.addCleanup(worker.close)
                self.assertEqual(worker.wait(), 75, worker.log)
                self.assertIn("no daemon took this worker", worker.log)

    def test_d12_one_whose_daemon_went_away_later_has_done_its_work(self):
        self.start("--exit-when-idle", "1")
        self.daemon.submit(0)
        self.assert_done(1)
        self.daemon.stop()
        self.assertEqual(self.worker.wait(), 0)

    def test_a_daemon_that_is_not_there_yet_is_waited_for_and_it_says_so_once(self):
        self.daemon = FakeDaemon()
        self.daemon.stop()
        self.start_worker()
        wait_until(lambda: "waiting for the daemon" in self.worker.log, "word of waiting")
        time.sleep(1)
        self.daemon.start()
        self.addCleanup(self.daemon.stop)
        self.daemon.submit(0)
        self.assert_done(1)
        self.assertEqual(self.worker.log.count("waiting for the daemon"), 1)
        self.assertIn("answers again", self.worker.log)

    def test_training_goes_on_while_the_daemon_is_away_and_is_delivered_later(self):
        self.start(slots=2)
        self.daemon.submit(8, 8)
        wait_until(lambda: len(self.daemon.calls("granted")) == 2, "claims")
        self.daemon.stop()
        wait_until(lambda: self.worker.log.count("trial done") == 2, "end of training")
        wait_until(lambda: "the daemon is away" in self.worker.log, "a report that found nobody")
        self.daemon.start()
        for trial in (1, 2):
            self.assertIn("done", self.end_of(trial))
            self.assertEqual(self.daemon.steps[trial, 1], set(range(50)) | {1, 2})
        self.assertEqual(self.daemon.workers, 1)

    def test_a_lost_answer_is_made_good_by_the_same_report(self):
        self.start()
        lost = []

        def interfere(path, body):
            if path == "/v1/reports" and any("done" in item for item in body["reports"]):
                lost.append(body)
                return "lose" if len(lost) <= 2 else None
            return None
        self.daemon.interfere = interfere
        self.daemon.submit(0)
        self.assert_done(1)
        wait_until(lambda: len(lost) == 3, "repeats")
        self.assertEqual(lost[1], lost[0])
        self.assertEqual(lost[2], lost[0])
        self.daemon.submit(0)
        self.assert_done(2)

    def test_a_daemon_that_cannot_write_gets_it_later(self):
        self.start()
        asked = collections.Counter()

        def interfere(path, body):
            asked[path] += 1
            return (503, {"error": {"code": "unavailable"}}) if asked[path] % 2 else None
        self.daemon.interfere = interfere
        self.daemon.submit(0, 0)
        self.assert_done(1)
        self.assert_done(2)

    def test_a_lease_that_is_lost_or_cancelled_stops_the_trainer(self):
        for status in ("lease_lost", "cancelled"):
            with self.subTest(status):
                self.start()
                self.daemon.submit(9)
                wait_until(lambda: self.daemon.steps.get((1, 1)), "first measurement")
                trainer = self.worker.trainers()[0]
                self.daemon.status[1, 1] = status
                wait_until(lambda: not alive(trainer), "end of the trainer")
                self.daemon.submit(0)
                self.assert_done(2)
                self.assertNotIn(1, [i["trial"] for i in
                                     self.daemon.calls("/v1/reports")[-1]["reports"]])

    def test_a_forgotten_worker_registers_again_and_keeps_training(self):
        self.start()
        self.daemon.submit(8)
        wait_until(lambda: self.daemon.steps.get((1, 1)), "first measurement")

        def interfere(path, body):
            if path != "/v1/workers" and body["worker"] == 1:
                return 404, {"error": {"code": "unknown_worker", "message": "no worker 1"}}
            return None
        self.daemon.interfere = interfere
        self.assertIn("done", self.end_of(1))
        self.assertEqual(self.daemon.workers, 2)
        self.assertEqual(len(self.daemon.calls("granted")), 1)

    def test_a_report_the_daemon_refuses_fails_that_trial_only(self):
        self.start(slots=2)

        def interfere(path, body):
            for i, item in enumerate(body.get("reports", [])):
                if "done" in item and item["trial"] == 1:
                    return 400, {"error": {"code": "invalid_field", "message": "no such step",
                                           "field": f"reports[{i}].done.steps"}}
            return None
        self.daemon.interfere = interfere
        self.daemon.submit(0, 8)
        failed = self.end_of(1)["failed"]
        self.assertIn("no such step", failed["reason"])
        self.assertFalse(failed.get("retry"))
        self.assertIn("done", self.end_of(2))

    def test_a_wrong_token_is_said_once_and_ends_it(self):
        self.start(token=RIGHT, env={"NINETY_TOKEN": "some-wrong-token"})
        self.assertEqual(self.worker.wait(), 77)
        self.assertEqual(self.worker.log.count("does not accept the token"), 1)
        self.assertEqual(len(self.daemon.calls("/v1/workers")), 1)

    def test_d8_a_line_end_behind_the_token_changes_nothing(self):
        self.start(token=RIGHT, env={"NINETY_TOKEN": RIGHT + "\r\n"})
        self.daemon.submit(0)
        self.assert_done(1)

    def test_a12_a_token_file_that_others_may_read_is_refused(self):
        self.daemon = FakeDaemon(token=RIGHT)
        self.addCleanup(self.daemon.stop)
        with tempfile.NamedTemporaryFile("w") as token:
            token.write(RIGHT)
            token.flush()
            os.chmod(token.name, 0o640)
            worker = self.start_worker("--token-file", token.name)
            self.assertEqual(worker.wait(), 2)
            self.assertIn(f"chmod 600 {token.name}", worker.log)
            os.chmod(token.name, 0o600)
            self.start_worker("--token-file", token.name)
            wait_until(lambda: self.daemon.workers, "registration")

    def test_a_wrong_url_is_said_once_with_the_remedy(self):
        self.daemon = FakeDaemon()
        self.addCleanup(self.daemon.stop)
        self.daemon.interfere = lambda path, body: (404, {"error": {"code": "not_found",
                                                                    "message": "nothing here"}})
        worker = self.start_worker()
        wait_until(lambda: len(self.daemon.calls("/v1/workers")) == 3, "three attempts")
        self.assertEqual(worker.log.count("refused a request"), 1)
        self.assertIn("is this URL that of a ninetyd?", worker.log)

    def test_a_token_that_becomes_wrong_later_ends_nothing(self):
        self.start(token=RIGHT, env={"NINETY_TOKEN": RIGHT})
        self.daemon.submit(8)
        wait_until(lambda: self.daemon.steps.get((1, 1)), "first measurement")
        self.daemon.token = "other"
        wait_until(lambda: "does not accept the token" in self.worker.log, "complaint")
        self.daemon.token = RIGHT
        self.assertIn("done", self.end_of(1))


class Stopping(WorkerTest):
    def test_sigterm_hands_trials_back_at_once(self):
        self.start(slots=2)
        self.daemon.submit(9, 6)
        wait_until(lambda: len(self.daemon.calls("granted")) == 2, "claims")
        trainers = self.worker.trainers()
        self.worker.terminate()
        self.assertEqual(self.worker.wait(3), 0)
        for trial in (1, 2):
            self.assertEqual(self.daemon.end(trial), {"trial": trial, "attempt": 1,
                                                      "released": True})
        self.assertFalse(any(alive(pid) for pid in trainers))

    def test_it_departs_when_everything_is_said(self):
        """A trial granted in that moment, of which it never hears, is the daemon's to take back."""
        self.start(slots=2)
        self.daemon.submit(9)
        wait_until(lambda: self.daemon.steps.get((1, 1)), "first measurement")
        wait_until(lambda: self.daemon.claims_waiting, "another claim")
        self.worker.terminate()
        self.assertEqual(self.worker.wait(3), 0)
        last = [(path, body) for path, body in self.daemon.asked if path != "granted"][-2:]
        self.assertEqual(last[0], ("/v1/reports", {"worker": 1, "secret": FakeDaemon.secret(1), "reports": [
            {"trial": 1, "attempt": 1, "released": True}]}))
        self.assertEqual(last[1], ("/v1/departures", {"worker": 1, "secret": FakeDaemon.secret(1)}))

    def test_a_batch_system_that_stops_trainers_first_costs_no_attempt(self):
        self.start()
        self.daemon.submit(9)
        wait_until(lambda: self.daemon.steps.get((1, 1)), "first measurement")
        trainer = self.worker.trainers()[0]
        os.kill(trainer, signal.SIGTERM)
        wait_until(lambda: not alive(trainer), "end of the trainer")
        self.worker.terminate()
        self.assertEqual(self.worker.wait(3), 0)
        self.assertEqual(self.daemon.end(1), {"trial": 1, "attempt": 1, "released": True})

    def test_sigterm_ends_it_even_while_the_daemon_is_away(self):
        self.start("--no-pin")
        self.daemon.submit(9)
        wait_until(lambda: self.daemon.steps.get((1, 1)), "first measurement")
        self.daemon.stop()
        began = time.monotonic()
        self.worker.terminate()
        self.assertEqual(self.worker.wait(5), 0)
        self.assertLess(time.monotonic() - began, 3)

    def test_a_second_signal_does_not_wait(self):
        self.start(trainer=None, env={"NINETY_TRAINER": "/bin/cat"})
        self.daemon.interfere = lambda path, body: time.sleep(30)
        wait_until(lambda: self.daemon.calls("/v1/workers"), "registration")
        self.worker.process.send_signal(signal.SIGINT)
        self.worker.process.send_signal(signal.SIGTERM)
        self.worker.wait(3)

    def test_trainers_die_with_a_killed_worker(self):
        self.start(slots=2)
        self.daemon.submit(6)
        wait_until(lambda: self.daemon.steps.get((1, 1)), "first measurement")
        trainers = self.worker.trainers()
        self.assertEqual(len(trainers), 2)
        self.worker.process.kill()
        self.worker.wait()
        wait_until(lambda: not any(alive(pid) for pid in trainers), "end of the trainers")

    def test_it_can_die_with_whoever_started_it(self):
        self.daemon = FakeDaemon()
        self.addCleanup(self.daemon.stop)
        shell = subprocess.Popen(
            ["/bin/sh", "-c", f"'{NINETY_WORKER}' --daemon {self.daemon.url} --die-with-parent "
             "--kernel default --trainer cat & echo $!; read line"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        worker = int(shell.stdout.readline())
        wait_until(lambda: self.daemon.workers, "registration")
        shell.kill()
        shell.wait()
        shell.stdin.close()
        shell.stdout.close()
        wait_until(lambda: not alive(worker), "end of the worker")


class TrainerTrouble(WorkerTest):
    def assert_fails(self, seed, pattern, retry=True):
        self.start()
        self.daemon.submit(seed, 0)
        failed = self.end_of(1)["failed"]
        self.assertRegex(failed["reason"], pattern)
        self.assertEqual(failed["retry"], retry)
        self.assert_done(2)

    def test_a_killed_trainer_is_a_failed_attempt(self):
        self.start()
        self.daemon.submit(9, 0)
        wait_until(lambda: self.daemon.steps.get((1, 1)), "first measurement")
        os.kill(self.worker.trainers()[0], signal.SIGKILL)
        failed = self.end_of(1)["failed"]
        self.assertIn("SIGKILL", failed["reason"])
        self.assertTrue(failed["retry"])
        self.assert_done(2)

    def test_a_trainer_stopped_by_somebody_is_a_failed_attempt(self):
        self.start()
        self.daemon.submit(9, 0)
        wait_until(lambda: self.daemon.steps.get((1, 1)), "first measurement")
        os.kill(self.worker.trainers()[0], signal.SIGTERM)
        self.assertIn("killed by SIGTERM", self.end_of(1)["failed"]["reason"])
        self.assert_done(2)

    def test_a_trainer_killed_for_want_of_memory_is_told_apart(self):
        try:
            group = MemoryGroup(128 << 20)
        except OSError as error:
            self.skipTest(f"no memory control group for this user: {error}")
        self.addCleanup(group.remove)
        self.start(prefix=group.prefix)
        self.daemon.submit(12, 0)
        failed = self.end_of(1)["failed"]
        self.assertIn("out of memory", failed["reason"])
        self.assertTrue(failed["retry"])
        self.assert_done(2)

    def test_rubbish_from_the_trainer_is_a_failed_attempt(self):
        self.assert_fails(2, "no line of the protocol")

    def test_news_of_another_trial_is_a_failed_attempt(self):
        self.assert_fails(3, "spoke of trial 2")

    def test_the_trainers_last_words_are_the_reason(self):
        self.assert_fails(4, "code 3.*no cheese . left")

    def test_a_failure_for_good_is_passed_on_as_such(self):
        self.assert_fails(5, "diverged at step 1", retry=False)

    def test_a_trainer_that_never_starts_claims_nothing_and_ends_the_worker(self):
        self.start(trainer="echo no cheese >&2; false", slots=2)
        self.daemon.submit(0)
        self.assertEqual(self.worker.wait(), 69)
        self.assertEqual(self.daemon.calls("/v1/claims"), [])
        self.assertRegex(self.worker.log, 'no trainer starts command="echo.*no cheese')


class Data(WorkerTest):
    def test_a_truncated_file_fails_the_trial_for_good_and_the_worker_lives(self):
        self.start()
        path = self.worker.data / "tiny" / "train-images-idx3-ubyte.gz"
        whole = path.read_bytes()
        path.write_bytes(whole[:len(whole) // 2])
        self.daemon.submit(0)
        failed = self.end_of(1)["failed"]
        self.assertIn("train-images", failed["reason"])
        self.assertFalse(failed.get("retry"))
        path.write_bytes(whole)
        self.daemon.submit(0)
        self.assert_done(2)

    def test_a8_labels_changed_in_the_cache_are_noticed_before_the_next_trial(self):
        cache = tempfile.TemporaryDirectory()  # not the one that other tests use as well
        self.addCleanup(cache.cleanup)
        self.start("--cache", cache.name)
        self.daemon.submit(0)
        sha256 = self.end_of(1)["done"]["data_sha256"]
        path = next(pathlib.Path(cache.name).glob(f"tiny/{sha256}/train-labels*"))
        true, before = path.read_bytes(), path.stat()
        with open(path, "r+b") as labels:
            labels.seek(8)
            labels.write(bytes(9 - label for label in true[8:]))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.daemon.submit(0)
        self.assertEqual(self.end_of(2)["done"]["data_sha256"], sha256)
        self.assertEqual(path.read_bytes(), true)
        self.assertIn("have changed", self.worker.log)

    def test_a_data_set_nobody_has_is_named(self):
        self.start()
        self.daemon.submit(0, dataset="unheard-of")
        failed = self.end_of(1)["failed"]
        self.assertIn("unheard-of", failed["reason"])


class LeftBehind(WorkerTest):
    """A15: processes that a trainer started in sessions of their own, and what it says."""

    def left(self, n=1):
        said = r'trainer says slot=\d "left=(\d+);"'
        wait_until(lambda: len(re.findall(said, self.worker.log)) >= n, "a process left behind")
        return [int(pid) for pid in re.findall(said, self.worker.log)]

    def test_a15_what_a_trainer_left_behind_ends_with_it(self):
        self.start()
        self.daemon.submit(23)
        self.assertIn("exited with code 3", self.end_of(1)["failed"]["reason"])
        wait_until(lambda: not alive(self.left()[0]), "its end")
        self.daemon.submit(0)
        self.assert_done(2)

    def test_a15_all_that_is_left_is_gone_with_the_worker(self):
        self.start(slots=2)
        self.daemon.submit(24, 23, 25, 23, 23)  # 25's hides whose it is
        for trial in range(1, 6):
            self.end_of(trial)
        pids = self.left(5)
        wait_until(lambda: sum(alive(pid) for pid in pids) <= 1, "end of those that are left")
        self.worker.terminate()
        self.assertEqual(self.worker.wait(), 0)
        self.assertFalse([pid for pid in pids if alive(pid)])

    def test_a15_one_that_hides_whose_it_is_is_younger_than_its_trainer(self):
        self.start()
        self.daemon.submit(25, 4, 0)  # it stays, its trainer dies, and a younger one goes on
        for trial in (1, 2, 3):
            self.end_of(trial)
        wait_until(lambda: not alive(self.left()[0]), "its end")

    def test_a15_what_belongs_to_a_trainer_that_lives_stays(self):
        self.start(slots=2)
        self.daemon.submit(9, 24)  # 9 goes on for ever: the other slot has all that follows
        self.end_of(2)
        helper = self.left()[0]
        self.daemon.submit(0)
        self.assert_done(3)
        self.assertTrue(alive(helper))
        self.daemon.submit(23)
        self.end_of(4)
        wait_until(lambda: not any(alive(pid) for pid in self.left(2)), "end of what is left")

    def test_a15_a_helper_that_ends_by_itself_is_buried(self):
        self.start()
        self.daemon.submit(24)
        self.assertIn("done", self.end_of(1))
        helper = self.left()[0]
        self.assertTrue(alive(helper))
        os.kill(helper, signal.SIGKILL)
        wait_until(lambda: not pathlib.Path(f"/proc/{helper}").exists(), "its burial")
        self.daemon.submit(0)
        self.assert_done(2)

    def test_a15_a_trainer_that_says_very_much_fills_no_log(self):
        self.start()
        self.daemon.submit(26)
        self.assertIn("done", self.end_of(1))
        self.worker.terminate()
        self.worker.wait()
        self.assertLess(self.worker.log_path.stat().st_size, 200_000)
        self.assertRegex(self.worker.log, r"said more than is logged slot=0 bytes_left_out=19\d{6}\n")


class Deploy(WorkerTest):
    def test_the_slurm_script_runs_a_worker_with_the_tasks_cores_and_leaves_when_idle(self):
        self.daemon = FakeDaemon(token=RIGHT)
        self.addCleanup(self.daemon.stop)
        with tempfile.TemporaryDirectory(prefix="ninety-") as home:
            token = pathlib.Path(home) / ".config" / "ninety" / "token"
            token.parent.mkdir(parents=True)
            token.write_text(RIGHT + "\n", encoding="ascii")
            token.chmod(0o600)
            env = {**os.environ, "HOME": home, "NINETY_DAEMON": self.daemon.url,
                   "SLURM_CPUS_PER_TASK": "3", "NINETY_IDLE_S": "1", "OPENBLAS_CORETYPE": "default",
                   "PATH": f"{pathlib.Path(NINETY_WORKER).parent}:{os.environ['PATH']}"}
            done = subprocess.run([SOURCE_ROOT / "deploy" / "ninety-worker.sbatch"], env=env,
                                  capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.daemon.calls("/v1/workers")[0]["slots"], 3)
        env.pop("NINETY_DAEMON")
        done = subprocess.run([SOURCE_ROOT / "deploy" / "ninety-worker.sbatch"], env=env,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("NINETY_DAEMON", done.stderr)


class CommandLine(unittest.TestCase):
    def run_worker(self, *options, **env):
        return subprocess.run([NINETY_WORKER, *options], capture_output=True, text=True, timeout=20,
                              stdin=subprocess.DEVNULL, env={**os.environ, **env})

    def test_help_names_every_flag_and_version_says_it(self):
        done = self.run_worker("--help")
        self.assertEqual(done.returncode, 0)
        for flag in ("daemon", "token-file", "slots", "trainer", "data", "exit-when-idle",
                     "kernel", "cache", "version", "help", "no-pin", "die-with-parent",
                     "hang-timeout"):
            self.assertIn(f"--{flag}", done.stdout)
        page = (SOURCE_ROOT / "docs" / "workers.md").read_text(encoding="utf-8")
        for flag in re.findall(r"--[a-z-]+", done.stdout):
            self.assertIn(f"`{flag}", page, "docs/workers.md")
        self.assertTrue(re.fullmatch(r"ninety-worker \d+\.\d+\.\d+\n",
                                     self.run_worker("--version").stdout))

    def test_wrong_arguments_are_one_clear_line_and_2(self):
        for options, words in [(["--slots", "0"], "--slots wants a number from 1"),
                               (["--slots", "two"], "not 'two'"),
                               (["--daemon", "ftp://localhost:9190"], "ftp://"),
                               (["--exit-when-idle", "-1"], "number of seconds"),
                               (["--token-file", "/nonexistent"], "No such file"),
                               (["--token-file", "/dev/null"], "is not a file"),
                               (["extra"], "unexpected argument 'extra'")]:
            with self.subTest(options):
                done = self.run_worker(*options)
                self.assertEqual(done.returncode, 2)
                self.assertIn(words, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)

    def test_a_missing_trainer_is_named_with_the_remedy(self):
        done = self.run_worker(NINETY_TRAINER="/nonexistent")
        self.assertEqual(done.returncode, 1)
        self.assertIn("NINETY_TRAINER", done.stderr)


if __name__ == "__main__":
    unittest.main()
