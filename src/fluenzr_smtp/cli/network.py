"""Options of the commands that talk to servers."""

from __future__ import annotations

from typing import Annotated

import typer

CaFile = Annotated[
    str | None,
    typer.Option(
        "--ca-file", metavar="FILE", help="In this run trust the certificate authority in this PEM file."
    ),
]
Resolver = Annotated[
    str | None,
    typer.Option("--resolver", metavar="IP[:PORT]", help="Ask this name server in place of the system's."),
]
Timeout = Annotated[
    int,
    typer.Option("--timeout", metavar="SECONDS", min=1, max=3600, help="Bound of each step with a server."),
]
