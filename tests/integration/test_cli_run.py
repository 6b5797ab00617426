"""`ninety run` and `ninety train` with the real daemon, worker and trainer."""
import csv
import fcntl
import hashlib
import io
import json
import os
import platform
import pty
import re
import shlex
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

from daemon import alive
from ninety import NINETY, SOURCE_ROOT, TINY, Programs, descendants, environment, until


OTHER_TRAINER = """
import json, sys
print(json.dumps({"type": "ready", "protocol": 1, "trainer": "NAME", "kernel": "k"}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    of = {"trial": job["trial"], "attempt": job["attempt"]}
    print(json.dumps({"type": "measurement", **of, "step": 4, "test_accuracy": 0.95, "train_loss": 0.1, "cpu_ms": 1,
                      "wall_ms": 1}))
    print(json.dumps({"type": "done", **of, "steps": 4, "steps_to_target": 4, "final_accuracy": 0.95}),
          flush=True)
"""


class Run(Programs):
    def run_tiny(self, *words, **more):
        return self.ninety("run", "--db", self.db, *TINY, *words, **more)

    def start_long(self):
        """A sweep that takes a while, under way: some trials done, some not."""
        words = [NINETY, "run", "--db", self.db, *TINY, "--depth", "1..2", "--replicates", "60"]
        process = self.start(*words)
        until(lambda: self.count("succeeded") >= 4 or process.poll() is not None, "trials to be done")
        self.assertIsNone(process.poll(), "the sweep ended before the test began")
        return process, words

    def test_a_sweep_ends_with_table_chart_and_a_query_that_works(self):
        done = self.run_tiny("--depth", "1..2", "--batch-norm", "none,before", "--replicates", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("batch_norm=none", done.stdout)
        self.assertIn("reached/n", done.stdout)
        self.assertIn("8 of 8 trials done", done.stderr)
        self.assertEqual(self.count("succeeded"), 8)
        line = re.search(r"^  (sqlite3 .*)$", done.stdout, re.M).group(1)
        rows = subprocess.run(["sh", "-c", line], capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(len(rows.stdout.splitlines()), 4, rows.stderr)

    def test_d22_the_commands_at_the_end_are_quoted_for_the_shell(self):
        self.db = self.folder / "my 'best' results" / "n.db"
        self.db.parent.mkdir()
        done = self.run_tiny("--depth", "1..2")
        line = re.search(r"^  (sqlite3 .*)$", done.stdout, re.M).group(1)
        rows = subprocess.run(["sh", "-c", line], capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(len(rows.stdout.splitlines()), 2, rows.stderr)
        line = re.search(r"^to look at them in a browser: (.*), then open", done.stdout, re.M).group(1)
        self.assertEqual(shlex.split(line)[-2:], ["--db", str(self.db)])

    def test_the_same_command_again_trains_nothing_again(self):
        first = self.run_tiny("--depth", "1", "--replicates", "3")
        before = self.query("SELECT trial, finished_at, weights_sha256 FROM results")
        again = self.run_tiny("--depth", "1", "--replicates", "3")
        self.assertEqual((first.returncode, again.returncode), (0, 0), again.stderr)
        self.assertIn("3 of 3 trials are done", again.stderr)
        self.assertEqual(self.query("SELECT trial, finished_at, weights_sha256 FROM results"), before)
        self.assertEqual(self.query("SELECT count(*) FROM sweeps"), [(1,)])

    def write_trainer(self, name):
        """Another trainer, which reaches every target at step 4."""
        path = self.folder / "mine.py"
        path.write_text(OTHER_TRAINER.replace("NAME", name))
        return f"{shlex.quote(sys.executable)} {path}"

    def test_b1_results_of_another_trainer_are_never_shown_as_this_ones(self):
        words = ["--depth", "1", "--replicates", "2", "--format", "csv"]
        theirs = self.run_tiny(*words, "--trainer", self.write_trainer("mine 1"))
        self.assertEqual(theirs.returncode, 0, theirs.stderr)
        ours = self.run_tiny(*words)
        self.assertEqual(ours.returncode, 0, ours.stderr)
        self.assertIn("sweep 1 has the same cells, but results of mine 1", ours.stderr)
        newer = self.run_tiny(*words, "--trainer", self.write_trainer("mine 2"), "--reuse")
        self.assertNotIn("from earlier sweeps", newer.stderr)
        trainers = "SELECT sweep, trainer, count(*) FROM results GROUP BY sweep, trainer"
        built_in = self.query("SELECT DISTINCT trainer FROM results WHERE sweep = 2")[0][0]
        self.assertEqual(self.query(trainers), [(1, "mine 1", 2), (2, built_in, 2), (3, "mine 2", 2)])
        # Each finds its own again.
        for trainer, sweep in ((None, 2), ("mine 1", 1), ("mine 2", 3)):
            more = ["--trainer", self.write_trainer(trainer)] if trainer else []
            done = self.run_tiny(*words, *more)
            self.assertIn(f"sweep {sweep} is in", done.stderr)
            self.assertIn("2 of 2 trials are done", done.stderr)
            self.assertEqual({row["sweep"] for row in csv.DictReader(io.StringIO(done.stdout))}, {str(sweep)})
        self.assertEqual(self.query("SELECT count(*) FROM sweeps"), [(3,)])

    def test_b1_failures_of_another_trainer_are_its_own(self):
        words = ["--depth", "1", "--max-attempts", "1"]
        failing = self.folder / "failing"
        failing.write_text("#!/bin/sh\necho '{\"type\": \"ready\", \"protocol\": 1, \"trainer\": \"bad 1\", "
                           "\"kernel\": \"k\"}'\nread job\nexit 1\n")
        failing.chmod(0o755)
        self.assertEqual(self.run_tiny(*words, "--trainer", failing).returncode, 3)
        self.assertEqual(self.run_tiny(*words).returncode, 0)
        done = self.run_tiny(*words, "--trainer", failing)
        self.assertEqual(done.returncode, 3)
        self.assertIn("sweep 1 is in", done.stderr)

    def test_b1_a_database_of_version_0_2_0_is_gone_on_with(self):
        words = ["--depth", "1..2", "--replicates", "2"]
        self.assertEqual(self.run_tiny(*words).returncode, 0)
        spec, key = self.query("SELECT spec, idempotency_key FROM sweep_specs JOIN sweeps ON id = sweep")[0]
        self.assertEqual(key, "run-" + hashlib.sha256(spec.encode()).hexdigest())  # as 0.2.0 made it
        self.write("UPDATE attempts SET trainer = 'ninety-trainer 0.2.0'")
        before = self.query("SELECT * FROM results")
        done = self.run_tiny(*words)
        self.assertIn("4 of 4 trials are done", done.stderr)
        self.assertEqual(self.query("SELECT * FROM results"), before)
        # 0.2.0 gave another trainer's sweep the same key.
        self.write("UPDATE attempts SET trainer = 'mine 1'")
        for _ in range(2):
            done = self.run_tiny(*words)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.query("SELECT sweep, count(*) FROM results WHERE state = 'succeeded' "
                                        "AND trainer LIKE 'ninety-trainer %' GROUP BY sweep"), [(2, 4)])

    def test_b1_of_an_older_engine_only_what_differs_is_trained_again(self):
        words = ["--depth", "1", "--batch-norm", "none,after", "--replicates", "2"]
        self.assertEqual(self.run_tiny(*words).returncode, 0)
        self.write("UPDATE attempts SET trainer = 'ninety-trainer 0.2.0'")
        done = self.run_tiny(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("takes over what both compute alike", done.stderr)
        self.assertEqual(self.query("SELECT batch_norm, reused_from FROM results WHERE sweep = 2"),
                         [("none", 1), ("none", 2), ("after", None), ("after", None)])
        self.assertIn("sweep 2 is in", self.run_tiny(*words).stderr)

    def write(self, sql):
        """Writes what ninetyd never would, triggers out of the way and back."""
        connection = sqlite3.connect(self.db)
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(sql)
        for _, text in triggers:
            connection.execute(text)
        connection.commit()
        connection.close()

    def test_d19_what_trains_the_same_is_the_same_sweep(self):
        cells = '"parameters": {"depth": [1, 2], "batch_norm": ["none", "before"]}'
        base = ('"base": {"dataset": "synthetic-digits", "width": 16, "train_size": 2000, '
                '"batch_size": 100, "max_steps": 20}')
        first, second = self.folder / "a.json", self.folder / "renamed.json"
        first.write_text(f"{{{base}, {cells}}}")
        second.write_text(f'{{"replicates": 1, "seed": 0, {cells}, {base}}}')
        done = self.ninety("run", first, "--db", self.db)
        self.assertEqual(done.returncode, 0, done.stderr)
        more = [[first, "--priority", "5"], [first, "--max-attempts", "7"], [first, "--max-running", "1"],
                [first, "--replicates", "1"], [second], ["-"], [first, "--optimizer", "adam"],
                [first, "--beta2", "0.999"], [first, "--reuse"],
                [*TINY, "--batch-norm", "before,none", "--depth", "2,1"]]
        for words in more:
            done = self.ninety("run", *words, "--db", self.db, stdin=first.read_text())
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("sweep 1 is in", done.stderr, words)
            self.assertIn("4 of 4 trials are done", done.stderr, words)
        self.assertIn("it keeps its priority, which is 0",
                      self.ninety("run", first, "--priority", "5", "--db", self.db).stderr)
        self.assertEqual(self.query("SELECT count(*) FROM sweeps"), [(1,)])
        for words in [["--seed", "1"], ["--replicates", "2"], ["--max-steps", "21"], ["--depth", "1,3"]]:
            done = self.ninety("run", first, *words, "--db", self.db)
            self.assertNotIn("is in", done.stderr, words)
        self.assertEqual(self.query("SELECT count(*) FROM sweeps"), [(5,)])

    def test_more_replicates_train_only_what_is_new(self):
        self.run_tiny("--depth", "1", "--replicates", "3")
        more = self.run_tiny("--depth", "1", "--replicates", "5", "--reuse")
        self.assertEqual(more.returncode, 0, more.stderr)
        self.assertRegex(more.stderr, "5 of 5 trials done, .*, 3 from earlier sweeps")
        self.assertEqual(self.query("SELECT reused_from FROM results WHERE sweep = 2 ORDER BY trial"),
                         [(1,), (2,), (3,), (None,), (None,)])
        same = "SELECT count(*), count(DISTINCT weights_sha256) FROM results WHERE seed < 3"
        self.assertEqual(self.query(same), [(6, 3)])
        self.assertEqual(self.ninety("check", "--db", self.db).returncode, 0)

    def test_ctrl_c_ends_in_order_and_the_same_command_goes_on(self):
        process, words = self.start_long()
        started = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, said)
        self.assertIn("run the same command again", said)
        until(lambda: not any(alive(pid) for pid in started), "daemon, worker and trainers to end")
        kept = dict(self.query("SELECT trial, weights_sha256 FROM results WHERE state = 'succeeded'"))
        self.assertGreaterEqual(len(kept), 4)
        self.assertEqual(self.count("running"), 0, "a trial was not handed back")

        again = self.start(*words)
        _, said = again.communicate(timeout=120)
        self.assertEqual(again.returncode, 0, said)
        rows = self.query("SELECT trial, state, attempts, weights_sha256 FROM results")
        self.assertEqual(len(rows), 120)
        self.assertEqual({state for _, state, _, _ in rows}, {"succeeded"})
        for trial, _, _, sha256 in rows:
            self.assertEqual(sha256, kept.get(trial, sha256), "a finished trial was trained again")

    def test_a_killed_run_leaves_no_process_behind(self):
        process, _ = self.start_long()
        started = descendants(process.pid)
        self.assertGreaterEqual(len(started), 3)  # daemon, worker, a trainer
        process.kill()
        until(lambda: not any(alive(pid) for pid in started), "daemon, worker and trainers to end")

    def test_a_database_in_use_is_told_with_the_way_round(self):
        _, url = self.start_daemon()
        done = self.run_tiny("--depth", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"ninety submit --watch --daemon {url}", done.stderr)
        self.assertIn(str(self.db), done.stderr)

    def test_failed_trials_are_told_and_can_be_trained_again(self):
        trainer = self.folder / "trainer"
        trainer.write_text("#!/bin/sh\n"
                           "echo '{\"type\": \"ready\", \"protocol\": 1, \"trainer\": \"t\", \"kernel\": \"k\"}'\n"
                           "read job\necho out of luck >&2\nexit 1\n")
        trainer.chmod(0o755)
        words = ["--depth", "1", "--max-attempts", "1"]
        done = self.run_tiny(*words, "--trainer", trainer)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertRegex(done.stdout, "trial 1 failed: .*out of luck")
        self.assertIn("--retry", done.stdout)

        self.assertEqual(self.run_tiny(*words, "--trainer", trainer).returncode, 3)
        trainer.write_text(OTHER_TRAINER.replace("NAME", "t"))
        done = self.run_tiny(*words, "--trainer", f"{shlex.quote(sys.executable)} {trainer}", "--retry")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_trainer_that_cannot_start_ends_it_and_is_named(self):
        done = self.run_tiny("--depth", "1", "--trainer", "no-such-trainer --fast")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, "not found\nninety run: the trainer no-such-trainer --fast ended with "
                                      "status 127 before it was ready\n$")
        self.assertFalse(self.db.exists())
        done = self.run_tiny("--depth", "1")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_other_sweeps_of_the_database_are_said_to_be_trained_too(self):
        process, _ = self.start_long()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        done = self.run_tiny("--depth", "3", "--name", "mine")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"also holds sweep 1 \(.*\), \d+ of 120 trials done")
        self.assertNotIn("also holds sweep 2", done.stderr)

    def test_data_that_cannot_be_had_are_told_before_anything_is_trained(self):
        done = self.ninety("run", "--db", self.db, "--dataset", "no-such-data", "--depth", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no-such-data", done.stderr)
        self.assertFalse(self.db.exists())

    def test_a_fallback_is_said_loudly(self):
        sweep = self.folder / "sweep.json"
        sweep.write_text('{"base": {"dataset": "no-such-data", "hidden_units": [16], "max_steps": 5}}')
        done = self.ninety("run", sweep, "--db", self.db, "--fallback-dataset", "synthetic-digits")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("*** training on synthetic-digits instead", done.stderr)
        self.assertEqual(self.query("SELECT DISTINCT dataset FROM results"), [("synthetic-digits",)])

    def test_what_the_daemon_refuses_is_told_as_field_and_message(self):
        done = self.run_tiny("--depth", "1,1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("ninety run: parameters.depth", done.stderr)

    def test_a_folder_that_cannot_be_written_is_told(self):
        done = self.ninety("run", "--db", "/nonexistent/x.db", *TINY, "--depth", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/x.db", done.stderr)

    def test_csv_and_json_are_all_there_is_on_standard_output(self):
        done = self.run_tiny("--depth", "1..2", "--format", "json")
        self.assertEqual([row["depth"] for row in json.loads(done.stdout)["summary"]], [1, 2])
        done = self.run_tiny("--depth", "1..2", "--format", "csv")
        self.assertEqual(len(done.stdout.splitlines()), 3)


class Verify(Programs):
    """What was trained once, held against what is trained now."""

    def setUp(self):
        super().setUp()
        done = self.ninety("run", "--db", self.db, *TINY, "--depth", "1..2", "--replicates", "2")
        self.assertEqual(done.returncode, 0, done.stderr)

    def tamper(self, sql):
        """Writes what ninetyd never would, triggers out of the way."""
        connection = sqlite3.connect(self.db)
        for name, in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(sql)
        connection.commit()
        connection.close()

    def test_trials_are_the_same_when_trained_again(self):
        done = self.ninety("verify", "1", "4", "--db", self.db)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, "trial 1: the same: 20 steps, [0-9]+ measurements, weights [0-9a-f]{12} ")
        self.assertIn("all 2 trials verified", done.stdout)
        done = self.ninety("verify", "--sample", "3", "--db", self.db)
        self.assertEqual(done.stdout.count("the same"), 3, done.stdout + done.stderr)

    def test_points_of_the_curve_are_where_they_are_wanted(self):
        done = self.ninety("run", "--db", self.db, *TINY, "--depth", "1", "--measure-every", "0,1,7,50",
                           "--format", "csv")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 5)
        points = dict(self.query("""SELECT measure_every, group_concat(step, ' ') FROM
            (SELECT * FROM curves WHERE sweep = 2 ORDER BY trial, step) GROUP BY measure_every"""))
        self.assertEqual(points, {0: "8 16 20", 1: " ".join(map(str, range(1, 21))), 7: "7 14 20",
                                  50: "20"})
        self.assertEqual(self.query("SELECT count(DISTINCT weights_sha256) FROM results WHERE sweep = 2"),
                         [(1,)])
        done = self.ninety("verify", "--sweep", "2", "--sample", "4", "--db", self.db)
        self.assertEqual(done.stdout.count("the same"), 4, done.stdout + done.stderr)
        self.assertIn(", 20 measurements, ", done.stdout)

    def test_a_number_that_was_changed_is_found(self):
        self.tamper("UPDATE measurements SET train_loss = train_loss + 1e-6 WHERE trial = 2 AND step = 8")
        done = self.ninety("verify", "2", "--db", self.db)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("trial 2: DIFFERS in 1 places\n  training loss at step 8", done.stdout)

    def test_a_record_with_more_points_is_compared_where_both_were_measured(self):
        self.tamper("INSERT INTO measurements VALUES (2, 1, 4, 0.123, 2.0, 1, 1)")
        done = self.ninety("verify", "2", "--db", self.db)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("trial 2: the same: 20 steps, 3 of 4 measurements", done.stdout)

    def other_kernel(self):
        """One that rounds in another way than the one on record, on any x86 machine."""
        if platform.machine() != "x86_64":
            self.skipTest("the kernels named here are those of x86-64")
        recorded = self.query("SELECT DISTINCT kernel FROM results")[0][0]
        return recorded, "Haswell" if recorded == "Prescott" else "Prescott"

    def test_c5_on_another_kernel_the_gradients_of_step_1_must_agree(self):
        recorded, other = self.other_kernel()
        done = self.ninety("verify", "3", "--kernel", other, "--db", self.db)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, f"on kernel {recorded}, trained here by .* on {other}: "
                                      "not the same rounding, so step 1 is compared")
        self.assertIn("gradients may differ by 0.01 %, the loss by 0.01 %\n", done.stdout)
        self.assertRegex(done.stdout, r"trial 3: close: the gradients of 3 layers at step 1 differ by at "
                                      r"most [0-9.e-]+ % \(kernel " + other)

    def test_c5_steps_to_the_target_are_held_against_the_cells_seeds_and_are_no_failure(self):
        _, other = self.other_kernel()
        done = self.ninety("verify", "3", "--kernel", other, "--db", self.db)
        self.assertIn("never recorded, never here, never by any of its cell's 2 seeds", done.stdout)
        self.tamper("UPDATE attempts SET steps_to_target = 7")
        self.tamper("UPDATE trials SET reached = 1")
        done = self.ninety("verify", "3", "--kernel", other, "--db", self.db)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("steps to the target: 7 recorded, never here, outside of what its cell's 2 seeds "
                      "took (7 to 7)", done.stdout)
        self.tamper("UPDATE attempts SET steps_to_target = NULL WHERE trial = 4")
        self.tamper("UPDATE trials SET reached = 0 WHERE id = 4")
        done = self.ninety("verify", "3", "--kernel", other, "--db", self.db)
        self.assertIn("within what its cell's 2 seeds took (7 to never)", done.stdout)

    def test_c5_other_gradients_are_a_difference_beyond_what_two_kernels_differ_here(self):
        _, other = self.other_kernel()
        self.tamper("UPDATE layer_stats SET gradient_rms = 1.5 * gradient_rms "
                    "WHERE trial = 3 AND step = 1 AND layer = 1")
        done = self.ninety("verify", "3", "--kernel", other, "--db", self.db)
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("trial 3: DIFFERS in 1 places\n  gradient of layer 1 at step 1:", done.stdout)

    def test_c5_a_deep_normalized_network_is_given_what_two_kernels_differ_here(self):
        _, other = self.other_kernel()
        words = ["--hidden-units", ",".join(["16"] * 60), "--batch-norm", "before", "--max-steps", "1"]
        tiny = [word for word in TINY if word not in ("--width", "16", "--max-steps", "20")]
        done = self.ninety("run", "--db", self.db, *tiny, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.ninety("verify", "5", "--kernel", other, "--db", self.db)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"gradients may differ by [0-9.e+]+ %, the loss by [0-9.e+]+ %: at least ten "
                                      f"times what they do between {other} and [A-Za-z]+ here")
        self.assertIn("trial 5: close", done.stdout)

    def test_c5_a_kernel_that_is_nowhere_is_said_and_compared_closely(self):
        self.tamper("UPDATE attempts SET kernel = 'Nonesuch'")
        done = self.ninety("verify", "3", "--db", self.db)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("on kernel Nonesuch", done.stdout)
        self.assertIn("trial 3: close", done.stdout)

    def test_c8_verify_says_why_an_older_engines_result_is_not_compared_to_the_bit(self):
        done = self.ninety("run", "--db", self.db, *TINY, "--depth", "1", "--batch-norm", "after,before")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.tamper("UPDATE attempts SET trainer = 'ninety-trainer 0.2.0'")
        after, before = self.query("SELECT trial FROM results WHERE sweep = 2 ORDER BY batch_norm")
        done = self.ninety("verify", *after, *before, "--db", self.db)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("since engine 2 parameters of such a network whose gradient is zero", done.stdout)
        self.assertIn(f"trial {after[0]}: close", done.stdout)
        self.assertIn(f"trial {before[0]}: the same", done.stdout)

    def test_what_cannot_be_verified_is_told(self):
        done = self.ninety("verify", "99", "--db", self.db)
        self.assertEqual(done.returncode, 1)
        self.assertIn("trial", done.stderr)
        self.assertEqual(self.ninety("verify", "x", "--db", self.db).returncode, 2)
        self.assertEqual(self.ninety("verify", "--db", self.db).returncode, 2)

    def test_check_passes_a_good_database_and_names_what_is_wrong_in_a_bad_one(self):
        done = self.ninety("check", "--db", self.db)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.tamper("UPDATE sweeps SET reached = reached + 1")
        done = self.ninety("check", "--db", self.db)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("sweep 1", done.stdout)
        done = self.ninety("check", "--db", self.folder / "none.db")
        self.assertEqual(done.returncode, 1)


class Terminal(Programs):
    """On a pseudo-terminal, as a person sees it."""

    def run_on_terminal(self, *words, columns=100, typed="", narrower=None, **more):
        try:
            leader, follower = pty.openpty()
        except OSError as error:
            self.skipTest(f"no pseudo-terminal: {error}")
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = subprocess.Popen([NINETY, *map(str, words)], stdin=follower, stdout=follower,
                                   stderr=follower, cwd=self.folder,
                                   env=environment(TERM="xterm", **more))
        os.close(follower)
        os.write(leader, typed.encode())
        shown = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # the last holder of the other end has gone
                break
            if not piece:
                break
            shown += piece
            if narrower and b"\x1b[K" in shown:
                fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 40, narrower, 0, 0))
                process.send_signal(signal.SIGWINCH)  # as its terminal does for whom it is the own one
                self.before, narrower = len(shown), None
        os.close(leader)
        return process.wait(), shown.decode()

    def test_progress_is_a_bar_that_is_redrawn(self):
        code, shown = self.run_on_terminal("run", "--db", self.db, *TINY, "--depth", "1..2",
                                           "--replicates", "10")
        self.assertEqual(code, 0, shown)
        bars = re.findall(r"\r([^\r\n]*)\x1b\[K", shown)
        self.assertGreater(len(bars), 1)
        self.assertIn("█", bars[-1])
        self.assertIn("20/20", bars[-1])
        self.assertIn("\x1b[32m", shown)

    def test_b8_a_bar_follows_the_width_of_its_terminal(self):
        code, shown = self.run_on_terminal("run", "--db", self.db, *TINY, "--depth", "1..3", "--replicates",
                                           "20", "--name", "x" * 24, columns=120, narrower=50, NO_COLOR="1")
        self.assertEqual(code, 0, shown)
        bars = re.findall(r"\r([^\r\n\x1b]*)\x1b\[K", shown)
        self.assertGreater(len(bars[0]), 60)  # too long for the narrower one
        self.assertLess(len(bars[-1]), 50)
        # What stood there in more rows than one was taken away whole, once.
        self.assertEqual(re.findall(r"\x1b\[(\d+)A\r\x1b\[J", shown), ["1"])

    def assert_fits(self, *words, columns=80, code=0):
        got, shown = self.run_on_terminal(*words, columns=columns, NO_COLOR="1")
        self.assertEqual(got, code, shown)
        for line in shown.splitlines():
            self.assertLessEqual(len(line), columns, f"{words}: {line}")
        return shown

    def test_b8_tables_fit_their_terminal(self):
        rates = "0.001,0.002,0.003,0.004,0.005,0.006,0.007,0.00812345"
        words = ["run", "--db", self.db, *TINY, "--depth", "1,7", "--learning-rate", rates, "--replicates", "2"]
        self.assertEqual(self.ninety(*words).returncode, 0)
        wide = self.ninety("summary", "--db", self.db).stdout
        self.assertIn("learning_rate=0.00812345", wide)  # piped: the table with two sides, whole
        self.assertGreater(max(map(len, wide.splitlines())), 150)
        for columns in (80, 60):
            shown = self.assert_fits("summary", "--db", self.db, columns=columns)
            self.assertRegex(shown, r"depth +learning_rate +steps\s")
            self.assertEqual(len(re.findall(r"^ +[17] +0\.00\d+ +>?\d+ \[.*\] +\d/2\s*$", shown, re.M)), 16, shown)
        self.assert_fits("status", "--db", self.db)
        shown = self.assert_fits("results", "--db", self.db)
        self.assertRegex(shown, r"left out for want of width: .*kernel.*; --format csv has all")
        self.assertNotIn("left out", self.ninety("results", "--db", self.db).stdout)
        shown = self.assert_fits("layers", "--db", self.db)
        self.assertRegex(shown, r"depth +learning_rate +trials +layer +gradient_rms")
        self.assert_fits("workers", "--db", self.db)

    def test_b8_help_fits_its_terminal(self):
        overview = self.assert_fits("help")
        for line in overview.splitlines():
            if line.startswith("  ") and line[2] != " ":
                self.assert_fits("help", line.split()[0])
        for words in (["help"], ["help", "run"]):
            self.assert_fits(*words, columns=50)

    def test_b5_delete_asks_on_a_terminal(self):
        self.assertEqual(self.ninety("run", "--db", self.db, *TINY, "--depth", "1", "--name", "tiny").returncode, 0)
        for typed in ("n\n", "\n", "no\n", "\x04"):
            code, shown = self.run_on_terminal("delete", "1", "--db", self.db, typed=typed)
            self.assertEqual(code, 1, shown)
            self.assertIn("delete sweep 1 (tiny), its 1 trial and all their results? [y/N]", shown)
            self.assertIn("sweep 1 is kept", shown)
            self.assertEqual(self.count("succeeded"), 1)
        code, shown = self.run_on_terminal("delete", "1", "--db", self.db, typed="y\n")
        self.assertIn("deleted, with 1 trial", shown)
        self.assertEqual((code, self.count("succeeded")), (0, 0))

    def test_b5_a_script_is_not_asked(self):
        for words in (["--yes"], []):
            self.assertEqual(self.ninety("run", "--db", self.db, *TINY, "--depth", "1", "--name", "tiny").returncode, 0)
            if words:
                code, shown = self.run_on_terminal("delete", "tiny", "--db", self.db, *words)
            else:
                done = self.ninety("delete", "tiny", "--db", self.db)
                code, shown = done.returncode, done.stdout
            self.assertEqual(code, 0, shown)
            self.assertNotIn("[y/N]", shown)
            self.assertEqual(self.count("succeeded"), 0)

    def test_no_color_and_plain_letters_are_respected(self):
        code, shown = self.run_on_terminal("run", "--db", self.db, *TINY, "--depth", "1..3", "--batch-norm",
                                           "before", NO_COLOR="1", LC_ALL="C")
        self.assertEqual(code, 0, shown)
        self.assertNotRegex(shown, r"\x1b\[[0-9;]*m")
        self.assertTrue(shown.isascii(), shown)


class Train(Programs):
    words = ["train", *TINY, "--depth", "2", "--batch-norm", "before", "--seed", "1"]

    def test_the_same_seed_gives_the_same_weights(self):
        outcomes = [json.loads(self.ninety(*self.words, "--json").stdout) for _ in range(2)]
        self.assertEqual(outcomes[0]["weights_sha256"], outcomes[1]["weights_sha256"])
        self.assertEqual(len(outcomes[0]["weights_sha256"]), 64)
        other = json.loads(self.ninety(*self.words, "--json", "--seed", "2").stdout)
        self.assertNotEqual(other["weights_sha256"], outcomes[0]["weights_sha256"])
        for member in ("steps_to_target", "seconds_to_target", "final_accuracy", "steps",
                       "ms_per_step", "kernel"):
            self.assertIn(member, other)
        self.assertEqual(other["config"]["hidden_units"], [16, 16])

    def test_b14_json_is_asked_for_as_of_other_commands(self):
        shown = json.loads(self.ninety(*self.words, "--format", "json").stdout)
        self.assertEqual(shown["config"]["hidden_units"], [16, 16])
        done = self.ninety(*self.words, "--format", "csv")
        self.assertEqual((done.returncode, done.stdout), (2, ""))

    def test_people_see_it_learn(self):
        done = self.ninety(*self.words, "--measure-every", "5")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("synthetic-digits, 16-16 relu, batch norm before", done.stdout)
        self.assertEqual(re.findall(r"^ +(\d+) +[0-9.]+ %", done.stdout, re.M), ["5", "10", "15", "20"])
        self.assertRegex(done.stdout, "weights sha256 [0-9a-f]{64}")

    def test_a_diverging_network_is_told(self):
        done = self.ninety("train", "--dataset", "synthetic-digits", "--depth", "2", "--optimizer", "sgd",
                           "--learning-rate", "1000")
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("diverged at step", done.stderr)

    def test_wrong_configurations_are_told_by_field(self):
        done = self.ninety("train", "--depth", "70", "--json")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("depth", done.stderr)
        self.assertEqual(self.ninety("train").returncode, 2)

    def test_a_saved_network_goes_on_from_where_it_was(self):
        with tempfile.TemporaryDirectory() as folder:
            model, trace = f"{folder}/model.safetensors", f"{folder}/trace"
            saved = json.loads(self.ninety(*self.words, "--json", "--save", model).stdout)
            gone_on = self.ninety(*self.words, "--json", "--load", model, "--trace", trace)
            self.assertEqual(gone_on.returncode, 0, gone_on.stderr)
            with open(trace, encoding="utf-8") as lines:
                first = json.loads(lines.readline())
        self.assertLess(first["loss"], 2 * saved["final_loss"])

    def test_b14_a_kernel_that_is_not_there_is_refused(self):
        done = self.ninety(*self.words, "--kernel", "Abacus", "--json")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, "^ninety train: OpenBLAS has no kernel 'Abacus' on this machine and "
                                      "would run [A-Za-z0-9]+; it knows some of [A-Z].*, .*\n$")
        kernel = json.loads(self.ninety(*self.words, "--json").stdout)["kernel"]
        self.assertEqual(self.ninety(*self.words, "--kernel", kernel, "--json").stderr, "")

    def test_files_need_our_own_trainer(self):
        done = self.ninety(*self.words, "--save", "x", "--trainer", "true")
        self.assertEqual(done.returncode, 2)
        self.assertIn("option of ninety-trainer", done.stderr)
        for flag, what in ("--load", "read"), ("--order", "read"), ("--save", "write"), ("--trace", "write"):
            done = self.ninety(*self.words, flag, "/nowhere/file")  # told before it trains
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(f"{flag}: cannot {what} /nowhere/file: No such file", done.stderr)

    def test_e14_a_network_that_does_not_fit_cannot_be_loaded(self):
        model = f"{self.folder}/model.safetensors"
        self.assertEqual(self.ninety(*self.words, "--save", model).returncode, 0)
        without = ["none" if word == "before" else word for word in self.words]
        done = self.ninety(*without, "--load", model)
        self.assertEqual(done.returncode, 1, done.stderr)  # not 3: nothing was trained
        self.assertIn(f"{model}: it has no array layers.0.dense.bias", done.stderr)
        with open(model, "wb") as file:
            file.write(b"nonsense")
        done = self.ninety(*self.words, "--load", model)
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_a_trainer_that_dies_is_told(self):
        done = self.ninety(*self.words, "--trainer", "echo nonsense")
        self.assertEqual(done.returncode, 1)
        self.assertIn("not of the protocol", done.stderr)
        done = self.ninety(*self.words, "--trainer", "kill -9 $$")
        self.assertEqual(done.returncode, 1)
        self.assertIn("killed by signal 9", done.stderr)

    def test_a15_what_a_trainer_left_behind_ends_with_it(self):
        fake = shlex.quote(str(SOURCE_ROOT / "tests" / "fake_trainer"))
        for seed in (23, 24):  # one that dies, one that is done
            done = self.ninety(*self.words, "--seed", seed, "--trainer", fake)
            left = int(re.search(r"left=(\d+);", done.stderr).group(1))
            until(lambda left=left: not alive(left), "its end")


if __name__ == "__main__":
    unittest.main()
