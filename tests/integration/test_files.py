"""How database files are named, opened, locked and read, and how output files are written."""
import contextlib
import os
import re
import shutil
import subprocess
import unittest

from ninety import NINETY, NINETYD, TINY, Programs, environment


def make_finished(test):
    """A database with one sweep of two finished trials, whose daemon has stopped."""
    done = test.ninety("run", *TINY, "--depth", "1", "--replicates", "2", "--db", test.db)
    test.assertEqual(done.returncode, 0, done.stderr)


class Names(Programs):
    """D3, D4: a name is the name of a file, or refused, and by every program in the same way."""

    NO_FILES = ["", ":memory:", "file:m?mode=memory"]

    def test_d3_the_daemon_refuses_what_is_no_file(self):
        for name in self.NO_FILES:
            done = subprocess.run([NINETYD, "--listen", "127.0.0.1:0", "--db", name], text=True,
                                  capture_output=True, timeout=20, cwd=self.folder)
            self.assertEqual(done.returncode, 2, name)
            self.assertIn("--db needs the name of a file", done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_d3_so_does_every_command(self):
        commands = ["check", "sql", "status", "results", "summary", "layers", "run"]
        for words in [*([c] for c in commands), ["backup", "copy.db"], ["verify", "1"],
                      ["cancel", "1"], ["retry", "1"], ["delete", "1"]]:
            for name in self.NO_FILES:
                done = self.ninety(*words, "--db", name)
                self.assertEqual(done.returncode, 2, (words, name, done.stderr))
                self.assertIn("--db needs the name of a file", done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_d4_a_backup_goes_to_a_file_that_is_there_afterwards(self):
        make_finished(self)
        for name in self.NO_FILES:
            done = self.ninety("backup", "--db", self.db, name)
            self.assertEqual(done.returncode, 2, name)
            self.assertIn("FILE needs the name of a file", done.stderr)
            self.assertNotIn("is copied", done.stdout)
        for name in ["nowhere/copy.db", "test.db"]:
            done = self.ninety("backup", "--db", self.db, name)
            self.assertEqual((done.returncode, done.stdout), (1, ""), name)
        for name in ["copy.db", "./:memory:", "./file:m?mode=memory", "it's 100% #1?.db", "-c.db"]:
            done = self.ninety("backup", "--db", self.db, "--", name)
            self.assertEqual(done.returncode, 0, done.stderr)
            copy = self.folder / name
            done = self.ninety("check", "--db", copy)
            self.assertEqual(done.stdout, f"{copy}: all rules hold\n", done.stderr)
            copy.unlink()
        self.assertEqual([p.name for p in self.folder.iterdir() if not p.name.startswith("test.db")],
                         [])

    def test_d3_names_that_mean_something_to_uris_are_read_as_they_are(self):
        make_finished(self)
        odd = self.folder / "a?b#c%41 'd'.db"
        self.db.rename(odd)
        for words in [["check"], ["sql", "SELECT count(*) FROM trials"], ["status"]]:
            done = self.ninety(*words, "--db", odd.name)
            self.assertEqual(done.returncode, 0, (words, done.stderr))

    def test_d26_what_is_no_database_is_named(self):
        text = self.folder / "thesis.txt"
        text.write_text("chapter one\n" * 100)
        for words in [["check"], ["sql", "SELECT 1"], ["backup", "copy.db"]]:
            done = self.ninety(*words, "--db", text)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn("thesis.txt is no SQLite database", done.stderr)
            done = self.ninety(*words, "--db", self.folder)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn("is a folder", done.stderr)


class Shell(Programs):
    """D1: what a person has set for their own shell does not reach the one that commands call."""

    def test_d1_sqliterc_is_not_read(self):
        make_finished(self)
        home = self.folder / "home"
        home.mkdir()
        for text in [".headers on\n", ".output o\n", ".mode box\n", ".quit\n", "SELECT 'mine';\n"]:
            (home / ".sqliterc").write_text(text)
            done = self.ninety("check", "--db", self.db, HOME=str(home))
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (0, f"{self.db}: all rules hold\n", ""), text)
            done = self.ninety("sql", "--db", self.db, "SELECT count(*) AS n FROM trials",
                               HOME=str(home))
            self.assertEqual(done.stdout.split(), ["n", "2"], text)
            done = self.ninety("backup", "--db", self.db, "copy.db", HOME=str(home))
            self.assertEqual(done.returncode, 0, done.stderr)
            (self.folder / "copy.db").unlink()
        self.assertFalse((self.folder / "o").exists())

    def test_d1_rules_hold_only_where_all_of_them_were_asked(self):
        """A shell that ends well, but early."""
        make_finished(self)
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "sqlite3").write_text("#!/bin/sh\necho ok\n")
        (tools / "sqlite3").chmod(0o755)
        done = self.ninety("check", "--db", self.db, PATH=f"{tools}:{os.environ['PATH']}")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        done = self.ninety("backup", "--db", self.db, "c.db", PATH=f"{tools}:{os.environ['PATH']}")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertFalse((self.folder / "c.db").exists())

    def test_a5_a_damaged_file_is_named_with_the_remedy(self):
        make_finished(self)
        size = self.db.stat().st_size
        with open(self.db, "r+b") as file:
            file.seek(4096)
            file.write(os.urandom(size - 4096))
        done = self.ninety("check", "--db", self.db)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("all rules hold", done.stdout)
        self.assertIn("ninety backup", done.stderr)
        self.assertIn(".recover", done.stderr)


class Unwritable(Programs):
    """D10, E10: a finished database is read where it cannot be written."""

    @contextlib.contextmanager
    def sealed(self):
        """A folder that holds the database and cannot be written, and how to run a program there."""
        place = self.folder / "sealed"
        place.mkdir()
        shutil.copy(self.db, place)
        if os.geteuid() == 0:
            before = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                      'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"', str(place)]
            if subprocess.run([*before, "true"], capture_output=True).returncode != 0:
                self.skipTest("no mount namespace of its own can be had here")
        else:
            before = []
            place.chmod(0o500)
        try:
            yield place / self.db.name, before
        finally:
            place.chmod(0o700)

    def read(self, before, *words, **more):
        return subprocess.run([*before, NINETY, *map(str, words)], capture_output=True, text=True,
                              cwd=self.folder, env=environment(**more), timeout=60)

    def test_d10_check_sql_and_backup_read_where_nothing_can_be_written(self):
        make_finished(self)
        with self.sealed() as (sealed, before):
            done = self.read(before, "check", "--db", sealed)
            self.assertEqual((done.returncode, done.stdout), (0, f"{sealed}: all rules hold\n"),
                             done.stderr)
            done = self.read(before, "sql", "--db", sealed, "SELECT count(*) FROM results")
            self.assertEqual(done.stdout.split()[-1], "2", done.stderr)
            done = self.read(before, "backup", "--db", sealed, "copy.db")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("all rules hold", self.ninety("check", "--db", "copy.db").stdout)

    def test_d10_a_log_that_cannot_be_read_is_named(self):
        make_finished(self)
        with self.sealed() as (sealed, before):
            sealed.parent.chmod(0o700)
            wal = sealed.with_name(sealed.name + "-wal")
            wal.write_bytes(b"x" * 100)
            if os.geteuid() != 0:
                sealed.parent.chmod(0o500)
            for words in [["check"], ["sql", "SELECT 1"], ["backup", "copy.db"]]:
                done = self.read(before, *words, "--db", sealed)
                self.assertEqual(done.returncode, 1, words)
                self.assertIn("copy both files", done.stderr)


class Dumps(Programs):
    def test_e13_a_dump_gets_its_marks_back_by_what_the_message_says(self):
        make_finished(self)
        dump = subprocess.run(["sqlite3", self.db, ".dump"], capture_output=True, text=True, check=True)
        again = self.folder / "again.db"
        subprocess.run(["sqlite3", again], input=dump.stdout, text=True, check=True)
        refused = self.ninety("status", "--db", again)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("not its marks", refused.stderr)
        pragmas = re.search(r"'(PRAGMA application_id = \d+; PRAGMA user_version = )N'", refused.stderr)
        version = self.query("PRAGMA user_version")[0][0]
        self.assertIn(f"({version} where this version", refused.stderr)
        subprocess.run(["sqlite3", again, f"{pragmas.group(1)}{version}"], check=True)
        done = self.ninety("status", "--db", again)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("all rules hold", self.ninety("check", "--db", again).stdout)


if __name__ == "__main__":
    unittest.main()
