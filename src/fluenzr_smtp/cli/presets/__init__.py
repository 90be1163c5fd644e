"""``fluenzr presets``: the providers whose settings are known, and the user's own."""

import fluenzr_smtp.cli.presets.check as check
import fluenzr_smtp.cli.presets.exporting as exporting
import fluenzr_smtp.cli.presets.listing as listing
import fluenzr_smtp.cli.presets.own as own
from fluenzr_smtp.cli.tree import noun

_ROOMS = (listing, check, own, exporting)

SCHEMAS = {name: form for room in _ROOMS for name, form in room.SCHEMAS.items()}

tree = noun("Providers whose servers, limits and rules are known, and your own.")
for _room in _ROOMS:
    _room.register(tree)
