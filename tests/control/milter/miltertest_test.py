# SPDX-License-Identifier: BSD-3-Clause
"""postern-control as miltertest (of the OpenDKIM project, on Sendmail's own constants) sees it: a peer
that is not ours says what a mail server says, one script for each conversation."""

import subprocess

import pytest

from tests.control.milter.milter_site import DOMAIN, NAME, PATIENCE, needs, running_site

pytestmark = pytest.mark.skipif(needs("miltertest", "nsd") is not None, reason=str(needs("miltertest", "nsd")))

PRELUDE = """\
conn = mt.connect("unix:" .. socket)
if conn == nil then error "cannot connect" end
function must(what, failed) if failed ~= nil then error(what .. ": " .. failed) end end
function answer(what, wanted)
  local got = mt.getreply(conn)
  if got ~= wanted then error(what .. ": answered " .. string.char(got)) end
end
function check(what, true_one) if not true_one then error(what) end end
function envelope(sender)
  must("mail", mt.mailfrom(conn, sender))
  answer("mail", SMFIR_CONTINUE)
  must("rcpt", mt.rcptto(conn, "<c@farm.example>"))
  answer("rcpt", SMFIR_CONTINUE)
  if not mt.test_option(conn, SMFIP_NODATA) then must("data", mt.data(conn)) end
end
"""
# Where blanks are told miltertest puts one before every value, so each field has one here.
MESSAGE = (f"From: <a@{DOMAIN}>\r\nTo:   c@farm.example\r\nSubject:  \t odd \r\n\tspacing  \r\n"
           "\r\nHello.\r\n\r\n\r\n").encode()


@pytest.fixture
def site():
    with running_site() as site:
        site.start_dns()
        yield site


def run(site, script):
    path = site.folder / "script.lua"
    path.write_text(PRELUDE + script)
    done = subprocess.run(["miltertest", "-D", f"socket={site.socket}", "-s", path], capture_output=True, text=True,
                          timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr + site.log.read_text()


def lua(text):
    """A string of Lua."""
    return '"' + "".join(f"\\{c:03d}" if c < 32 or c > 126 or c in b'"\\' else chr(c) for c in text) + '"'


def say(message):
    """Header and body of a message, as Sendmail says them: LF within fields, CRLF in the body."""
    head, body = message.split(b"\r\n\r\n", 1)
    lines = []
    for field in head.replace(b"\r\n\t", b"\n\t").replace(b"\r\n ", b"\n ").split(b"\r\n"):
        name, value = field.split(b":", 1)
        lines.append(f'must("header", mt.header(conn, {lua(name)}, {lua(value.removeprefix(b" "))}))')
    lines.append('must("eoh", mt.eoh(conn))')
    for at in range(0, len(body), 7):  # pieces cut anywhere
        lines.append(f'must("body", mt.bodystring(conn, {lua(body[at:at + 7])}))')
    lines.append('must("eom", mt.eom(conn))')
    return "\n".join(lines) + "\n"


START = """\
must("negotiate", mt.negotiate(conn, nil, nil, nil))
check("asked for leading space", mt.test_option(conn, SMFIP_HDR_LEADSPC))
must("connect", mt.conninfo(conn, "client.example", "198.51.100.7"))
must("helo", mt.helo(conn, "client.example"))
"""


def test_signed_mail_with_odd_spacing_passes_and_forged_results_go(site):
    site.start()
    forged = f"Authentication-Results: {NAME}; dkim=pass\r\n".encode()
    run(site, START + """
mt.macro(conn, SMFIC_MAIL, "i", "4ABC")
envelope("<a@good.example>")
""" + say(forged + site.sign(MESSAGE)) + """
answer("the end", SMFIR_ACCEPT)
check("a field is inserted", mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results"))
check("it passes", string.find(mt.getheader(conn, "Authentication-Results", 0), "dkim=pass", 1, true))
check("the forged one is gone", mt.eom_check(conn, MT_HDRDELETE, "Authentication-Results"))
mt.disconnect(conn)
""")
    assert site.stop() == 0
    (line,) = site.lines("message")
    assert line["queue"] == "4ABC" and line["dkim"] == "pass" and line["removed"] == "1", line
    assert line["client"] == "198.51.100.7" and line["action"] == "accept", line


def test_what_no_text_could_save_is_refused_at_rcpt(site):
    site.compile("reject category dynamic", "accept any")
    site.start()
    run(site, """
must("connect", mt.conninfo(conn, "client.example", "192.0.2.1"))
must("helo", mt.helo(conn, "client.example"))
must("mail", mt.mailfrom(conn, "<a@good.example>"))
answer("mail", SMFIR_CONTINUE)
must("rcpt", mt.rcptto(conn, "<c@farm.example>"))
answer("rcpt", SMFIR_REPLYCODE)
must("rcpt", mt.rcptto(conn, "<postmaster@farm.example>"))
answer("rcpt", SMFIR_CONTINUE)
if not mt.test_option(conn, SMFIP_NODATA) then must("data", mt.data(conn)) end
""" + say(MESSAGE) + """
answer("the end", SMFIR_ACCEPT)
mt.disconnect(conn)
""")
    assert site.stop() == 0
    (line,) = site.lines("recipient")
    assert line["action"] == "reject" and line["to"] == "c@farm.example", line
    (line,) = site.lines("message")
    assert line["action"] == "accept" and line["rcpts"] == "1", line


def test_quarantine(site):
    site.compile("quarantine dkim = none")
    site.start()
    run(site, START + """
envelope("<a@good.example>")
""" + say(MESSAGE) + """
answer("the end", SMFIR_ACCEPT)
check("held", mt.eom_check(conn, MT_QUARANTINE, "quarantine dkim = none"))
mt.disconnect(conn)
""")
    assert site.stop() == 0
    assert site.lines("message")[0]["action"] == "quarantine"


def test_refusals_resets_and_several_messages(site):
    site.compile("reject category dynamic and dkim = none", "tag dkim = none", "accept any")
    site.start()
    run(site, """
must("connect", mt.conninfo(conn, "client.example", "192.0.2.1"))
must("helo", mt.helo(conn, "client.example"))
envelope("<a@good.example>")
""" + say(MESSAGE) + """
answer("the end", SMFIR_REPLYCODE)
must("abort", mt.abort(conn))
envelope("<a@good.example>")
must("abort", mt.abort(conn))
mt.disconnect(conn)
conn = mt.connect("unix:" .. socket)
""" + START + """
for i = 1, 3 do
envelope("<a@good.example>")
""" + say(MESSAGE) + """
answer("the end", SMFIR_ACCEPT)
check("tagged", mt.eom_check(conn, MT_HDRINSERT, "X-Postern-Tag", " \\"tag dkim = none\\"", 1))
end
mt.disconnect(conn)
""")
    assert site.stop() == 0
    assert [line["action"] for line in site.lines("message")] == ["reject", "tag", "tag", "tag"]


def test_an_authenticated_submission_is_not_judged(site):
    site.compile("reject any")
    site.start()
    run(site, START + """
mt.macro(conn, SMFIC_MAIL, "{auth_authen}", "jo")
envelope("<jo@farm.example>")
""" + say(MESSAGE) + """
answer("the end", SMFIR_ACCEPT)
check("nothing is added", not mt.eom_check(conn, MT_HDRINSERT))
mt.disconnect(conn)
""")
    assert site.stop() == 0
    (line,) = site.lines("message")
    assert line["rule"] == "authenticated submission, not judged", line


def test_unknown_families_old_versions_and_unknown_commands(site):
    site.start()
    run(site, """
must("negotiate", mt.negotiate(conn, 2, 0x3f, 0x7f))
check("does not ask for what was not offered", not mt.test_option(conn, SMFIP_HDR_LEADSPC))
must("connect", mt.conninfo(conn, "client.example", "unspec"))
answer("connect", SMFIR_CONTINUE)
must("helo", mt.helo(conn, "client.example"))
must("unknown", mt.unknown(conn, "XYZZY"))
answer("unknown", SMFIR_CONTINUE)
envelope("<a@good.example>")
""" + say(site.sign(MESSAGE, (b"relaxed", b"relaxed"))) + """
answer("the end", SMFIR_ACCEPT)
check("it passes", string.find(mt.getheader(conn, "Authentication-Results", 0), "dkim=pass", 1, true))
mt.disconnect(conn)
""")
    assert site.stop() == 0
    assert site.lines("message")[0]["client"] == "unknown"


def test_the_dns_being_down_defers_and_never_rejects(site):
    site.compile("accept dkim = pass", "reject any")
    site.dns_port = 9  # nobody is there
    site.start("--authentication-time", "300ms")
    run(site, START + """
envelope("<a@good.example>")
""" + say(site.sign(MESSAGE)) + """
answer("the end", SMFIR_REPLYCODE)
mt.disconnect(conn)
""")
    assert site.stop() == 0
    assert site.lines("message")[0]["reply"].startswith("451 4.4.3 deferred because ")


def test_the_socket_is_made_with_care_and_taken_away(site):
    site.start()
    assert site.ready == f"ready milter=unix:{site.socket}\n"
    assert site.socket.stat().st_mode & 0o777 == 0o660
    assert site.stop() == 0
    assert not site.socket.exists()
