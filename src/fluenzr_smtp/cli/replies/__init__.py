"""``fluenzr replies``: who answered, what bounced, what was a robot."""

import fluenzr_smtp.cli.replies.bounced as bounced
import fluenzr_smtp.cli.replies.look as look
import fluenzr_smtp.cli.replies.show as show
import fluenzr_smtp.cli.replies.stats as stats
from fluenzr_smtp.cli.tree import open_noun

_ROOMS = (look, show, stats, bounced)

SCHEMAS = {name: form for room in _ROOMS for name, form in room.SCHEMAS.items()}

tree = open_noun()
for _room in _ROOMS:
    _room.register(tree)
