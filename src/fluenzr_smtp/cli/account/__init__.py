"""``fluenzr account``: the mailboxes that mail is sent from."""

import fluenzr_smtp.cli.account.access as access
import fluenzr_smtp.cli.account.add as add
import fluenzr_smtp.cli.account.edit as edit
import fluenzr_smtp.cli.account.manage as manage
import fluenzr_smtp.cli.account.trial as trial
from fluenzr_smtp.cli.tree import noun

SCHEMAS = {**add.SCHEMAS, **trial.SCHEMAS, **manage.SCHEMAS, **edit.SCHEMAS, **access.SCHEMAS}

tree = noun("Accounts: add, test, list, change, sign in again, remove.")
for _room in (add, trial, manage, edit, access):
    _room.register(tree)
