"""E3: clients that other people's programs generate from /openapi.json are built, and submit a sweep
that has an axis."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import foreign
from daemon import Daemon

PATIENCE_S = 200

OPENAPI_PYTHON_CLIENT = """
from ninety_client import Client
from ninety_client.api.sweeps import submit_sweep
from ninety_client.models import SweepRequest, SweepRequestParameters, TrialConfiguration
sweep = SweepRequest(
    base=TrialConfiguration(depth=2),
    parameters=SweepRequestParameters.from_dict({"batch_norm": ["none", "before"]}))
made = submit_sweep.sync(client=Client(base_url="URL", raise_on_unexpected_status=True), body=sweep)
print(made.cells, made.trials)
"""

GENERATOR_PYTHON = """
import openapi_client
from openapi_client import SweepRequest, SweepRequestParameters, TrialConfiguration
client = openapi_client.ApiClient(openapi_client.Configuration(host="URL"))
sweep = SweepRequest(base=TrialConfiguration(depth=2),
                     parameters=SweepRequestParameters(batch_norm=["none", "before"]))
made = openapi_client.SweepsApi(client).submit_sweep_with_http_info(sweep).data
made = getattr(made, "actual_instance", made)
print(made.cells, made.trials)
"""

GENERATOR_GO = """
package main

import (
	"context"
	"fmt"
	openapi "ninety.example/client"
)

func main() {
	configuration := openapi.NewConfiguration()
	configuration.Servers = openapi.ServerConfigurations{{URL: "URL"}}
	depth := int32(2)
	sweep := openapi.SweepRequest{
		Base:       &openapi.TrialConfiguration{Depth: &depth},
		Parameters: &openapi.SweepRequestParameters{BatchNorm: []string{"none", "before"}},
	}
	_, response, err := openapi.NewAPIClient(configuration).SweepsAPI.SubmitSweep(context.Background()).SweepRequest(sweep).Execute()
	fmt.Println(response.StatusCode, err)
}
"""

TYPESCRIPT = """
import type { components } from "./schema";
export const sweep: components["schemas"]["SweepRequest"] = {
    base: { depth: 2 },
    parameters: { batch_norm: ["none", "before"] },
};
"""


class GeneratedClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().__enter__()
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        (cls.folder / "openapi.json").write_bytes(cls.daemon.call("GET", "/openapi.json").body)
        cls.url = f"http://127.0.0.1:{cls.daemon.port}"

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__(None, None, None)
        cls.scratch.cleanup()

    def run_in(self, folder, *command, **environment):
        done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True,
                              timeout=PATIENCE_S, env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, f"{command}: {done.stdout[-3000:]} {done.stderr[-3000:]}")
        return done.stdout

    def write(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("URL", self.url) if path.suffix != ".go" else
                        text.replace('"URL"', f'"{self.url}"'))
        return path

    def generate(self, language, *options):
        """A client by openapi-generator, which is a Java program out of an npm package."""
        if shutil.which("java") is None:
            self.skipTest("openapi-generator needs java")
        programs = foreign.node("@openapitools/openapi-generator-cli")
        folder = self.folder / language
        try:
            self.run_in(self.folder, programs / "openapi-generator-cli", "version")
        except AssertionError as error:
            self.skipTest(f"openapi-generator cannot be fetched: {error}")
        self.run_in(self.folder, programs / "openapi-generator-cli", "generate", "-g", language,
                    "-i", "openapi.json", "-o", folder, *options)
        return folder

    def test_e3_openapi_python_client(self):
        python = foreign.python("openapi-python-client", "httpx")
        self.run_in(self.folder, pathlib.Path(python).parent / "openapi-python-client", "generate",
                    "--path", "openapi.json", "--output-path", self.folder / "opc")
        script = self.write(self.folder / "opc.py", OPENAPI_PYTHON_CLIENT)
        self.assertEqual(self.run_in(self.folder, python, script, PYTHONPATH=str(self.folder / "opc")), "2 2\n")

    def test_e3_openapi_generator_python(self):
        python = foreign.python("pydantic", "urllib3", "python-dateutil", "typing-extensions")
        folder = self.generate("python")
        script = self.write(self.folder / "generated.py", GENERATOR_PYTHON)
        self.assertEqual(self.run_in(self.folder, python, script, PYTHONPATH=str(folder)), "2 2\n")

    def test_e3_openapi_generator_go(self):
        if shutil.which("go") is None:
            self.skipTest("there is no go")
        folder = self.generate("go", "--git-host", "ninety.example", "--git-user-id", "x", "--git-repo-id", "x")
        module = folder / "go.mod"
        module.write_text("module ninety.example/client\n\ngo 1.18\n")
        self.write(folder / "try" / "main.go", GENERATOR_GO)
        shutil.rmtree(folder / "test", ignore_errors=True)
        said = self.run_in(folder, "go", "run", "./try", GOFLAGS="-mod=mod")
        self.assertEqual(said, "201 <nil>\n")

    def test_e3_openapi_typescript(self):
        programs = foreign.node("openapi-typescript", "typescript")
        self.run_in(self.folder, programs / "openapi-typescript", "openapi.json", "-o", self.folder / "schema.d.ts")
        self.write(self.folder / "sweep.ts", TYPESCRIPT)
        self.run_in(self.folder, programs / "tsc", "--noEmit", "--strict", "sweep.ts")


if __name__ == "__main__":
    foreign.main()
