"""A preset as documents show it."""

from __future__ import annotations

from datetime import date

from fluenzr_smtp.cli import schema as form
from fluenzr_smtp.cli.documents import endpoint_record
from fluenzr_smtp.cli.limits import LIMIT, limit_record
from fluenzr_smtp.model import Form, Need, Preset, UsernameRule

NEVER = date.min  # of an own preset that names no date

PRESET = form.record(
    key=form.TEXT,
    name=form.TEXT,
    countries=form.array(form.TEXT),
    domains=form.array(form.TEXT),
    mx=form.array(form.TEXT),
    smtp=form.array(form.ENDPOINT),
    imap=form.array(form.ENDPOINT),
    placeholders=form.array(
        form.record(
            name=form.TEXT,
            asks=form.TEXT,
            form=form.choice(*(each.value for each in Form)),
            example=form.TEXT,
            known=form.array(form.TEXT),
        )
    ),
    username=form.choice(*(rule.value for rule in UsernameRule)),
    username_value=form.TEXT,
    imap_username=form.nullable(form.choice(*(rule.value for rule in UsernameRule))),
    app_password=form.choice(*(need.value for need in Need)),
    app_password_page=form.TEXT,
    oauth=form.choice(*(need.value for need in Need)),
    saves_sent=form.BOOLEAN,
    unsupported=form.TEXT,
    limits=form.array(LIMIT),
    spf=form.array(form.TEXT),
    dkim=form.array(form.TEXT),
    pages=form.array(form.record(topic=form.TEXT, url=form.TEXT)),
    hint=form.TEXT,
    notes=form.array(form.TEXT),
    sources=form.array(form.TEXT),
    checked=form.nullable(form.DATE),
    own=form.BOOLEAN,
)


def preset_record(preset: Preset) -> dict[str, object]:
    """Return a preset as documents show it."""
    return {
        "key": preset.key,
        "name": preset.name,
        "countries": preset.countries,
        "domains": preset.domains,
        "mx": preset.mx,
        "smtp": [endpoint_record(each) for each in preset.smtp],
        "imap": [endpoint_record(each) for each in preset.imap],
        "placeholders": [
            {
                "name": each.name,
                "asks": each.asks,
                "form": each.form,
                "example": each.example,
                "known": each.known,
            }
            for each in preset.placeholders
        ],
        "username": preset.username,
        "username_value": preset.username_value,
        "imap_username": preset.imap_username,
        "app_password": preset.app_password,
        "app_password_page": preset.app_password_page,
        "oauth": preset.oauth,
        "saves_sent": preset.saves_sent,
        "unsupported": preset.unsupported,
        "limits": [limit_record(each) for each in preset.limits],
        "spf": preset.spf,
        "dkim": preset.dkim,
        "pages": [{"topic": topic, "url": url} for topic, url in preset.pages],
        "hint": preset.hint,
        "notes": preset.notes,
        "sources": preset.sources,
        "checked": preset.checked if preset.checked > NEVER else None,
        "own": preset.is_own,
    }
