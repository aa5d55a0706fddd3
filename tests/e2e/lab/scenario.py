# SPDX-License-Identifier: BSD-3-Clause
"""The rows: who sends from where, and what has to become of it. The lists, the policy and the
messages are made here, next to what is expected of them."""

import dataclasses
import json
import re
from typing import Callable

from tests.e2e.lab import attempts, mail, real_lists, senders
from tests.e2e.lab.farm import PATIENCE, wait_for

POLICY = """\
list dynamic     "dynamic.netset"     format cidr     category dynamic     contact "https://postmaster.farm.example/"
list drop        "drop.json"          format drop     category hijacked
list drop6       "drop6.json"         format drop     category hijacked
list partners    "partners.cidr"      format cidr     category accredited
list pool        "pool.cidr"          format cidr     category pool        contact "https://postmaster.farm.example/?ip=%a"
list blunt       "blunt.cidr"         format cidr     category blunt       contact "https://postmaster.farm.example/"
list banned      "banned.cidr"        format cidr     category banned
list crowd       "crowd.cidr"         format cidr     category crowd
list homes       "homes.cidr"         format cidr     category residential
list smarthosts  "smarthosts.cidr"    format cidr     category smarthosts
list refused     "refused.domains"    format domains  category refused
{real_lists}
protect 203.0.113.50

service mx  198.51.100.25/32 2001:db8:25::25/128  port 25  name "mx.farm.example"

signature rat   /^rat-[0-9]+$/  reset  learn 1h
signature mute  /^mute[.]/  drop

connection to mx
    allow  category accredited
    reset  category hijacked
    drop   category dynamic
    refuse category pool
    refuse greeting category blunt
    drop   category banned hard
    limit  category crowd 3/hour burst 3 else refuse
{real_rules}
connection from category residential
    allow  to list smarthosts
    reset  to any

message
    reject  dkim = pass and domain in refused
    tag     dkim = fail
    accept  any

message to "strict.example"
    reject  name = dynamic  learn {learned_for}s
    accept  any
"""
LEARNED_FOR = 15  # seconds; the lab waits for their end
POOL_NAME, SERVER_NAME = "pool-203-0-113-117.isp.example", "mail.isp.example"  # of one address, one after the other

LISTS = {
    "dynamic.netset": "# dynamic pools of the lab\n203.0.113.0/26\n2001:db8:d::/48\n",
    "partners.cidr": "203.0.113.40\n",
    "pool.cidr": "203.0.113.128/30\n2001:db8:f00::/48\n",
    "blunt.cidr": "203.0.113.132/30\n",
    "banned.cidr": "203.0.113.136/30\n",
    "crowd.cidr": "203.0.113.140/30\n",
    "homes.cidr": "192.168.5.0/24\n",
    "smarthosts.cidr": "203.0.113.201\n",
    "names.pcre": "/^pool-[0-9-]+[.]isp[.]example$/ REJECT a pool of the lab\n",
    "refused.domains": "# domains whose own signature is reason enough\nrefused.example\n",
}

DOMAINS = ("good.example", "ed.example", "refused.example", "quiet.example", "postfix.example")


def zones(keys):
    """domain -> its master file, for the lab's name server."""
    source = "203.0.113.117"
    return {domain: mail.zone(domain, keys) for domain in DOMAINS} | {
        "isp.example": mail.provider_zone({POOL_NAME: source, SERVER_NAME: source}),
        "in-addr.arpa": mail.reverse_zone({source: POOL_NAME}), "ip6.arpa": mail.reverse_zone(of="ip6.arpa")}


def drop_file(prefixes):
    records = [json.dumps({"cidr": p, "sblid": f"SBL{n}", "rir": "test"}) for n, p in enumerate(prefixes, 1)]
    body = "".join(r + "\n" for r in records)
    trailer = {"type": "metadata", "timestamp": 1700000000, "size": len(body), "records": len(records),
               "copyright": "none", "terms": "none"}
    return body + json.dumps(trailer) + "\n"


def write_policy(folder, reals):
    """-> the policy file, with the published lists in it"""
    for name, text in LISTS.items():
        (folder / name).write_text(text)
    (folder / "drop.json").write_text(drop_file(["192.0.2.128/25"]))
    (folder / "drop6.json").write_text(drop_file(["2001:db8:bad::/48"]))
    policy = folder / "lab.policy"
    policy.write_text(POLICY.format(real_lists=real_lists.declarations(reals, folder), real_rules=real_lists.rules(reals),
                                    learned_for=LEARNED_FOR))
    return policy


@dataclasses.dataclass
class Row:
    sender: str
    source: str
    expected: str
    see: Callable[[], str]


class Scenario:
    """All rows against one running engine. `see` of each row does the sending and says what came of it."""

    SERVERS = ("203.0.113.200", "203.0.113.201")  # outside, for those inside

    def __init__(self, network, folder, farm, names, keys, engine, reals):
        self.network, self.folder, self.farm, self.names = network, folder, farm, names
        self.keys, self.engine, self.reals = keys, engine, reals
        self.count = 0

    def rows(self):
        plain, rsa, ed = self._plain, self._rsa, self._ed
        rows = [
            Row("listed as dynamic", "203.0.113.10", "timed out, rule-drop", lambda: self._attempt("203.0.113.10")),
            Row("listed in DROP", "192.0.2.130", "refused, rule-reset", lambda: self._attempt("192.0.2.130")),
            Row("listed as dynamic, IPv6", "2001:db8:d::10", "timed out, rule-drop",
                lambda: self._attempt("2001:db8:d::10")),
            Row("listed in DROP, IPv6", "2001:db8:bad::10", "refused, rule-reset",
                lambda: self._attempt("2001:db8:bad::10")),
            Row("listed, but protected", "203.0.113.50", "accepted, dkim=none", lambda: self._send("203.0.113.50", plain)),
            Row("listed, but accredited", "203.0.113.40", "accepted, dkim=none", lambda: self._send("203.0.113.40", plain)),
            Row("unlisted, signed (RSA)", "203.0.113.100", "accepted, dkim=pass", lambda: self._send("203.0.113.100", rsa)),
            Row("unlisted, signed (Ed25519)", "203.0.113.101", "accepted, dkim=pass",
                lambda: self._send("203.0.113.101", ed)),
            Row("unlisted, signed, IPv6", "2001:db8:600d::1", "accepted, dkim=pass",
                lambda: self._send("2001:db8:600d::1", rsa)),
            Row("unlisted, signed, STARTTLS", "203.0.113.102", "accepted, dkim=pass, TLS",
                lambda: self._send("203.0.113.102", rsa, tls=True)),
            Row("Postfix, signed by opendkim", "203.0.113.103", "accepted, dkim=pass, TLS", self._postfix),
            Row("body altered on the way", "203.0.113.104", "accepted, dkim=fail, tagged",
                lambda: self._send("203.0.113.104", self._broken)),
            Row("forged Authentication-Results", "203.0.113.105", "accepted, dkim=none, forgery removed",
                lambda: self._send("203.0.113.105", self._forged)),
            Row("text that continues our results", "203.0.113.111", "550",
                lambda: self._send("203.0.113.111", self._continued)),
            Row("signed with an unknown key", "203.0.113.106", "accepted, dkim=permerror",
                lambda: self._send("203.0.113.106", self._unknown_key)),
            Row("signed by a refused domain", "203.0.113.107", "550",
                lambda: self._send("203.0.113.107", self._refused)),
            Row("early talker, three visits", "203.0.113.108", "554, then learned: greeting",
                lambda: self._bot("203.0.113.108", "client.example", waits=False)),
            Row("early talker, fourth visit", "203.0.113.108", "timed out, learned-drop",
                lambda: self._attempt("203.0.113.108")),
            Row("bot by its HELO, three visits", "203.0.113.112", "550, then learned: HELO",
                lambda: self._bot("203.0.113.112", "ylmf-pc", waits=True)),
            Row("bot by its HELO, fourth visit", "203.0.113.112", "timed out, learned-drop",
                lambda: self._attempt("203.0.113.112")),
            Row("a signature that resets", "203.0.113.114", "reset, then learned: signature rat",
                lambda: self._signature("203.0.113.114", "RAT-7")),
            Row("the same, next visit", "203.0.113.114", "timed out, learned-drop", lambda: self._attempt("203.0.113.114")),
            Row("a signature that drops", "203.0.113.115", "no reply",
                lambda: attempts.helo(self.network, "203.0.113.115", "mute.example")),
            Row("nearly a signature", "203.0.113.116", "250-mx.farm.example",
                lambda: attempts.helo(self.network, "203.0.113.116", "rat-7.example")),
            Row("a pool by its name", "203.0.113.117", "550 with the name, then learned: the name",
                lambda: self._named_pool("203.0.113.117")),
            Row("a pool by its name, next visit", "203.0.113.117", "timed out, learned-drop",
                lambda: self._attempt("203.0.113.117")),
            Row("renamed, when that has expired", "203.0.113.117", "accepted, dkim=none",
                lambda: self._renamed("203.0.113.117")),
            Row("in a pool, refused", "203.0.113.128", "220, then 554 with the reason, rule-refuse",
                lambda: self._refusal("203.0.113.128", "pool")),
            Row("in a pool, refused, IPv6", "2001:db8:f00::8", "220, then 554 with the reason, rule-refuse",
                lambda: self._refusal("2001:db8:f00::8", "pool")),
            Row("refused at the greeting", "203.0.113.132", "554 as the greeting, rule-refuse",
                lambda: self._refusal("203.0.113.132", "blunt", at_once=True)),
            Row("Postfix in a pool", "203.0.113.129", "bounced, with the reason", self._postfix_in_pool),
            Row("under hard, within a connection", "203.0.113.136", "no answer, rule-drop",
                lambda: self._segment("203.0.113.136")),
            Row("unlisted, within a connection", "203.0.113.113", "answered R", lambda: self._segment("203.0.113.113")),
            Row("limited, four in a row", "203.0.113.140", "250, 250, 250, 421, limit-refuse",
                lambda: self._crowd("203.0.113.140")),
            Row("resident to an exchanger", "192.168.5.1", "refused, rule-reset",
                lambda: self._resident("192.168.5.1", "203.0.113.200")),
            Row("resident to the smarthost", "192.168.5.1", "connected",
                lambda: self._resident("192.168.5.1", "203.0.113.201")),
            Row("resident to the web", "192.168.5.1", "connected",
                lambda: self._resident("192.168.5.1", "203.0.113.200", 443)),
            Row("not SMTP, from a listed source", "203.0.113.10", "untouched", self._other_service),
        ]
        for real in self.reals:
            if real.expected().startswith("accepted"):
                see = lambda address=real.address: self._send(address, plain)
            else:
                see = lambda address=real.address: self._attempt(address)
            rows.append(Row(f"listed in the real {real.name}", real.address, real.expected(), see))
        rows += [
            Row("DNS down, signed", "203.0.113.109", "451", lambda: self._dns_down("203.0.113.109", self._quiet)),
            Row("DNS down, not signed", "203.0.113.110", "accepted, dkim=none", lambda: self._dns_down("203.0.113.110", plain)),
        ]
        return rows

    # What is sent. Each returns (message, sender address).

    def _plain(self, subject):
        return mail.message(subject, "plain.example"), "sender@plain.example"

    def _rsa(self, subject):
        return mail.sign_rsa(mail.message(subject, "good.example"), "good.example", self.keys), "sender@good.example"

    def _ed(self, subject):
        return mail.sign_ed25519(mail.message(subject, "ed.example"), "ed.example", self.keys), "sender@ed.example"

    def _broken(self, subject):
        text, sender = self._rsa(subject)
        return text.replace(b"Dear someone", b"Dear someone else"), sender

    def _forged(self, subject):
        forged = ["Authentication-Results:\tMX.Farm.Example (really) ;\r\n  dkim=pass header.d=bank.example"]
        return mail.message(subject, "plain.example", forged), "sender@plain.example"

    def _continued(self, subject):
        return b" ; dkim=pass header.d=bank.example\r\n" + mail.message(subject, "plain.example"), "sender@plain.example"

    def _unknown_key(self, subject):
        text = mail.message(subject, "good.example")
        return mail.sign_rsa(text, "good.example", self.keys, selector="missing"), "sender@good.example"

    def _refused(self, subject):
        text = mail.message(subject, "refused.example")
        return mail.sign_rsa(text, "refused.example", self.keys), "sender@refused.example"

    def _quiet(self, subject):
        text = mail.message(subject, "quiet.example")
        return mail.sign_rsa(text, "quiet.example", self.keys), "sender@quiet.example"

    # What is seen.

    def _with_reasons(self, see, port="wan"):
        """What is seen, and by which rules, entries and limits the engine stopped something meanwhile."""
        before = self.engine.api.reasons(port)
        outcome = see()
        after = self.engine.api.reasons(port)
        stopped = [r for r, n in after.items() if n > before[r] and re.match("(rule|learned|limit)-(drop|reset|refuse)", r)]
        return ", ".join([outcome, *stopped])

    def _attempt(self, source):
        """A connection that should come to nothing."""
        return self._with_reasons(lambda: attempts.probe(self.network.wan, source, self.network.service(source), 25))

    def _segment(self, source):
        return self._with_reasons(lambda: attempts.established_segment(self.network, source))

    def _refusal(self, source, list_name, at_once=False):
        return self._with_reasons(lambda: attempts.refusal_seen(attempts.dialogue(self.network, source), source,
                                                                list_name, at_once))

    def _crowd(self, source):
        def see():
            path = self.folder / "crowd.eml"
            path.write_bytes(mail.message("crowd", "plain.example"))
            replies = [senders.swaks(self.network, source, path, "sender@plain.example", first=True)[0] for _ in range(4)]
            return ", ".join(reply.split()[0] for reply in replies)
        return self._with_reasons(see)

    def _resident(self, source, target, port=25):
        outside = attempts.Outside(self.network, target)
        try:
            return self._with_reasons(lambda: outside.from_inside(source, port), "mx")
        finally:
            outside.stop()

    def _subject(self):
        self.count += 1
        return f"{self.engine.kind}-{self.count}"

    def _send(self, source, compose, tls=False, recipient="someone@farm.example"):
        subject = self._subject()
        text, sender = compose(subject)
        path = self.folder / f"{subject}.eml"
        path.write_bytes(text)
        reply, _ = senders.swaks(self.network, source, path, sender, recipient, tls=tls)
        return self._delivered(subject, reply, text)

    def _delivered(self, subject, reply, sent):
        if not reply.startswith("250"):
            return reply.split()[0] if reply[:3].isdigit() else reply
        # The farm's file is complete when its 250 went out, which came before ours.
        copies = self.farm.received(subject)
        if len(copies) != 1:
            return f"250, but the farm has {len(copies)} copies"
        return ", ".join(["accepted", *self._marks(copies[0], sent)])

    @staticmethod
    def _marks(copy, sent):
        header = re.sub(r"\n[ \t]+", " ", copy.split("\n\n", 1)[0])
        results = re.findall(r"^Authentication-Results:\s*(.*)$", header, re.M | re.I)
        ours = [r for r in results if r.lower().startswith("mx.farm.example")]
        marks = []
        if len(ours) != 1:
            return [f"{len(ours)} Authentication-Results of ours"]
        found = re.search(r"dkim=(\w+)", ours[0])
        marks.append(f"dkim={found[1]}" if found else "dkim not mentioned")
        if re.search(r"^X-Postern-Tag:", header, re.M):
            marks.append("tagged")
        if re.search(r"^Received:.* with ESMTPS", header, re.M):
            marks.append("TLS")
        if b"bank.example" in sent:
            marks.append("forgery still there" if "bank.example" in header else "forgery removed")
        return marks

    def _postfix(self):
        subject = self._subject()
        path = self.folder / f"{subject}.eml"
        text = mail.message(subject, "postfix.example")
        path.write_bytes(text)
        postfix = senders.Postfix(self.network, self.folder, "203.0.113.103", "postfix.example", self.keys)
        try:
            outcome = postfix.send(path, "sender@postfix.example")
        finally:
            postfix.stop()
        return self._delivered(subject, outcome.removeprefix("sent: "), text)

    def _postfix_in_pool(self):
        path = self.folder / "pool.eml"
        path.write_bytes(mail.message("pool", "postfix.example"))
        postfix = senders.Postfix(self.network, self.folder, "203.0.113.129", "postfix.example", self.keys, name="pool")
        try:
            outcome = postfix.send(path, "sender@postfix.example")
        finally:
            postfix.stop()
        why = "554 5.7.1 203.0.113.129 refused: pool (list pool); see https://postmaster.farm.example/?ip=203.0.113.129"
        return "bounced, with the reason" if outcome.startswith("bounced: ") and why in outcome else outcome

    def _bot(self, source, name, waits):
        """Three visits: what it was told, and for what it was learned."""
        answers = [senders.bot(self.network, source, name, waits) for _ in range(3)]
        told = {answer.split()[0] for answer in answers}
        if len(told) != 1:
            return f"answered differently: {answers}"
        reason = self._learned(source)
        words = [word for word in ("greeting", "HELO") if word in reason]
        return f"{told.pop()}, then learned: {', '.join(words) or reason}"

    def _named_pool(self, source):
        """To somebody who takes no mail from pools."""
        path = self.folder / "pool-name.eml"
        path.write_bytes(mail.message("pool", "plain.example"))
        reply, transcript = senders.swaks(self.network, source, path, "sender@plain.example", "someone@strict.example",
                                          first=True)
        told = "with" if POOL_NAME in transcript else "without"
        reason = self._learned(source)
        return f"{reply.split()[0]} {told} the name, then learned: {'the name' if POOL_NAME in reason else reason}"

    def _renamed(self, source):
        """Its owner gives it the name of a server; when the entry is over it comes again."""
        self.names.replace("in-addr.arpa", mail.reverse_zone({source: SERVER_NAME}))
        wait_for("the end of the entry", LEARNED_FOR + PATIENCE, lambda: not self._reasons(source))
        return self._send(source, self._plain, recipient="someone@strict.example")

    def _signature(self, source, name):
        """By the engine in the packet, or by control for one that does not look into packets."""
        return f"{attempts.helo(self.network, source, name)}, then learned: {self._learned(source)}"

    def _learned(self, source):
        """Why there is an entry for the source; waits for it."""
        found = []

        def there():
            found[:] = self._reasons(source)
            return found

        try:
            wait_for("the entry", PATIENCE, there)
        except RuntimeError:
            return "nothing"
        return found[0]

    def _reasons(self, source):
        entries = self.engine.api.call("GET", "/v1/entries")["entries"]
        return [entry["reason"] for entry in entries if entry["prefix"] == f"{source}/32"]

    def _other_service(self):
        service = senders.OtherService(self.network)
        try:
            return service.flow(self.network, "203.0.113.10")
        finally:
            service.stop()

    def _dns_down(self, source, compose):
        self.names.stop()
        return self._send(source, compose)
