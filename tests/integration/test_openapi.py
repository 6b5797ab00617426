"""What a real ninetyd takes and answers fits /openapi.json: every operation is called, and no
member of an answer is missing in its schema."""
import copy
import json
import re
import unittest

from daemon import Daemon, done

try:
    import jsonschema
except ImportError:
    jsonschema = None


def closed(schema):
    """The same schema, which takes no member that it does not name."""
    schema = copy.deepcopy(schema)

    def close(node):
        if isinstance(node, dict):
            if node.get("type") == "object" and "properties" in node:
                node.setdefault("additionalProperties", False)
            for value in node.values():
                close(value)
        elif isinstance(node, list):
            for value in node:
                close(value)

    close(schema)
    return schema


class Described:
    """A daemon whose requests and answers are all held against its description."""

    def __init__(self, daemon):
        self.daemon = daemon
        answer = daemon.call("GET", "/openapi.json")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
        self.spec = answer.json
        self.components = closed(self.spec["components"])
        self.called = {("get", "/openapi.json")}

    def check(self, value, schema, what):
        whole = {**closed(schema), "components": self.components}
        validator = jsonschema.Draft202012Validator(whole)
        for error in validator.iter_errors(value):
            raise AssertionError(f"{what}: {error.json_path}: {error.message}")

    def operation(self, method, path):
        for form, item in self.spec["paths"].items():
            if re.fullmatch(re.sub(r"\\{[a-z]+\\}", "[^/]+", re.escape(form)), path):
                if method.lower() in item:
                    self.called.add((method.lower(), form))
                    return item[method.lower()]
        raise AssertionError(f"{method} {path} is not described")

    def check_query(self, operation, query):
        known = {p["name"]: p["schema"] for p in operation.get("parameters", [])
                 if p["in"] == "query"}
        for name, text in (pair.split("=") for pair in query.split("&") if pair):
            value = int(text) if known[name]["type"] == "integer" else text
            self.check(value, known[name], name)

    def call(self, method, target, body=None, status=200, headers=None):
        path, _, query = target.partition("?")
        operation = self.operation(method, path)
        if status < 400:
            self.check_query(operation, query)
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]["application/json"]
                self.check(body, content["schema"], f"{method} {target} body")
        answer = self.daemon.call(method, target, body, headers)
        assert answer.status == status, (target, answer.status, answer.body)
        responses = operation["responses"]
        response = responses[str(status) if str(status) in responses else f"{status // 100}XX"]
        if "$ref" in response:
            response = self.spec["components"]["responses"][response["$ref"].split("/")[-1]]
        content = response.get("content")
        if content is None:
            return None
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in content, (target, kind)
        if kind != "application/json":
            return answer.body
        self.check(answer.json, content[kind]["schema"], f"{method} {target}")
        return answer.json


LAYER = {"step": 1, "layer": 0, "gradient_rms": 0.1, "preactivation_gradient_rms": 0.1,
         "weight_rms": 0.5, "update_ratio": 0.01, "dead": 0, "preactivation_mean": 0,
         "preactivation_std": 1}
KIT = {"trainer": "test 1", "kernel": "Test", "data_sha256": "d" * 64}


def make_data(folder):
    (folder / "data" / "tiny").mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (folder / "data" / "tiny" / f"{name}-ubyte").write_bytes(b"not read here")


@unittest.skipUnless(jsonschema, "python3-jsonschema is not installed")
class OpenApi(unittest.TestCase):
    def test_every_operation_is_as_described(self):
        with Daemon() as daemon:
            make_data(daemon.folder)
            daemon.stop()
            daemon.flags = ("--data", str(daemon.folder / "data"))
            daemon.restart()
            api = Described(daemon)
            self.submit(api)
            self.work(api)
            self.read(api)
            self.act(api)
            self.look_around(api)
            self.refuse(api)
            described = {(method, path) for path, item in api.spec["paths"].items()
                         for method in item}
            self.assertEqual(described - api.called, self.STREAMS)

    STREAMS = {("get", "/v1/events")}  # test_events.py reads it

    def submit(self, api):
        sweep = {"name": "s", "base": {"depth": 2, "width": 8, "activation": "tanh"},
                 "parameters": {"batch_norm": ["none", "before"]}, "search": "grid",
                 "replicates": 3, "seed": 7, "priority": 1, "max_running": 0, "max_attempts": 1,
                 "reuse": True}
        api.call("POST", "/v1/sweeps?dry_run=1", sweep)
        key = {"Idempotency-Key": "k"}
        api.call("POST", "/v1/sweeps", sweep, 201, key)
        api.call("POST", "/v1/sweeps", sweep, 200, key)
        api.call("POST", "/v1/sweeps", {**sweep, "priority": 0}, 201)
        api.call("POST", "/v1/sweeps", {"base": {"hidden_units": [], "measure_every": 5}}, 201)

    def work(self, api):
        worker = api.call("POST", "/v1/workers", {"host": "h", "pid": 1, "slots": 4, "cpu": "c",
                                                  "kernel": "k", "version": "1"}, 201)["worker"]
        api.call("POST", "/v1/workers", {"host": "h", "pid": 2, "slots": 1}, 201)
        claims = api.call("POST", "/v1/claims", {"worker": worker, "max": 4, "wait_s": 0})["claims"]
        reports = [{**done(c["trial"], 1), "layers": [LAYER]} for c in claims]
        for report in reports:
            report["done"].update(KIT)
        reports[1]["done"] = {"steps": 9, "final_accuracy": 0.5}
        del reports[1]["measurements"][1:]
        reports[2] = {"trial": claims[2]["trial"], "attempt": 1,
                      "failed": {"reason": "broken", "retry": False}}
        reports[3] = {"trial": claims[3]["trial"], "attempt": 1, "released": True}
        api.call("POST", "/v1/reports", {"worker": worker, "reports": reports})
        offered = []
        while not offered:  # first what is left of the sweep that goes first
            claims = api.call("POST", "/v1/claims", {"worker": worker, "max": 1})["claims"]
            offered = [c for c in claims if "reuse" in c]
            item = done(claims[0]["trial"], claims[0]["attempt"])
            if offered:
                item = {"trial": claims[0]["trial"], "attempt": claims[0]["attempt"],
                        "reused_from": claims[0]["reuse"][0]["trial"]}
            api.call("POST", "/v1/reports", {"worker": worker, "reports": [item]})
        api.call("POST", "/v1/departures", {"worker": worker})

    def read(self, api):
        api.call("GET", "/v1/sweeps?limit=2")
        for sweep in (1, 2, 3):
            api.call("GET", f"/v1/sweeps/{sweep}")
        trials = api.call("GET", "/v1/trials?limit=1000")["trials"]
        self.assertEqual({t["state"] for t in trials}, {"queued", "succeeded", "failed"})
        self.assertTrue(any(t["reused_from"] for t in trials))
        for trial in trials:
            for what in ("", "/measurements", "/layers"):
                api.call("GET", f"/v1/trials/{trial['id']}{what}")
        for path in ("results", "summary", "curves", "layers", "layers/steps"):
            rows = api.call("GET", f"/v1/{path}")
            self.assertTrue(list(rows.values())[0], path)
            api.call("GET", f"/v1/{path}?sweep=1&format=csv")
            api.call("GET", f"/v1/{path}?format=ndjson")
        api.call("GET", "/v1/layers?step=1&value=dead&depth=2")
        api.call("GET", "/v1/curves?depth=2&replicates=1")
        api.call("GET", "/v1/trials?sweep=1&state=failed&after=0")

    def act(self, api):
        for action in ("pause", "resume", "cancel", "retry", "cancel", "delete"):
            api.call("POST", f"/v1/sweeps/3/{action}")

    def look_around(self, api):
        api.call("GET", "/v1/workers")
        api.call("GET", "/v1/datasets")
        api.call("GET", "/v1/datasets/tiny")
        api.call("GET", "/v1/datasets/tiny/train-images-idx3-ubyte")
        api.call("GET", "/metrics")
        self.assertEqual(api.call("GET", "/healthz")["version"], api.spec["info"]["version"])
        page = api.call("GET", "/")
        assets = re.findall(rb'"(/assets/[^"]+)"', page)
        if assets:
            api.call("GET", assets[0].decode())
        else:  # built without the dashboard
            api.operation("GET", "/assets/app.js")

    def refuse(self, api):
        api.call("GET", "/v1/sweeps/99", status=404)
        api.call("GET", "/v1/sweeps?limit=0", status=400)
        api.call("POST", "/v1/sweeps", {"replicates": 0}, status=400)
        api.call("POST", "/v1/claims", {"worker": 99}, status=404)
        api.call("GET", "/openapi.json?x=1", status=400)

    def test_what_the_description_forbids_is_refused(self):
        """Not only what it allows is taken: a value just outside of every range is not."""
        with Daemon() as daemon:
            api = Described(daemon)
            fields = api.spec["components"]["schemas"]["TrialConfiguration"]["properties"]
            n = 0
            for name, schema in fields.items():
                for limit, step in (("minimum", -1), ("maximum", 1)):
                    if limit in schema and name != "seed":
                        bad = {"depth": 1, name: schema[limit] + step}
                        with self.assertRaises(AssertionError, msg=name):
                            api.check(bad, {"$ref": "#/components/schemas/TrialConfiguration"}, name)
                        error = api.call("POST", "/v1/sweeps", {"base": bad}, 400)["error"]
                        self.assertEqual(error["field"], f"base.{name}")
                        n += 1
            self.assertGreater(n, 20)

    def test_the_description_is_well_formed(self):
        with Daemon() as daemon:
            spec = daemon.get("/openapi.json")
            self.assertTrue(spec["openapi"].startswith("3.1."))
            for name, schema in spec["components"]["schemas"].items():
                jsonschema.Draft202012Validator.check_schema(schema)
            for pointer in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(spec))):
                node = spec
                for part in pointer.split("/"):
                    node = node[part]
            used = json.dumps(spec)
            for name in spec["components"]["schemas"]:
                self.assertIn(f'"#/components/schemas/{name}"', used)


if __name__ == "__main__":
    unittest.main()
