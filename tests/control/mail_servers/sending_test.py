# SPDX-License-Identifier: BSD-3-Clause
"""A real mail server sends through postern-control to a farm. What it put on the wire is what the farm got, under
two fields of ours; once, whatever had to be tried again; and who is refused reads our words in its log
and in the report to its user. What the server itself does to mail before it sends it is not judged: the
tap between it and us tells."""

import re

from tests.control.mail_servers.front_door import NAME, unmarked
from tests.control.mail_servers.messages import ORDINARY, large, message
from tests.support.loopback import wait_until
from tests.support.smtp_wire import Client

SENDER = "tester@sender.example"


def submit(server, text, *recipients):
    """At the server, as its users do."""
    with Client(server.port, "user.sender.example") as client:
        reply = client.send(text, *recipients, sender=SENDER)
        assert reply.startswith("250"), reply


def arrive(server, farm, *recipients):
    """Until everything is there, with the server asked to try again meanwhile."""
    def there():
        if all(farm.of(recipient) for recipient in recipients):
            return True
        server.flush()
        return False

    wait_until(lambda: f"mail for {recipients}; the log says {server.log()[-2000:]}", there, pause=0.5)


def done(server):
    """Until nothing is queued."""
    def nothing():
        if not server.queued():
            return True
        server.flush()
        return False

    wait_until(lambda: f"an empty queue; the log says {server.log()[-2000:]}", nothing, pause=0.5)


def unfolded(text):
    return re.sub(r"\s+", " ", text)


def report_of(server, words):
    """The non-delivery report with those words that the user gets; waits for it."""
    found = []

    def there():
        found[:] = [text for text in server.box("tester") if words in unfolded(text.decode("latin-1"))]
        if not found:
            server.flush()  # which matters where the first attempt met nobody
        return found

    wait_until(lambda: f"a report; the log says {server.log()[-2000:]}", there, pause=0.3)
    assert len(found) == 1
    return found[0].decode("latin-1")


def test_mail_arrives_byte_for_byte_and_once(server, relay, farm, door):
    server.empty()
    with door.running(f"127.0.0.1:{farm.port}"):
        for name, parts in ORDINARY.items():
            submit(server, message(name, **parts), f"{name}@elsewhere.example")
        arrive(server, farm, *(f"{name}@elsewhere.example" for name in ORDINARY))
        done(server)
    sent = relay.texts()
    assert len(sent) == len(farm.delivered) == len(ORDINARY)
    for name, parts in ORDINARY.items():
        delivered, = farm.of(f"{name}@elsewhere.example")
        above, received, results, text = unmarked(delivered.text)
        assert not above
        assert re.match(rb"Received: from mail\.farm\.example \((localhost )?\[127\.0\.0\.1\]\)\r\n"
                        rb"\tby mx\.farm\.example with ESMTP\r\n\tid \S+\r\n\tfor <%s@elsewhere\.example>;\r\n" % name.encode(), received), received
        assert results.startswith(f"Authentication-Results: {NAME};\r\n".encode()), results
        assert sent.count(text) == 1, (name, text, sent)
        assert text.startswith(b"Received: ") and delivered.sender == SENDER
        if name != "long-lines" or server.NAME != "Sendmail":  # which breaks lines of more than 990 octets
            assert text.endswith(message(name, **parts)), (name, text)
    verbs = [verb for session in relay.sessions for verb in session.commands()]
    assert ("BDAT" in verbs) == (server.NAME == "Exim") and ("DATA" in verbs) != (server.NAME == "Exim")
    assert {mail.verb for mail in farm.delivered} == {"BDAT" if server.NAME == "Exim" else "DATA"}
    assert any(session.pipelined() for session in relay.sessions) == (server.NAME != "OpenSMTPD")
    assert not server.box("tester"), "nothing to report"


def test_lines_of_any_length_are_as_the_server_sends_them(server, relay, farm, door):
    server.empty()
    body = b"x" * 998 + b"\r\n" + b"y" * 1500 + b"\r\n." + b"z" * 1900 + b"\r\n"
    with door.running(f"127.0.0.1:{farm.port}"):
        submit(server, message("longer", body), "longer@elsewhere.example")
        if server.NAME == "Exim":  # whose transport sends none that are longer than RFC 5322 has them
            assert "message has lines too long" in report_of(server, "lines too long")
        else:
            arrive(server, farm, "longer@elsewhere.example")
            assert [unmarked(mail.text)[3] for mail in farm.delivered] == relay.texts()
            assert body.replace(b"\r\n", b"")[-1000:] in re.sub(rb"!?\r\n ?", b"", farm.delivered[0].text)
        done(server)


def test_a_message_that_does_not_fit_into_memory(server, relay, farm, door):
    text = message("large", large(1_500_000))
    with door.running(f"127.0.0.1:{farm.port}", spool_memory="16K"):
        submit(server, text, "large@elsewhere.example", "large2@elsewhere.example")
        arrive(server, farm, "large@elsewhere.example", "large2@elsewhere.example")
    assert len(farm.of("large@elsewhere.example")) == len(farm.of("large2@elsewhere.example")) == 1
    for mail in farm.delivered:
        assert unmarked(mail.text)[3].endswith(text)
    assert [unmarked(mail.text)[3] for mail in farm.delivered] == relay.texts()


def test_starttls(server, relay, farm, door):
    with door.running(f"127.0.0.1:{farm.port}", tls=True):
        for name in ("eight-bit", "dots"):
            submit(server, message(name, **ORDINARY[name]), f"{name}@elsewhere.example")
        arrive(server, farm, "eight-bit@elsewhere.example", "dots@elsewhere.example")
        for mail in farm.delivered:
            _, received, _, text = unmarked(mail.text)
            assert b" with ESMTPS (TLSv1.3" in received
            assert text.endswith(message(name := mail.recipients[0].split("@")[0], **ORDINARY[name]))
        assert len(farm.delivered) == 2
        assert all(line["tls"].startswith("TLSv1.3") for line in door.lines("message"))
    assert not relay.texts(), "nothing was sent in plain"


def test_one_recipient_of_several_is_refused(server, farm, door):
    """By the farm, in its words; by the directory, in ours; the others get the message once."""
    server.empty()
    (door.folder / "recipients").write_text("\n".join(f"{name}@elsewhere.example" for name in ("one", "two", "moved")) + "\n")
    farm.answers["RCPT", "moved@elsewhere.example"] = ["551 5.1.6 moved has left for good"] * 9
    with door.running(f"127.0.0.1:{farm.port}", directory_file=door.folder / "recipients"):
        submit(server, message("several"), *(f"{name}@elsewhere.example" for name in ("one", "moved", "stranger", "two")))
        arrive(server, farm, "one@elsewhere.example", "two@elsewhere.example")
        done(server)
        for words, address in (("551 5.1.6 moved has left for good", "moved@elsewhere.example"),
                               ("550 5.1.1 there is no such recipient here", "stranger@elsewhere.example")):
            assert address in report_of(server, words)
            assert words in unfolded(server.log())
    assert sorted(recipient for mail in farm.delivered for recipient in mail.recipients) == [
        "one@elsewhere.example", "two@elsewhere.example"]


def test_a_rule_refuses_and_the_sender_reads_why(server, farm, door):
    server.empty()
    rule = 'refused by the rule "reject category dynamic", list here (dynamic)'
    with door.running(f"127.0.0.1:{farm.port}", rule="reject category dynamic"):
        submit(server, message("judged"), "judged@elsewhere.example")
        report = unfolded(report_of(server, rule))
        done(server)
    assert "https://postmaster.farm.example/" in report
    assert rule in unfolded(server.log())
    assert not farm.delivered


def test_what_is_put_off_is_tried_again_and_arrives_once(server, relay, farm, door):
    server.empty()
    farm.answers["RCPT", "later@elsewhere.example"] = ["450 4.2.1 later, at RCPT"]
    farm.answers[".", SENDER] = ["451 4.3.0 later, at the end"]
    with door.running(f"127.0.0.1:{farm.port}"):
        submit(server, message("put-off"), "later@elsewhere.example", "now@elsewhere.example")
        arrive(server, farm, "later@elsewhere.example", "now@elsewhere.example")
        done(server)
    assert sorted(recipient for mail in farm.delivered for recipient in mail.recipients) == [
        "later@elsewhere.example", "now@elsewhere.example"]
    assert not farm.answers["RCPT", "later@elsewhere.example"] and not farm.answers[".", SENDER], "both were put off"
    for mail in farm.delivered:
        assert unmarked(mail.text)[3] in relay.texts()
    assert not server.box("tester")


def test_nobody_is_at_the_farm_for_a_while(server, farm, door):
    gone = farm.port
    farm.stop()
    with door.running(f"127.0.0.1:{gone}"):
        submit(server, message("patience"), "patience@elsewhere.example")
        wait_until("the first attempt", lambda: "451 4.4.1" in unfolded(server.log()) or server.flush())
        again = type(farm)(gone)
        arrive(server, again, "patience@elsewhere.example")
        done(server)
    assert len(again.of("patience@elsewhere.example")) == 1
    again.stop()


def test_it_waits_for_the_whole_greeting(server, relay, farm, door):
    with door.running(f"127.0.0.1:{farm.port}", greet_pause="1500ms"):
        submit(server, message("patient"), "patient@elsewhere.example")
        arrive(server, farm, "patient@elsewhere.example")
    assert len(farm.delivered) == 1
    assert relay.with_mail()[0].greeting().startswith(f"220-{NAME} "), "the first half came before the pause"
    assert all(line["offence"] == "-" for line in door.lines("session"))


def test_greylisting_delays_and_loses_nothing(server, farm, door):
    server.empty()
    with door.running(f"127.0.0.1:{farm.port}", greylist="2s"):
        submit(server, message("grey"), "grey@elsewhere.example")
        arrive(server, farm, "grey@elsewhere.example")
        submit(server, message("grey-again"), "grey-again@elsewhere.example")
        arrive(server, farm, "grey-again@elsewhere.example")
        done(server)
    assert len(farm.delivered) == 2
    assert "450 4.7.1" in unfolded(server.log())
    assert not server.box("tester")
