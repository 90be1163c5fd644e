"""The files that a person names: read, written, and read as certificates."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from fluenzr_smtp.model import Content, Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where commands read and write what a person names. ``stdin`` is what ``-`` stands for."""

    stdin: BinaryIO | None

    def read(self, name: str) -> bytes:
        """Return the content of a file; ``-`` is standard input.

        Raises:
            FluenzrError: ``file-missing``, ``file-unreadable``.
        """
        from fluenzr_smtp import files

        return files.read(name, stdin=self.stdin)

    def open_content(self, name: str) -> Content:
        """Open an attachment or a ready-made message, to be read while it is sent; ``-`` is standard input.

        Raises:
            FluenzrError: ``file-missing``, ``file-unreadable``, ``disk-full``, ``file-not-written``.
        """
        from fluenzr_smtp import files

        return files.open_content(name, stdin=self.stdin)

    def until_dot(self) -> Content:
        """Return standard input up to a line that is a dot alone, as sendmail reads it without ``-i``.

        Raises:
            FluenzrError: as ``open_content``.
        """
        from fluenzr_smtp import files

        stdin = None if self.stdin is None else files.UntilDot(self.stdin)
        return files.open_content("-", stdin=stdin)

    def pin(self, path: str) -> Fingerprint:
        """Return the fingerprint of the certificate in a PEM file.

        Raises:
            FluenzrError: ``file-missing``, ``file-unreadable``, ``certificate-file-invalid``.
        """
        from fluenzr_smtp import files, tls

        return tls.pin_from_pem(files.read(path), path=path)

    def authority(self, path: str) -> str:
        """Return the certificates in a PEM file.

        Raises:
            FluenzrError: ``file-missing``, ``file-unreadable``, ``certificate-file-invalid``.
        """
        from fluenzr_smtp import files, tls

        return tls.authority_from_pem(files.read(path), path=path)

    def require_place(self, name: str) -> None:
        """Make sure, before the work is done, that a report can be written where a person wants it.

        Raises:
            FluenzrError: ``file-not-created``.
        """
        from fluenzr_smtp import files

        files.require_place(name)

    def write(self, name: str, content: bytes) -> None:
        """Write a report where a person wants it.

        Raises:
            FluenzrError: ``file-not-created``, ``file-not-written``, ``disk-full``.
        """
        from fluenzr_smtp import files

        files.write(name, content)

    def require_new(self, name: str) -> None:
        """Refuse, before anything is asked, a file that is there already; writing checks it again.

        Raises:
            FluenzrError: ``file-not-created`` with the reason ``exists``; ``file-missing``.
        """
        from fluenzr_smtp import files
        from fluenzr_smtp.errors import failure
        from fluenzr_smtp.problems import ProblemCode, Stage

        if os.path.lexists(files.located(name)):
            raise failure(ProblemCode.FILE_NOT_CREATED, Stage.OUTPUT, path=name, reason="exists")

    def write_new(self, name: str, content: bytes) -> None:
        """Write what nobody else may read into a file that is not there yet (0600), durably.

        Raises:
            FluenzrError: ``file-not-created``, ``file-not-written``, ``disk-full``, ``file-missing``.
        """
        from fluenzr_smtp import durable, files

        durable.write_new(files.located(name), content)
