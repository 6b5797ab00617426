"""Hostile workers: they register as any worker does, and then lie, or meddle with what is others'."""
import http.client
import time

from bystanders import Client, Refused, Registration
from daemon import done

ANY = range(200, 600)
LIES = {  # each changes a report that would be true
    "an accuracy of 2": lambda item: item["done"].update(final_accuracy=2),
    "an accuracy of -5": lambda item: item["done"].update(final_accuracy=-5),
    "an accuracy of 1e308": lambda item: item["done"].update(final_accuracy=1e308),
    "more steps than max_steps": lambda item: item["done"].update(steps=2**63 - 1),
    "a target reached at accuracy 0.1": lambda item: (
        item["done"].update(final_accuracy=0.1),
        item["measurements"][-1].update(test_accuracy=0.1)),
    "steps_to_target above steps": lambda item: item["done"].update(steps_to_target=6, steps=4),
    "a negative time": lambda item: item["done"].update(seconds_to_target=-1, ms_per_step=-1),
    "a hash that is none": lambda item: item["done"].update(weights_sha256="not a hash"),
    "a measurement of accuracy 2": lambda item: item["measurements"][1].update(test_accuracy=2),
    "a measurement beyond max_steps": lambda item: item["measurements"][-1].update(step=2**62),
    "a negative CPU time": lambda item: item["measurements"][1].update(cpu_ms=-1),
}


class Insider:
    """The door that `bystanders` use, for one who counts and expects to be refused."""

    def __init__(self, attack, slots=1):
        self.attack, self.port, self.token = attack, attack.port, attack.token
        self.client = Client(self)
        self.registration = Registration(self.client, slots, "attacker")

    def call(self, path, body):
        self.attack.made += 1
        return self.client.call("POST", path, body, status=ANY)

    def claim(self, most=1, wait_s=1, members=None):
        body = {**(members or self.registration.members), "max": most, "wait_s": wait_s}
        answer = self.call("/v1/claims", body)
        return answer.json["claims"] if answer.status == 200 else []

    def report(self, item, members=None):
        """The item's status: `ok`, ..., or what was answered to all."""
        answer = self.call("/v1/reports", {**(members or self.registration.members),
                                           "reports": [item]})
        return answer.json["results"][0]["status"] if answer.status == 200 else answer.status

    def depart(self, members=None):
        answer = self.call("/v1/departures", members or self.registration.members)
        return answer.json["released"] if answer.status == 200 else 0


def true_item(claim, steps=4):
    return done(claim["trial"], claim["attempt"], steps)


def results(attack):
    """A6: results that cannot be, of trials that the attacker holds."""
    while not attack.over():
        insider = Insider(attack)
        for name, lie in LIES.items():
            claims = insider.claim()
            if not claims:
                break
            item = true_item(claims[0])
            lie(item)
            if insider.report(item) == "ok":
                attack.findings[f"believed: {name}"] += 1
            elif insider.report({"trial": item["trial"], "attempt": item["attempt"],
                                 "released": True}) != "ok":
                attack.findings[f"refused, and the lease lost with it: {name}"] += 1
            if attack.over():
                break
        insider.depart()
        insider.client.close()


def leases(attack):
    """A7: another's trial ended, another's departure, and more trials than slots."""
    while not attack.over():
        victim, thief = Insider(attack), Insider(attack)
        claims = victim.claim()
        if claims:
            disturb(attack, victim, thief, claims[0])
        greedy = Insider(attack)
        taken = len(greedy.claim(64)) + len(greedy.claim(64, 0))
        if taken > 1:
            attack.findings[f"a worker with 1 slot was given {taken} trials"] += 1
        for insider in (victim, thief, greedy):
            insider.depart()
            insider.client.close()


def disturb(attack, victim, thief, claim):
    number = victim.registration.members["worker"]
    masks = {"its own registration": thief.registration.members,
             "the other's number": {"worker": number},
             "the other's number and its own secret": {**thief.registration.members,
                                                       "worker": number},
             "the other's number and a guess": {"worker": number, "secret": "0" * 64}}
    held = {"trial": claim["trial"], "attempt": claim["attempt"]}
    for name, mask in masks.items():
        for what, more in {"ended": true_item(claim),
                           "failed": {**held, "failed": {"reason": "so there", "retry": False}},
                           "handed back": {**held, "released": True}}.items():
            if thief.report(more, mask) == "ok":
                attack.findings[f"another's trial was {what} with {name}"] += 1
                return
        if mask is not thief.registration.members and thief.depart(mask):
            attack.findings[f"another departed with {name}"] += 1
            return
        if mask is not thief.registration.members and thief.claim(1, 0, mask):
            attack.findings[f"a trial was claimed with {name}"] += 1
            return
    if victim.report(true_item(claim)) != "ok":
        attack.findings["after the refused attempts the trial's own worker lost it"] += 1


def heartbeats(attack):
    """A7: an attempt that only sends heartbeats, of a sweep with max_seconds 1."""
    insider = Insider(attack, 64)
    body = {"name": "for ever", "base": {"depth": 1, "width": 17}, "max_seconds": 1,
            "max_attempts": 1, "priority": 1000, "replicates": 100}  # bystanders take some of them
    answer = insider.call("/v1/sweeps", body)
    if answer.status != 201:
        attack.findings[f"max_seconds is not known: {answer.status}"] += 1
        return
    claims = [c for c in insider.claim(64) if c["config"]["hidden_units"] == [17]]
    began = time.monotonic()
    status = "ok"
    while claims and status == "ok" and time.monotonic() - began < 4:
        status = insider.report({"trial": claims[0]["trial"], "attempt": claims[0]["attempt"]})
        attack.pause(0.05)
    if not claims:
        attack.findings["the trial with max_seconds went to somebody else"] += 1
    elif status == "ok":
        attack.findings["an attempt with max_seconds 1 went on for 4 s"] += 1
    elif time.monotonic() - began < 0.9:
        attack.findings[f"an attempt with max_seconds 1 ended early: {status}"] += 1
    insider.depart()


def claims(attack):
    """Two claims of one registration that wait: the second ends the first."""
    insider = Insider(attack)
    waiting = []
    while not attack.over():
        client = Client(insider)
        try:
            client.call("GET", "/healthz", status=ANY)
            client.connection.send("POST", "/v1/claims",
                                   {**insider.registration.members, "max": 1, "wait_s": 60})
        except (OSError, http.client.HTTPException, Refused):
            continue
        attack.made += 1
        waiting.append(client)
        if len(waiting) > 1:
            client = waiting.pop(0)
            client.connection.http.sock.settimeout(2)
            try:
                client.connection.receive()
            except (OSError, http.client.HTTPException):
                attack.findings["a registration had two claims waiting"] += 1
            client.close()
