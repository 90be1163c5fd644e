"""``fluenzr outbox``: the messages that wait, what became of them, and what can be done about them."""

import fluenzr_smtp.cli.outbox.changes as changes
import fluenzr_smtp.cli.outbox.look as look
import fluenzr_smtp.cli.outbox.resolve as resolve
import fluenzr_smtp.cli.outbox.run as run
import fluenzr_smtp.cli.outbox.upkeep as upkeep
from fluenzr_smtp.cli.tree import noun

_ROOMS = (look, run, changes, resolve, upkeep)

SCHEMAS = {name: form for room in _ROOMS for name, form in room.SCHEMAS.items()}

tree = noun("The outbox: what waits to be sent, what became of it, and what is in doubt.")
for _room in _ROOMS:
    _room.register(tree)
