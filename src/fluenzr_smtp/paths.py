"""Where configuration, vault and state live. Creates nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fluenzr_smtp.errors import failure
from fluenzr_smtp.problems import ProblemCode, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The folders and files of one user."""

    config_dir: Path
    data_dir: Path
    state_dir: Path

    @property
    def config(self) -> Path:
        """The user's choices: default account, language."""
        return self.config_dir / "config.toml"

    @property
    def own_presets(self) -> Path:
        """The user's own presets, which add to the catalogue or override it."""
        return self.config_dir / "presets.toml"

    @property
    def outbox(self) -> Path:
        """The folder of the messages that wait, and of the sent log."""
        return self.data_dir / "outbox"

    @property
    def vault(self) -> Path:
        """The encrypted accounts."""
        return self.data_dir / "vault.fluenzr"


def locate(environ: Mapping[str, str]) -> Paths:
    """Return the user's folders: below ``FLUENZR_HOME`` where set, else those of the platform.

    Raises:
        FluenzrError: ``environment-invalid`` where ``FLUENZR_HOME`` begins with the home of somebody unknown.
    """
    home = environ.get("FLUENZR_HOME")
    if home:
        root = _root(home)
        return Paths(config_dir=root, data_dir=root, state_dir=root / "state")
    from platformdirs import PlatformDirs  # not where FLUENZR_HOME names the place

    dirs = PlatformDirs("fluenzr", appauthor=False, roaming=False)
    return Paths(
        config_dir=dirs.user_config_path, data_dir=dirs.user_data_path, state_dir=dirs.user_state_path
    )


def _root(home: str) -> Path:
    try:
        return Path(home).expanduser().absolute()
    except RuntimeError as error:
        code = ProblemCode.ENVIRONMENT_INVALID
        raise failure(code, Stage.CONFIGURATION, variable="FLUENZR_HOME", reason="no-such-user") from error
