# SPDX-License-Identifier: BSD-3-Clause
"""A real mail server is the farm behind postern-control. What a client sent is what stands in the box, under
two fields of ours; the server's answers reach the client word for word; its connections are used for
several clients, over TLS where that is asked for; and it may be restarted at any time."""

import re
import ssl

import pytest

from tests.control.mail_servers.front_door import unmarked
from tests.control.mail_servers.messages import ORDINARY, large, message
from tests.support.loopback import wait_until
from tests.support.mail_servers import BUSY, LARGEST
from tests.support.smtp_wire import Client, stuffed

CLIENT = "192.0.2.77"
USER = "someone@farm.example"


def boxed(server, count, user="someone"):
    """The box, once it has so many messages and no more are to come."""
    wait_until(lambda: f"{count} messages; there are {len(server.box(user))}; the log says {server.log()[-2000:]}",
               lambda: len(server.box(user)) >= count and not server.queued(), pause=0.1)
    found = server.box(user)
    assert len(found) == count
    return found


def as_delivered(text):
    """Line ends as a box has them."""
    return text.replace(b"\r\n", b"\n")


def by_subject(mails):
    found = {re.search(rb"^Subject: (.*)$", mail, re.M)[1].decode(): mail for mail in mails}
    assert len(found) == len(mails)
    return found


def test_mail_is_delivered_byte_for_byte_and_once(server, backend, door):
    with door.running(f"127.0.0.1:{backend.port}"):
        with Client(door.port) as client:
            for name, parts in ORDINARY.items():
                assert client.send(message(name, **parts), USER).startswith("250"), name
    mails = by_subject(boxed(server, len(ORDINARY)))
    for name, parts in ORDINARY.items():
        above, received, _, text = unmarked(mails[name])
        assert re.search(rb"^Received: (.|\n)*by mail\.farm\.example", above, re.M), above
        assert re.match(rb"Received: from client\.example \((localhost )?\[127\.0\.0\.1\]\)\n\tby mx\.farm\.example", received), received
        assert text == as_delivered(message(name, **parts)), name


def test_lines_of_any_length_are_delivered_as_without_us(server, backend, door):
    body = b"x" * 998 + b"\r\n" + b"y" * 3000 + b"\r\n." + b"z" * 5000 + b"\r\n"
    with Client(server.port) as client:
        theirs = client.send(message("longer", body), USER)
    direct = [mail[mail.index(b"From: <tester@"):] for mail in boxed(server, 1 if theirs.startswith("250") else 0)]
    server.empty()
    with door.running(f"127.0.0.1:{backend.port}"):
        with Client(door.port) as client:
            ours = client.send(message("longer", body), USER)
    assert ours[:3] == theirs[:3], (theirs, ours)
    assert [unmarked(mail)[3] for mail in boxed(server, len(direct))] == direct


def test_a_large_message_and_one_that_is_too_large(server, backend, door):
    text = message("large", large(LARGEST - 100_000))
    with door.running(f"127.0.0.1:{backend.port}", spool_memory="16K"):
        with Client(door.port) as client:
            # Less than the server's own limit by what may be put in front.
            offered = int(re.search(r"^250[- ]SIZE ([0-9]+)\r$", client.offered, re.M)[1])
            assert LARGEST - 20_000 < offered < LARGEST, client.offered
            assert client.send(text, USER).startswith("250")
            assert client.say(f"MAIL FROM:<a@b.example> SIZE={offered + 1}").startswith("552 5.3.4")
            # Who says nothing of it is refused when it has come.
            assert client.envelope(USER)[0].startswith("250")
            assert client.text(message("too-large", large(LARGEST + 50_000))).startswith("552 5.3.4")
    assert [unmarked(mail)[3] for mail in boxed(server, 1)] == [as_delivered(text)]


def test_the_servers_own_answers(server, backend, door):
    recipients = ("unknown@farm.example", "later@farm.example", USER)
    with Client(server.port) as client:
        direct = client.envelope(*recipients)
    assert direct[0].startswith("550") and direct[1][:3] in ("450", "451") and BUSY[6:] in direct[1], direct
    with door.running(f"127.0.0.1:{backend.port}"):
        with Client(door.port) as client:
            assert client.envelope(*recipients) == direct
            reply = client.text(message("others"))
            assert reply.startswith("250")
    session, = backend.with_mail()
    assert session.steps()[session.commands().index(".")].reply == reply, "the server's own"
    boxed(server, 1)


def test_a_connection_serves_several_clients(server, backend, door):
    with door.running(f"127.0.0.1:{backend.port}"):
        for number in range(4):
            with Client(door.port) as client:
                assert client.send(message(f"first-{number}"), USER).startswith("250")
                assert client.send(message(f"second-{number}"), USER, "tester@sender.example").startswith("250")
                assert client.quit().startswith("221")
    session, = backend.with_mail()
    assert session.commands().count("MAIL") == 8
    by_subject(boxed(server, 8))
    by_subject(boxed(server, 4, "tester"))


@pytest.mark.only(lambda kind: kind.TLS)
def test_starttls_to_the_server(server, backend, door):
    with door.running(f"127.0.0.1:{backend.port},tls=verify,tls-name=mail.farm.example", farm_ca=server.certificate):
        for name in ("eight-bit", "dots"):
            with Client(door.port) as client:
                assert client.send(message(name, **ORDINARY[name]), USER).startswith("250")
    for name, mail in by_subject(boxed(server, 2)).items():
        above, _, _, text = unmarked(mail)
        assert re.search(rb"with esmtps|TLSv1\.[23]|version=TLS", above, re.I), above
        assert text == as_delivered(message(name, **ORDINARY[name]))
    assert not backend.with_mail(), "nothing was sent in plain"


@pytest.mark.only(lambda kind: not kind.TLS)
def test_a_server_whose_starttls_is_broken(server, backend, door):
    """It is offered, and every handshake fails: with tls=may the mail goes in plain, with tls=require it does not go."""
    with Client(server.port) as client:
        assert client.say("STARTTLS").startswith("220")
        with pytest.raises(ssl.SSLError):
            ssl._create_unverified_context().wrap_socket(client.socket)
    with door.running(f"127.0.0.1:{backend.port},tls=require", farm_connect_time="2s"):
        with Client(door.port) as client:
            assert client.envelope(USER)[0].startswith("451 4.4.1")
    assert not backend.with_mail()
    with door.running(f"127.0.0.1:{backend.port},tls=may"):
        with Client(door.port) as client:
            assert client.send(message("in-plain"), USER).startswith("250")
    mail, = boxed(server, 1)
    assert unmarked(mail)[3] == as_delivered(message("in-plain"))


@pytest.mark.only(lambda kind: kind.PROXY)
def test_a_proxy_header_tells_it_the_client(server, backend, door):
    backend.target = server.proxied
    with door.running(f"127.0.0.1:{backend.port},hand-on=proxy", load_balancer="127.0.0.0/8"):
        with Client(door.port, before=f"PROXY TCP4 {CLIENT} 198.51.100.25 40001 25\r\n".encode()) as client:
            assert client.send(message("handed-on"), USER).startswith("250")
    mail, = boxed(server, 1)
    above, received, _, text = unmarked(mail)
    assert f"[{CLIENT}]".encode() in above and f"[{CLIENT}]".encode() in received, mail
    assert text == as_delivered(message("handed-on"))


@pytest.mark.parametrize("when", ["before the text", "within the text", "between two clients"])
def test_it_is_restarted(server, backend, door, when):
    with door.running(f"127.0.0.1:{backend.port}"):
        first = Client(door.port)
        assert first.send(message("before"), USER).startswith("250")
        boxed(server, 1)
        if when == "between two clients":
            assert first.quit().startswith("221")
            client = None
        else:
            client = first
            assert client.envelope(USER)[0].startswith("250")
        text = message("after", large(300_000))
        if when == "within the text":
            assert client.say("DATA").startswith("354")
            client.socket.sendall(stuffed(text)[:200_000])
        server.kill()
        server.start()
        if client is None:
            client = Client(door.port)
            reply = client.send(text, USER)
        elif when == "within the text":
            client.socket.sendall(stuffed(text)[200_000:])
            reply = client.reply()
            if reply.startswith("4"):  # the text had begun to go there: the client sends it again
                reply = client.send(text, USER)
        else:
            reply = client.text(text)
        assert reply.startswith("250"), reply
        client.quit()
    mails = by_subject(boxed(server, 2))
    assert unmarked(mails["after"])[3] == as_delivered(text)
    assert unmarked(mails["before"])[3] == as_delivered(message("before"))
