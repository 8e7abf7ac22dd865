"""Sends requests to the language model, and sends them again after passing failures. Waits, tries and limits are all
decided here.
"""

import asyncio
from collections.abc import Sequence

from agents.language_models.interface import Message, ModelUnavailableError, PassingError, Reply
from agents.loop.workspace import Workspace
from workbench.data.predictions import Call, Note

FIRST_WAIT = 0.5
"""Seconds before a request is sent again, doubled each time."""
LONGEST_WAIT = 8.0
_ASKED_FOR = 1.0  # seconds from which a wait that the server asks for does not count as one of the retries


async def ask(workspace: Workspace, messages: Sequence[Message], note: Note) -> tuple[Reply, Call]:
    """A reply, and the record of the request that produced it.

    A request without a reply after `request_timeout` seconds is given up. A request that failed for a passing reason is
    sent again up to `retries` times. Where the server says how long to wait, the wait is at least that long; if the
    server asks for a second or more, the try does not count. All waits end with the sample's time limit. Raises the
    model's exception where no try succeeds.
    """
    options, tries = workspace.options, 0
    while True:
        try:
            async with asyncio.timeout(options.request_timeout):
                return await workspace.ask(messages, note)
        except TimeoutError:
            failed = PassingError(f"no reply within {options.request_timeout:g} s")
        except PassingError as error:
            failed = error
        asked_for = failed.wait is not None and failed.wait >= _ASKED_FOR
        tries += not asked_for
        if tries > options.retries:
            raise ModelUnavailableError(f"{failed}, {tries} times" if tries > 1 else str(failed))
        wait = min(FIRST_WAIT * 2 ** max(tries - 1, 0), LONGEST_WAIT)
        if failed.wait is not None:
            wait = max(wait, failed.wait)
        if wait >= workspace.left:
            left = f"{workspace.left:.1f} s of the sample's time are left"
            raise ModelUnavailableError(f"{failed}; it is to be asked again after {wait:g} s, and {left}")
        await asyncio.sleep(wait)
