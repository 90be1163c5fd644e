"""``fluenzr presets add``, ``edit``, ``remove``, ``export``: the user's own presets."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.cli.program import Ended, Program

SERVER = ("--smtp", "mail.firma.example:465/ssl", "--imap", "mail.firma.example")


def presets(program: Program, *arguments: str) -> Ended:
    return program.call("presets", *arguments, "--json")


def own_file(program: Program):
    return program.home / "fluenzr" / "presets.toml"


def test_added_preset_is_there(program: Program):
    ended = presets(program, "add", "firma", *SERVER, "--domain", "firma.example", "--limit", "200/1h")

    preset = presets(program, "show", "firma").data["preset"]
    assert ended.data["preset"] == preset
    assert preset["own"] is True
    assert (preset["smtp"][0]["port"], preset["smtp"][0]["encryption"]) == (465, "ssl")
    assert (preset["imap"][0]["port"], preset["imap"][0]["encryption"]) == (993, "ssl")
    assert (preset["limits"][0]["count"], preset["limits"][0]["per_seconds"]) == (200, 3600)


def test_account_is_made_of_an_own_preset(program: Program):
    presets(program, "add", "firma", *SERVER, "--domain", "firma.example", "--username", "local-part")

    ended = program.call(
        "account", "add", "ana@firma.example", "--no-test", "--password-stdin", "--json", stdin="a secret"
    )

    assert ended.data["account"]["preset"] == "firma"
    assert ended.data["account"]["username"] == "ana"


@pytest.mark.parametrize(
    ("typed", "port", "encryption"),
    [
        ("mail.firma.example", 465, "ssl"),
        ("mail.firma.example/ssl", 465, "ssl"),
        ("mail.firma.example/starttls", 587, "starttls"),
        ("mail.firma.example/tls", 587, "starttls"),
        ("mail.firma.example:587", 587, "starttls"),
        ("mail.firma.example:465", 465, "ssl"),
        ("mail.firma.example:2525/starttls", 2525, "starttls"),
        ("127.0.0.1:1025/none", 1025, "none"),
        ("[::1]:1025/none", 1025, "none"),
        ("mail.{domain}:465/ssl", 465, "ssl"),
    ],
)
def test_server_is_read_as_it_is_typed(program: Program, typed, port, encryption):
    ended = presets(program, "add", "firma", "--smtp", typed)

    assert ended.status == 0, ended.out
    server = ended.data["preset"]["smtp"][0]
    assert (server["port"], server["encryption"]) == (port, encryption)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--smtp", "mail firma"), "setting-invalid"),
        (("--smtp", "mail.firma.example:0"), "setting-invalid"),
        (("--smtp", "mail.firma.example:99999"), "setting-invalid"),
        (("--smtp", "mail.firma.example/rot13"), "setting-invalid"),
        (("--smtp", "mail.firma.example/none"), "setting-invalid"),
        ((*SERVER, "--country", "France"), "setting-invalid"),
        ((*SERVER, "--username", "fixed"), "setting-invalid"),
        ((*SERVER, "--limit", "many"), "setting-invalid"),
        ((*SERVER, "--limit", "preset"), "usage-invalid"),
        ((), "input-required"),
    ],
)
def test_bad_input_is_refused_and_writes_nothing(program: Program, options, code):
    assert presets(program, "add", "firma", *options).codes == [code]
    assert not own_file(program).exists()


def test_key_that_is_taken_is_refused(program: Program):
    presets(program, "add", "firma", *SERVER)
    before = own_file(program).read_bytes()

    assert presets(program, "add", "FIRMA", *SERVER).codes == ["preset-exists"]
    assert own_file(program).read_bytes() == before


def test_edit_changes_what_is_named_and_keeps_what_was_typed_by_hand(program: Program):
    presets(program, "add", "firma", *SERVER, "--hint", "Ask Ann.")
    own_file(program).write_text("# mine\n" + own_file(program).read_text() + "notes = ['By hand.']\n")

    preset = presets(program, "edit", "firma", "--smtp", "smtp.firma.example/starttls").data["preset"]

    assert preset["smtp"][0]["host"] == "smtp.firma.example"
    assert (preset["hint"], preset["notes"]) == ("Ask Ann.", ["By hand."])
    assert own_file(program).read_text().startswith("# mine\n")


def test_edit_of_the_catalogues_makes_a_copy_of_ones_own(program: Program):
    shipped = presets(program, "show", "gmail").data["preset"]

    changed = presets(program, "edit", "gmail", "--note", "Mine.").data["preset"]

    assert changed == {**shipped, "notes": ["Mine."], "own": True}


def test_edit_without_a_change_is_refused(program: Program):
    assert presets(program, "edit", "gmail").codes == ["input-required"]


def test_removed_copy_gives_way_to_the_catalogues(program: Program):
    presets(program, "edit", "ovh", "--note", "Mine.")

    ended = program.call("presets", "remove", "ovh")

    assert ended.out == "Removed your preset ovh; the one of the catalogue holds again.\n"
    assert presets(program, "show", "ovh").data["preset"]["own"] is False


def test_preset_of_the_catalogue_is_not_removed(program: Program):
    ended = presets(program, "remove", "ovh")

    assert ended.codes == ["usage-invalid"]
    assert "nothing of yours" in ended.out
    assert presets(program, "remove", "nobody").codes == ["preset-unknown"]


def test_host_of_ones_own_takes_the_place_of_its_parts(program: Program):
    edited = presets(program, "edit", "ovh-exchange", "--smtp", "ex4.mail.ovh.net:465/ssl", "--no-imap")

    assert edited.status == 0, edited.out
    assert edited.data["preset"]["placeholders"] == []


def test_part_that_is_given_twice_or_is_no_number_is_refused(program: Program):
    export = ("export", "ovh-exchange", "--domain", "firma.example", "--fill")

    assert presets(program, *export, "number=4", "--fill", "number=5").codes == ["usage-invalid"]
    refused = presets(program, *export, "number=abc").document["problems"][0]
    assert refused["facts"]["reason"] == "not-a-number"


def test_what_runs_on_this_computer_is_nothing_to_publish(program: Program):
    assert presets(program, "export", "mailpit", "--domain", "firma.example").codes == ["usage-invalid"]


def test_broken_file_is_not_touched(program: Program):
    own_file(program).parent.mkdir()
    own_file(program).write_text("[firma\n")

    assert presets(program, "add", "other", *SERVER).codes == ["preset-invalid"]
    assert own_file(program).read_text() == "[firma\n"


def test_presets_added_at_the_same_time_are_all_kept(program: Program):
    children = [program.start("presets", "add", f"firma{at}", *SERVER) for at in range(12)]

    assert [child.wait(60) for child in children] == [0] * 12
    for child in children:
        child.communicate()
    assert all(presets(program, "show", f"firma{at}").status == 0 for at in range(12))


def test_linked_file_is_written_through(program: Program):
    kept = program.home / "dotfiles.toml"
    kept.write_text("# mine\n")
    own_file(program).parent.mkdir()
    own_file(program).symlink_to(kept)

    presets(program, "add", "firma", *SERVER)

    assert own_file(program).is_symlink()
    assert kept.read_text().startswith("# mine\n")
    assert "[firma]" in kept.read_text()


class TestExport:
    def test_file_is_for_the_domain_and_names_its_place(self, program: Program):
        ended = presets(program, "export", "gandi", "--domain", "Firma.example.")

        root = ElementTree.fromstring(ended.data["xml"])
        assert ended.data["url"] == "https://autoconfig.firma.example/mail/config-v1.1.xml"
        assert root.find("emailProvider").get("id") == "firma.example"
        assert [each.findtext("hostname") for each in root.iter("outgoingServer")] == ["mail.gandi.net"] * 2

    def test_people_get_the_file_itself(self, program: Program):
        ended = program.call("presets", "export", "gandi", "--domain", "firma.example")

        assert ended.out == presets(program, "export", "gandi", "--domain", "firma.example").data["xml"]

    def test_missing_part_of_a_host_is_wanted(self, program: Program):
        asked = presets(program, "export", "ovh-exchange", "--domain", "firma.example")
        given = presets(program, "export", "ovh-exchange", "--domain", "firma.example", "--fill", "number=7")

        assert asked.codes == ["input-required"]
        assert "<hostname>ex7.mail.ovh.net</hostname>" in given.data["xml"]

    def test_domain_fills_itself_in(self, program: Program):
        ended = presets(program, "export", "cpanel", "--domain", "firma.example")

        assert "<hostname>mail.firma.example</hostname>" in ended.data["xml"]

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (("tuta", "--domain", "firma.example"), "provider-unsupported"),
            (("gandi", "--domain", "no domain"), "setting-invalid"),
            (("gandi", "--domain", "firma.example", "--fill", "x=1"), "usage-invalid"),
            (("nobody", "--domain", "firma.example"), "preset-unknown"),
        ],
    )
    def test_bad_input_is_refused(self, program: Program, arguments, code):
        assert presets(program, "export", *arguments).codes == [code]
