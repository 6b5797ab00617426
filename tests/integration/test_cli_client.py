"""What `ninety` says when a daemon answers strangely or not at all: a pretended one, no real daemon."""
import http.server
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import unittest

NINETY = os.environ["NINETY"]


def run(*words, env=None, stdin=""):
    clean = {k: v for k, v in os.environ.items() if k not in ("NINETY_DAEMON", "NINETY_TOKEN")}
    return subprocess.run([NINETY, *words], input=stdin, capture_output=True, text=True,
                          env={**clean, **(env or {})}, timeout=50)


class Pretended(http.server.BaseHTTPRequestHandler):
    """Answers every request with `answer` (status, body); keeps what it was asked."""
    answer = (200, "{}")
    asked = []
    location = None  # of a redirection
    lost = 0  # so many requests are read and not answered

    def reply(self):
        if Pretended.lost > 0:
            length = int(self.headers.get("Content-Length") or 0)
            Pretended.asked.append((self.command, self.path, dict(self.headers),
                                    self.rfile.read(length).decode()))
            Pretended.lost -= 1
            self.close_connection = True
            return
        length = int(self.headers.get("Content-Length") or 0)
        Pretended.asked.append((self.command, self.path, dict(self.headers),
                                self.rfile.read(length).decode()))
        status, body = Pretended.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body.encode())))
        if Pretended.location:
            self.send_header("Location", Pretended.location)
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = reply

    def log_message(self, *args):
        pass


class Client(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pretended)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        Pretended.asked = []
        Pretended.lost = 0
        Pretended.location = None
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def ask(self, status, body, *words, **more):
        Pretended.answer = (status, body if isinstance(body, str) else json.dumps(body))
        return run(*words, "--daemon", self.url, **more)

    def test_no_daemon_is_one_line_with_the_remedy(self):
        self.server.shutdown()
        self.server.server_close()
        done = run("status", "--daemon", self.url)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn(self.url, done.stderr)
        self.assertIn("ninetyd", done.stderr)

    def test_errors_are_shown_as_field_and_message(self):
        error = {"error": {"code": "invalid_field", "field": "parameters.depth[2]",
                           "message": "depth must be an integer from 1 to 64, not 70"}}
        done = self.ask(400, error, "submit", "--depth", "1,2")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "ninety submit: parameters.depth[2] "
                                      "must be an integer from 1 to 64, not 70\n")
        error["error"]["message"] = "there is no field 'depht'"
        done = self.ask(400, error, "submit", "--depth", "1,2")
        self.assertEqual(done.stderr, "ninety submit: parameters.depth[2]: there is no field 'depht'\n")
        self.assertEqual(run("train", "--batch-norm", "no").stderr,
                         "ninety train: batch_norm must be one of none, before, after, not 'no'\n")

    def test_a_missing_token_is_told_apart_from_a_wrong_one(self):
        error = {"error": {"code": "unauthorized", "message": "no"}}
        self.assertIn("wants a token", self.ask(401, error, "status").stderr)
        done = self.ask(401, error, "status", env={"NINETY_TOKEN": "secret-0123456789"})
        self.assertIn("does not accept this token", done.stderr)
        self.assertNotIn("secret", done.stderr)

    def test_the_token_comes_from_a_file_or_the_environment(self):
        path = pathlib.Path(self.folder.name) / "token"
        path.write_text("token-from-a-file\n")
        path.chmod(0o600)
        self.ask(200, {"sweeps": [], "next": None}, "status", "--token-file", str(path),
                 env={"NINETY_TOKEN": "token-from-environment"})
        self.ask(200, {"sweeps": [], "next": None}, "status",
                 env={"NINETY_TOKEN": "token-from-environment"})
        tokens = [headers["Authorization"] for _, _, headers, _ in Pretended.asked]
        self.assertEqual(tokens, ["Bearer token-from-a-file", "Bearer token-from-environment"])
        self.assertIn("cannot read the token file",
                      self.ask(200, {}, "status", "--token-file", "/nonexistent").stderr)

    def test_d23_a_data_set_that_is_nearly_a_known_one_is_warned_of(self):
        answer = {"id": 1, "trials": 1, "cells": 1}
        done = self.ask(200, answer, "submit", "--dataset", "MNIST,fashion_mnist,letters")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("warning: data set 'MNIST': did you mean 'mnist'?", done.stderr)
        self.assertIn("warning: data set 'fashion_mnist': did you mean 'fashion-mnist'?", done.stderr)
        self.assertNotIn("letters", done.stderr)

    def test_d8_a_line_end_behind_the_token_changes_no_request(self):
        self.ask(200, {"id": 1, "name": "s", "n_trials": 1, "counts": {}}, "submit", "--depth", "1",
                 env={"NINETY_TOKEN": "token-from-environment\r\n"})
        method, _, headers, body = Pretended.asked[0]
        self.assertEqual((method, headers["Authorization"], headers["Content-Type"]),
                         ("POST", "Bearer token-from-environment", "application/json"))
        self.assertIn("depth", body)
        json.loads(body)

    def test_d8_a12_a_token_that_cannot_be_right_is_refused_before_it_is_sent(self):
        path = pathlib.Path(self.folder.name) / "token"
        path.write_text("token-from-a-file\n")
        path.chmod(0o640)
        for word, flags, env in [("chmod 600", ["--token-file", str(path)], {}),
                                 ("NINETY_TOKEN", [], {"NINETY_TOKEN": "two words 0123456789"}),
                                 ("16 to 254", [], {"NINETY_TOKEN": "short"})]:
            done = self.ask(200, {"sweeps": [], "next": None}, "status", *flags, env=env)
            self.assertEqual(done.returncode, 1)
            self.assertIn(word, done.stderr)
        self.assertEqual(Pretended.asked, [])

    def test_what_is_no_daemon_is_recognised(self):
        self.assertIn("does not answer JSON", self.ask(200, "<html>", "status").stderr)
        done = self.ask(404, "<html>not here</html>", "status")
        self.assertEqual(done.returncode, 1)
        self.assertIn("is no ninety daemon", done.stderr)

    def test_e11_a_proxy_is_not_blamed_for_its_version(self):
        done = self.ask(502, "<html>Bad Gateway</html>", "status")
        self.assertEqual(done.returncode, 1)
        self.assertIn("a proxy that cannot reach the daemon (it answered 502)", done.stderr)
        Pretended.location = "https://ninety.example/v1/sweeps"
        done = self.ask(301, "<html>Moved</html>", "status")
        self.assertEqual(done.returncode, 1)
        self.assertIn("answered 301: it leads on to https://ninety.example/v1/sweeps", done.stderr)

    def test_a_proxy_in_the_environment_does_not_catch_loopback(self):
        done = self.ask(200, {"sweeps": [], "next": None}, "status",
                        env={"http_proxy": "http://127.0.0.1:1", "no_proxy": ""})
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_flags_and_standard_input_become_the_body(self):
        sweep = {"id": 4, "trials": 10, "cells": 2, "name": "x"}
        done = self.ask(201, sweep, "submit", "--depth", "1..2", "--replicates", "5",
                        "--idempotency-key", "k")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sweep 4: 10 trials in 2 cells", done.stdout)
        method, path, headers, body = Pretended.asked[-1]
        self.assertEqual((method, path, headers["Idempotency-Key"]), ("POST", "/v1/sweeps", "k"))
        self.assertEqual(json.loads(body),
                         {"name": "depth", "parameters": {"depth": [1, 2]}, "replicates": 5})

        done = self.ask(200, sweep, "submit", "-", "--dry-run", stdin='{"base": {"depth": 3}}')
        self.assertIn("nothing was submitted", done.stdout)
        self.assertEqual(Pretended.asked[-1][1], "/v1/sweeps?dry_run=1")
        self.assertEqual(json.loads(Pretended.asked[-1][3]), {"base": {"depth": 3}})

    def test_d14_a_lost_answer_is_asked_for_once_more_with_the_same_key(self):
        Pretended.lost = 1
        done = self.ask(200, {"id": 4, "trials": 1, "cells": 1}, "submit", "--depth", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sweep 4", done.stdout)
        keys = [headers["Idempotency-Key"] for _, _, headers, _ in Pretended.asked]
        self.assertEqual(len(keys), 2)
        self.assertEqual(keys[0], keys[1])
        self.ask(201, {"id": 5, "trials": 1, "cells": 1}, "submit", "--depth", "1")
        self.assertNotEqual(Pretended.asked[-1][2]["Idempotency-Key"], keys[0])

    def test_d14_what_may_have_been_accepted_is_said_with_the_key(self):
        Pretended.lost = 9
        done = self.ask(200, {}, "submit", "--depth", "1")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(Pretended.asked), 2)
        key = Pretended.asked[0][2]["Idempotency-Key"]
        self.assertIn("may have been accepted", done.stderr)
        self.assertIn(f"--idempotency-key {key}", done.stderr)
        Pretended.lost, Pretended.asked = 0, []
        done = self.ask(502, "<html>Bad Gateway</html>", "submit", "--depth", "1")
        self.assertEqual(len(Pretended.asked), 2)
        self.assertIn("may have been accepted", done.stderr)
        done = self.ask(400, {"error": {"message": "no"}}, "submit", "--depth", "1")
        self.assertNotIn("may have been accepted", done.stderr)
        Pretended.lost, Pretended.asked = 9, []
        self.ask(200, {}, "pause", "1")
        self.assertEqual(len(Pretended.asked), 1)  # what carries no key is not repeated

    def test_d14_an_empty_key_is_an_error(self):
        for key in ("", "x" * 201, "a\nb"):
            done = self.ask(200, {}, "submit", "--depth", "1", "--idempotency-key", key)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--idempotency-key must", done.stderr)
        self.assertEqual(Pretended.asked, [])

    def test_d17_a_number_is_a_name_where_it_is_no_id(self):
        pages = {"/v1/sweeps?limit=1000": {"sweeps": [{"id": 9, "name": "2024"}, {"id": 2, "name": "9"}],
                                           "next": None},
                 "/v1/sweeps/9": {"id": 9, "name": "2024", "trials": 3}}

        def reply(handler):
            known = handler.path in pages
            Pretended.answer = (200 if known else 404, json.dumps(
                pages[handler.path] if known else {"error": {"message": "there is no sweep"}}))
            Pretended.reply(handler)
        Pretended.do_GET = reply
        try:
            for word in ("2024", "9"):
                done = run("status", word, "--format", "json", "--daemon", self.url)
                self.assertEqual(json.loads(done.stdout)["id"], 9, word)
            done = run("status", "7", "--daemon", self.url)
            self.assertEqual((done.returncode, done.stderr), (1, "ninety status: there is no sweep\n"))
        finally:
            Pretended.do_GET = Pretended.reply

    def test_d17_a_pipe_names_no_sweep(self):
        self.ask(201, {"id": 1, "trials": 1, "cells": 1}, "submit", "-", stdin='{"base": {"depth": 3}}')
        body = Pretended.asked[-1][3]
        path = pathlib.Path(self.folder.name) / "2024.json"
        path.write_text('{"base": {"depth": 3}}')
        script = f"exec {shlex.quote(NINETY)} submit --daemon {self.url}"
        for source in (f"<(cat {path})", f"/dev/stdin < {path}", f"/dev/fd/3 3< {path}"):
            done = subprocess.run(["bash", "-c", f"{script} {source}"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(Pretended.asked[-1][3], body, source)
        self.ask(201, {"id": 1, "trials": 1, "cells": 1}, "submit", str(path))
        self.assertEqual(json.loads(Pretended.asked[-1][3])["name"], "2024")

    def test_a_name_finds_the_newest_sweep_of_that_name_on_any_page(self):
        pages = {"/v1/sweeps?limit=1000": {"sweeps": [{"id": 9, "name": "b"}], "next": 9},
                 "/v1/sweeps?limit=1000&after=9": {"sweeps": [{"id": 5, "name": "a"},
                                                              {"id": 3, "name": "a"}], "next": None},
                 "/v1/sweeps/5": {"id": 5, "name": "a", "trials": 3}}

        def reply(handler):
            Pretended.answer = (200, json.dumps(pages[handler.path]))
            Pretended.reply(handler)
        Pretended.do_GET = reply
        try:
            done = run("status", "a", "--format", "json", "--daemon", self.url)
            self.assertEqual(json.loads(done.stdout)["id"], 5)
            done = run("status", "c", "--daemon", self.url)
            self.assertEqual(done.returncode, 1)
            self.assertIn("no sweep named 'c'", done.stderr)
        finally:
            Pretended.do_GET = Pretended.reply

    def test_terminal_escapes_of_a_daemon_are_not_passed_on(self):
        sweeps = {"sweeps": [{"id": 1, "name": "\u001b]0;gotcha\u0007", "trials": 1}], "next": None}
        self.assertNotIn("\u001b", self.ask(200, sweeps, "status").stdout)

    def test_csv_and_json_lists_can_be_read_back(self):
        workers = {"workers": [{"id": 1, "host": "a,b", "cpu": 'say "x"'}]}
        done = self.ask(200, workers, "workers", "--format", "csv")
        self.assertEqual(done.stdout.splitlines()[1], '1,"a,b","say ""x"""')
        done = self.ask(200, workers, "workers", "--format", "json")
        self.assertEqual(json.loads(done.stdout), workers["workers"])


class CommandLine(unittest.TestCase):
    def refused(self, *words):
        done = run(*words)
        self.assertEqual(done.returncode, 2, words)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_what_is_unknown_is_one_line_with_the_nearest(self):
        self.assertIn("did you mean 'submit'?", self.refused("sumbit"))
        self.assertIn("did you mean --batch-norm?", self.refused("submit", "--batchnorm", "none"))
        self.assertIn("ninety help", self.refused("frobnicate"))
        self.assertIn("SWEEP", self.refused("cancel"))
        self.assertIn("--format must be table, json or csv",
                      self.refused("status", "--format", "xml"))
        self.assertIn("--replicates must be a whole number",
                      self.refused("submit", "--replicates", "many"))
        self.assertIn("nothing to train", self.refused("submit"))

    def test_d26_b14_what_other_programs_call_it_is_found(self):
        self.assertIn("did you mean --learning-rate?", self.refused("submit", "--lr", "0.1"))
        self.assertIn("did you mean --max-steps?", self.refused("train", "--epochs", "3"))
        self.assertIn("did you mean --replicates?", self.refused("run", "--seeds", "3"))
        for typed, meant in (("list", "status"), ("show", "results"), ("logs", "results"), ("rm", "delete")):
            self.assertIn(f"did you mean '{meant}'?", self.refused(typed))

    def test_b14_help_tells_what_holds_where_no_flag_is_given(self):
        shown = " ".join(run("help", "submit").stdout.split())
        for flag, default in (("learning-rate", "0.01"), ("beta2", "0.999, of rmsprop 0.9"), ("optimizer", "adam"),
                              ("train-size", "55000"), ("stop-at-target", "true"), ("measure-every", "0"),
                              ("dataset", "mnist"), ("replicates", "1"), ("max-attempts", "3")):
            self.assertRegex(shown, rf"--{flag} \S+ [^-][^()]*(\([^d)][^()]*\)[^()]*)?\(default {default}\)", flag)

    def test_b14_wrong_values_are_refused_alike(self):
        self.assertIn("--value must be one of gradient_rms, ", self.refused("layers", "--value", "foo"))
        self.refused("layers", "--format", "xml")

    def test_d26_what_is_installed_is_not_said_in_a_benchs_results(self):
        root = pathlib.Path(__file__).resolve().parent.parent.parent
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            for name in ("tools", "bench", "build"):
                (tree / name).mkdir()
            shutil.copy(root / "tools" / "bench", tree / "tools")
            for name, text in (("tools/install", "#!/bin/sh\necho installing things\n"),
                               ("meson", "#!/bin/sh\necho compiling\n"), ("build/build.ninja", ""),
                               ("bench/bench_x.py", "print('{}')\n")):
                (tree / name).write_text(text)
                (tree / name).chmod(0o755)
            done = subprocess.run([tree / "tools" / "bench", "x", "--json"], capture_output=True, text=True,
                                  env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
            self.assertEqual((done.stdout, done.stderr), ("{}\n", "installing things\n"))

    def test_d26_sql_of_a_file_that_is_no_database_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            for text in ("hello, this is text and no database\n", ""):
                path = pathlib.Path(folder) / "notes.txt"
                path.write_text(text)
                done = run("sql", "select 1", "--db", str(path))
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(f"{path} is no SQLite database", done.stderr)

    def test_every_command_has_help_that_names_it(self):
        overview = run("help").stdout
        names = [line.split()[0] for line in overview.splitlines() if line.startswith("  ")]
        self.assertIn("status", names)
        for name in names:
            done = run(name, "--help")
            self.assertEqual(done.returncode, 0, name)
            self.assertTrue(done.stdout.startswith(f"usage: ninety {name}"), done.stdout)
            options = done.stdout.partition("\noptions:\n")[2]
            self.assertLessEqual(max(map(len, options.splitlines())), 80)
            self.assertEqual(run("help", name).stdout, done.stdout)

    def test_the_documentation_names_every_command_and_its_options(self):
        text = (pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "cli.md").read_text()
        for line in run("help").stdout.splitlines():
            if not line.startswith("  "):
                continue
            name = line.split()[0]
            self.assertTrue(f"`{name}" in text, name)
            options = run(name, "--help").stdout.split("the trials' configuration")[0]
            for option in re.findall(r"^  (--[a-z-]+)", options, re.M):
                self.assertTrue(option in text + "--help", f"ninety {name} {option}")

    def test_the_commands_in_the_documentation_are_commands(self):
        root = pathlib.Path(__file__).resolve().parent.parent.parent
        tried = 0
        for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
            text = page.read_text()
            lines = re.findall(r"^    (?:build/cli/)?(ninety [a-z].*)", text, re.M) + re.findall(r"`(ninety [a-z][^`]*)`", text)
            for line in lines:
                line = re.split(r" {3}| [|>&] |\[", line)[0]
                words = shlex.split(line, comments=True)[1:]
                if words[0].isupper() or "..." in words:
                    continue  # "ninety COMMAND ..."
                # Options are checked from left to right, up to --help.
                done = run(*words, "--help") if words[0] not in ("help", "version") else run(*words)
                self.assertEqual((done.returncode, done.stderr), (0, ""), f"{page.name}: {line}")
                tried += 1
        self.assertGreater(tried, 30)

    def test_files_that_cannot_be_read_or_parsed_are_told(self):
        done = run("submit", "/nonexistent.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot read /nonexistent.json: No such file", done.stderr)
        done = run("submit", "-", stdin='{"base":\n {]}')
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 2, column 3", done.stderr)

    def test_completion_is_a_script_that_bash_accepts(self):
        script = run("completion").stdout
        done = subprocess.run(["bash", "-c", script + '\nCOMP_WORDS=(ninety submit --batch-n)\n'
                               'COMP_CWORD=2; _ninety; echo "${COMPREPLY[@]}"'],
                              capture_output=True, text=True)
        self.assertEqual(done.stdout.split(), ["--batch-norm", "--batch-norm-output"], done.stderr)


if __name__ == "__main__":
    unittest.main()
