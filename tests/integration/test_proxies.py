"""E1, E2: the blocks of docs/behind-a-proxy.md, run as they stand there before a real daemon."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from daemon import Connection, Daemon, wait_until

PAGE = (pathlib.Path(os.environ["NINETY_SOURCE_ROOT"]) / "docs" / "behind-a-proxy.md").read_text(encoding="utf-8")
os.environ["PATH"] += ":/usr/sbin"  # where Debian has nginx and haproxy


def blocks(heading):
    """The indented blocks below a heading of the page; blank lines do not end one."""
    text = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]
    found = re.findall(r"(?:^(?:    .*)?\n)*^    .*\n", text, re.M)
    return [re.sub(r"^    ", "", block, flags=re.M).strip() + "\n" for block in found if block.strip()]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxies(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = pathlib.Path(self.scratch.name)
        self.daemon = Daemon().__enter__()
        self.addCleanup(self.daemon.__exit__, None, None, None)
        self.port = free_port()

    def run_proxy(self, program, *arguments, config, name):
        if shutil.which(program) is None:
            self.skipTest(f"{program} is not installed")
        path = self.folder / name
        path.write_text(config.replace("127.0.0.1:9190", f"127.0.0.1:{self.daemon.port}"))
        words = [word.replace("CONFIG", str(path)).replace("FOLDER", str(self.folder)) for word in arguments]
        with open(self.folder / "log", "wb") as log:
            proxy = subprocess.Popen([program, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     env={**os.environ, "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder),
                                          "XDG_CONFIG_HOME": str(self.folder)})
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.kill)

        def listens():
            if proxy.poll() is not None:
                raise AssertionError(f"{program} ended: {(self.folder / 'log').read_text()}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        wait_until(listens, program)

    def nginx(self, location):
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind}; "
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.run_proxy("nginx", "-e", "stderr", "-p", "FOLDER", "-c", "CONFIG", name="nginx.conf", config=f"""
daemon off; master_process off; pid {self.folder}/pid; error_log stderr;
events {{}}
http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{self.port};
{location}
}} }}
""")

    def check(self, path="/"):
        """What a page, a script and a worker do, through the proxy."""
        name = f"127.0.0.1:{self.port}"
        web = Connection(self.port)
        page = web.call("GET", path)
        self.assertEqual(page.status, 200)
        for asset in re.findall(rb'(?:src|href)="(assets/[^"]+)"', page.body):
            answer = web.call("GET", path + asset.decode(), headers={"Origin": f"http://{name}"})
            self.assertEqual(answer.status, 200, asset)
        # A button of the page; and 2 MiB, more than some proxies like.
        sweep = {"parameters": {"learning_rate": [i / 1e6 for i in range(1, 100)]}, "base": {"depth": 1}}
        body = json.dumps(sweep) + " " * (2 << 20)
        answer = web.call("POST", f"{path}v1/sweeps", body,
                          {"Content-Type": "application/json", "Origin": f"http://{name}"})
        self.assertEqual(answer.status, 201, answer.body[:200])
        self.assertEqual(web.call("GET", f"{path}v1/{answer.headers['Location']}").json["id"], answer.json["id"])
        # Events come when they happen, not when a buffer is full.
        listener = Connection(self.port)
        listener.send("GET", f"{path}v1/events")
        stream = listener.http.getresponse()
        self.assertEqual(stream.status, 200)
        web.call("POST", f"{path}v1/sweeps/{answer.json['id']}/cancel", "{}", {"Content-Type": "application/json"})
        told = b""
        while b"cancelled" not in told:
            piece = stream.read1(4096)
            self.assertTrue(piece, told)
            told += piece

    def test_e1_nginx(self):
        self.nginx(blocks("nginx")[0])
        self.check()

    def test_e2_nginx_below_a_path(self):
        self.nginx(blocks("nginx")[1])
        self.check("/ninety/")

    def test_e1_caddy(self):
        site = blocks("Caddy")[0].replace("ninety.example", f"http://127.0.0.1:{self.port}")
        self.run_proxy("caddy", "run", "--adapter", "caddyfile", "--config", "CONFIG", name="Caddyfile",
                       config="{\n    admin off\n}\n" + site)
        self.check()

    def test_e1_haproxy(self):
        config = "\n".join(blocks("HAProxy")).replace("bind :80", f"bind 127.0.0.1:{self.port}")
        self.run_proxy("haproxy", "-db", "-f", "CONFIG", name="haproxy.cfg", config=config)
        self.check()


if __name__ == "__main__":
    unittest.main()
