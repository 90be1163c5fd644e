"""Where the folders are: FLUENZR_HOME goes before those of the platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluenzr_smtp import paths
from fluenzr_smtp.errors import FluenzrError
from fluenzr_smtp.problems import ExitStatus, ProblemCode


def test_everything_is_below_fluenzr_home_where_that_is_set(own_home: Path):
    found = paths.locate({"FLUENZR_HOME": "~/mine"})

    root = own_home / "mine"
    assert found == paths.Paths(config_dir=root, data_dir=root, state_dir=root / "state")
    assert (found.config, found.own_presets) == (root / "config.toml", root / "presets.toml")
    assert found.vault == root / "vault.fluenzr"
    assert not root.exists()


@pytest.mark.parametrize("environ", [{}, {"FLUENZR_HOME": ""}], ids=["unset", "empty"])
def test_without_it_the_folders_are_those_of_the_platform(own_home: Path, environ):
    found = paths.locate(environ)

    assert found.config_dir == own_home / "config" / "fluenzr"
    assert found.data_dir == own_home / "data" / "fluenzr"
    assert found.state_dir == own_home / "state" / "fluenzr"


def test_the_home_of_somebody_unknown_is_told():
    with pytest.raises(FluenzrError) as caught:
        paths.locate({"FLUENZR_HOME": "~nobody-of-this-name/x"})

    assert caught.value.problem.code is ProblemCode.ENVIRONMENT_INVALID
    assert caught.value.problem.exit_status is ExitStatus.CONFIG
    assert caught.value.problem.facts == {"variable": "FLUENZR_HOME", "reason": "no-such-user"}
