"""A program in a home of its own, and one that has an account at the real mail host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import Program, server_options
from tests.servers.mailhost import MailHost


@pytest.fixture
def program(own_home: Path) -> Program:
    """The program in an empty home."""
    return Program.at(own_home)


@pytest.fixture(scope="session")
def _shop_vault(tmp_path_factory: pytest.TempPathFactory, mailhost: MailHost) -> bytes:
    program = Program.at(tmp_path_factory.mktemp("shop"))
    ended = program.run(
        "account", "add", mailhost.shop.address, "--name", "shop", "--display-name", "The Shop", "--no-test",
        *server_options(mailhost), "--password-stdin", stdin=mailhost.shop.secret,
    )  # fmt: skip
    assert ended.status == 0, ended.err
    return program.vault.read_bytes()


@pytest.fixture
def shop(program: Program, _shop_vault: bytes) -> Program:
    """A program that has one account, ``shop``, at the real mail host."""
    program.vault.parent.mkdir(mode=0o700)
    program.vault.touch(mode=0o600)
    program.vault.write_bytes(_shop_vault)
    return program
