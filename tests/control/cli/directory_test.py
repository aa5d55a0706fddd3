# SPDX-License-Identifier: BSD-3-Clause
"""`postern directory`: what it finds in a recipient file, by a config file of control's, and what it
says where there is no directory or no answer. LDAP itself is tested in tests/control/directory."""

import pytest

from postern_program import bad_input, fine, fine_json, postern

RECIPIENTS = """\
user@example.org
postmaster@example.org user@example.org
@example.net
"""


@pytest.fixture(name="site")
def make_site(tmp_path):
    (tmp_path / "recipients").write_text(RECIPIENTS)
    (tmp_path / "control.conf").write_text(
        "listen = 198.51.100.25:25\nfarm = 192.0.2.10\nsnapshot = s\n"
        f"directory-file = {tmp_path}/recipients\ndirectory-extensions = -\n")
    return tmp_path


def test_known_with_alias_and_place(site):
    out = fine("directory", "Postmaster@Example.org", "--config", site / "control.conf")
    assert out.splitlines()[0].split() == ["known", "Postmaster@Example.org"]
    assert "primary  user@example.org" in out
    assert f"source   file {site}/recipients:2" in out
    assert "verdict  the farm is asked at RCPT" in out


def test_unknown(site):
    out = fine("directory", "nobody@example.org", "--file", site / "recipients")
    assert out.startswith("unknown  nobody@example.org\n")
    assert "verdict  550 5.1.1 at RCPT" in out


def test_json_and_the_settings_of_the_file(site):
    found = fine_json("directory", "user-shop@example.org", "--config", site / "control.conf")
    assert found == {"address": "user-shop@example.org", "presence": "known",
                     "primary": "user@example.org", "source": f"file {site}/recipients:1",
                     "verdict": "the farm is asked at RCPT"}
    with_plus = fine_json("directory", "user+shop@example.org", "--config", site / "control.conf")
    assert with_plus["presence"] == "unknown"
    assert fine_json("directory", "user+shop@example.org", "--file",
                     site / "recipients")["presence"] == "known"


def test_a_directory_that_is_down_is_unavailable(site):
    config = site / "ldap.conf"
    config.write_text("directory-ldap = ldapi://%2Fnonexistent\ndirectory-ldap-base = dc=example\n")
    run = postern("directory", "user@example.org", "--config", config)
    assert run.returncode == 1
    assert run.stdout.startswith("unavailable")
    assert "No such file" in run.stdout
    assert "the farm is asked at RCPT" in run.stdout
    config.write_text(config.read_text() + "directory-unavailable = defer\n")
    assert "451 4.4.3 at RCPT" in postern("directory", "a@b.example", "--config", config).stdout


def test_what_is_wrong_is_told_with_its_place(site):
    (site / "recipients").write_text("user@example.org\nnonsense\n")
    assert f"{site}/recipients:2:1: " in bad_input("directory", "a@b", "--file", site / "recipients")
    config = site / "bad.conf"
    config.write_text("farm = x\ndirectory-ldap = http://x\ndirectory-ldap-base = dc=x\n")
    assert f"{config}:2:18: directory-ldap: " in bad_input("directory", "a@b", "--config", config)
    config.write_text("farm = x\n")
    assert "names no recipient directory" in bad_input("directory", "a@b", "--config", config)
    assert "missing.conf" in bad_input("directory", "a@b", "--config", site / "missing.conf")


def test_the_farm_is_asked_by_control_alone(site):
    config = site / "control.conf"
    config.write_text(config.read_text() + "directory-backend = yes\n")
    out = fine("directory", "nobody@example.org", "--config", config)
    assert "verdict  the farm is asked whether it knows the recipient" in out
    assert "the farm is asked at RCPT" in fine("directory", "user@example.org", "--config", config)
    config.write_text("directory-backend = yes\n")
    assert "the farm itself" in bad_input("directory", "nobody@example.org", "--config", config)
