"""Records that are read when they are asked for, and host names with parts to fill in."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.model import Preset
from fluenzr_smtp.presets import (
    PresetCatalog,
    filled,
    filled_like,
    is_filled,
    needs_domain,
    parse_preset,
    read_value,
    shipped_path,
)
from fluenzr_smtp.presets.shelf import records_of
from fluenzr_smtp.problems import ProblemCode

TEXT = shipped_path().read_text(encoding="utf-8")
CATALOG = PresetCatalog.load(own=None)
WITH_PARTS = [key for key, each in CATALOG.presets.items() if each.placeholders]


def preset(**fields: object) -> Preset:
    record = {"smtp": [{"host": "ex{number}.firma.example", "port": 465, "encryption": "ssl"}], **fields}
    parts = {"number": {"asks": "The number", "form": "number", "example": "4"}}
    return parse_preset("firma", {"placeholders": parts, **record}, path=shipped_path(), is_own=True)


class TestShelf:
    def test_pieces_of_the_file_are_what_the_whole_is(self):
        pieces = {key: tomllib.loads(record) for key, record in records_of(TEXT).items()}

        assert pieces == tomllib.loads(TEXT)
        assert list(CATALOG.presets) == list(tomllib.loads(TEXT))

    def test_one_record_is_read_though_another_is_broken(self):
        broken = records_of("[a]\nx = 1\n[b]\nthis is no toml\n")

        assert tomllib.loads(broken["a"]) == {"x": 1}

    def test_only_what_is_asked_for_is_read(self):
        catalog = PresetCatalog.load(own=None)

        catalog.get("ovh")

        assert list(catalog.presets._known) == ["ovh"]

    def test_keys_are_found_by_what_stands_in_their_records(self):
        assert {"gmail", "google-workspace"} <= set(CATALOG.presets.naming("smtp.gmail.com"))
        assert "ovh" not in CATALOG.presets.naming("smtp.gmail.com")

    def test_every_domain_is_found_without_reading_the_rest(self):
        for each in CATALOG.presets.values():
            for domain in each.domains:
                assert PresetCatalog.load(own=None).for_domain(domain).key == each.key


class TestParts:
    def test_number_is_filled_in(self):
        done = filled(preset(), {"number": "7"}, domain="")

        assert [each.host for each in done.smtp] == ["ex7.firma.example"]
        assert is_filled(done)
        assert done.placeholders == ()

    def test_domain_fills_itself_in(self):
        own = preset(smtp=[{"host": "mail.{domain}", "port": 465, "encryption": "ssl"}], placeholders={})

        assert needs_domain(own)
        assert filled(own, {}, domain="my.example").smtp[0].host == "mail.my.example"
        with pytest.raises(FluenzrError) as caught:
            filled(own, {}, domain="")
        assert caught.value.problem.code is ProblemCode.INPUT_REQUIRED

    @pytest.mark.parametrize("typed", ["7", " 7 ", "ex7.firma.example", "EX7.Firma.Example."])
    def test_value_is_read_alone_or_within_its_host(self, typed):
        own = preset()

        assert read_value(own, own.placeholders[0], typed) == "7"

    @pytest.mark.parametrize(
        "typed", ["", "x", "7x", "-1", "123456", "7.evil.example", "ex7.firma.example.evil.example", "７"]
    )
    def test_value_of_another_form_is_refused(self, typed):
        own = preset()

        with pytest.raises(FluenzrError) as caught:
            read_value(own, own.placeholders[0], typed)
        assert caught.value.problem.code is ProblemCode.SETTING_INVALID

    def test_part_that_the_preset_does_not_have_is_refused(self):
        with pytest.raises(FluenzrError) as caught:
            filled(preset(), {"number": "7", "region": "x"}, domain="")
        assert caught.value.problem.code is ProblemCode.USAGE_INVALID

    @pytest.mark.parametrize("key", WITH_PARTS)
    def test_host_that_was_filled_in_leads_back_to_its_preset(self, key):
        shipped = CATALOG.get(key)
        done = filled(
            shipped, {each.name: each.example for each in shipped.placeholders}, domain="my.example"
        )
        is_tied = all("." in each.host.partition("}")[2] for each in shipped.smtp)

        found = CATALOG.for_host(done.smtp[0].host)
        assert (found.key if found else None) == (key if is_tied else None)
        if found is not None:
            assert found.smtp == done.smtp

    @given(st.integers(min_value=0, max_value=99_999))
    def test_filled_like_a_host_is_filled_with_its_part(self, number):
        done = filled(preset(), {"number": str(number)}, domain="")

        assert filled_like(preset(), (done.smtp[0].host,)) == done

    @pytest.mark.parametrize(
        "host",
        [
            "ex.mail.ovh.net",
            "ex4x.mail.ovh.net",
            "ex4.mail.ovh.net.evil.example",
            "evil.ex4.mail.ovh.net",
            "email-smtp.evil.example.amazonaws.com",
            "mail.my.example",
            "{number}",
        ],
    )
    def test_host_that_only_looks_like_it_is_unknown(self, host):
        assert not CATALOG.knows(host)
        assert CATALOG.for_host(host) is None
