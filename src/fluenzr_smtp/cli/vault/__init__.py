"""``fluenzr vault``: the encrypted file, what opens it, its copies, and its way to another machine."""

import fluenzr_smtp.cli.vault.copies as copies
import fluenzr_smtp.cli.vault.keys as keys
import fluenzr_smtp.cli.vault.slots as slots
import fluenzr_smtp.cli.vault.status as status
import fluenzr_smtp.cli.vault.transfer as transfer
import fluenzr_smtp.cli.vault.upkeep as upkeep
from fluenzr_smtp.cli.tree import noun

_ROOMS = (status, slots, keys, upkeep, copies, transfer)

SCHEMAS = {name: form for room in _ROOMS for name, form in room.SCHEMAS.items()}

tree = noun("The vault: what opens it, its copies, and its way to another machine.")
for _room in _ROOMS:
    _room.register(tree)
