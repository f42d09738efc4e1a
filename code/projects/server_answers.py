"""Reading what a model's server answers: data to be checked, whatever its form.

Read with `book/capstones/agent.md`.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any

from clikit.errors import Exit, UserError

from projects.toolkit import Call

NO_KEY = "none"  # sent as the key to a server of one's own, which checks none
DEEPEST = 50  # nested lists and objects in the arguments of a call
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)


def key_from(variable: str, base_url: str | None = None) -> str:
    """An API key from the environment, or a placeholder for a server that needs none.

    Servers on one's own computer or network check no key, but the SDKs send one: where an address
    is given and the variable is not set, that is `NO_KEY`. A server that does need a key refuses
    it, which `server_error` reports.

    Parameters
    ----------
    variable : str, name of the environment variable
    base_url : str or None, an address other than the vendor's

    Raises
    ------
    UserError
        For the vendor's address without a key; the message names the variable.
    """
    key = os.environ.get(variable, "")
    if not key and base_url:
        return NO_KEY
    if not key:
        raise UserError(
            f"no API key: the environment variable {variable} is not set",
            f"export {variable}=... in your shell; it is never stored",
            Exit.ENVIRONMENT,
        )
    return key


def checked_call(identity: Any, name: Any, arguments: Any) -> Call:
    """A call whose parts have the types of the protocol.

    Raises
    ------
    TypeError, ValueError
        For an id or a name that is not a string, and for arguments nested too deep.
    """
    if not isinstance(identity, str) or not isinstance(name, str):
        raise TypeError(f"a call has id {identity!r} and name {name!r}; both must be strings")
    if _depth(arguments) > DEEPEST:
        raise ValueError(f"the arguments of {name} are nested more than {DEEPEST} deep")
    return Call(identity, name, arguments)


def read_arguments(text: Any) -> Any:
    """Arguments as an object; nothing means none.

    A string that is not JSON stays a string, which the registry refuses with a reason.
    """
    if text is None or text == "":
        return {}
    if not isinstance(text, str):
        raise TypeError(f"the arguments of a call are {type(text).__name__}, not a string")
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except ValueError:
        return text


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a finite number")


def _finite(digits: str) -> float:
    """A number; ValueError for one such as 1e999, which would become infinite."""
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _depth(value: Any) -> int:
    """How deep lists and objects are nested, without recursion."""
    level = [value]
    depth = 0
    while level and depth <= DEEPEST:
        nested = [item for item in level if isinstance(item, (dict, list))]
        level = [
            part for item in nested for part in (item.values() if isinstance(item, dict) else item)
        ]
        depth += bool(nested)
        if not nested:
            break
    return depth


def token_count(usage: Any, name: str) -> int:
    """A count of tokens; 0 when the server does not say, or says something that is no count."""
    count = getattr(usage, name, None)
    return count if type(count) is int and count > 0 else 0


def unreadable(error: Exception, protocol: str) -> UserError:
    """An answer that has not the form of the protocol, as a message with a fix."""
    return UserError(
        f"the server's answer cannot be read: {str(error)[:200]}",
        f"check that the address speaks {protocol}",
        Exit.EXECUTION,
    )


def server_error(error: Any, sdk: Any) -> UserError:
    """An SDK's error as a message with a fix; the key is not in it."""
    if isinstance(error, sdk.AuthenticationError):
        return UserError(
            "the server refused the API key", "check the key in the environment", Exit.ENVIRONMENT
        )
    if isinstance(error, sdk.RateLimitError):
        return UserError(
            "the server's rate limit was reached again after all retries",
            "wait, or ask less often",
            Exit.ENVIRONMENT,
        )
    if isinstance(error, sdk.APITimeoutError):
        return UserError(
            "the server did not answer in time, after all retries",
            "raise timeout_s, or try again",
            Exit.ENVIRONMENT,
        )
    if isinstance(error, sdk.APIConnectionError):
        return UserError(
            "the server cannot be reached", "check base_url and the network", Exit.ENVIRONMENT
        )
    return UserError(
        f"the server answered with an error: {str(getattr(error, 'message', error))[:200]}",
        "read its message; a status of 5xx may pass by itself",
        Exit.ENVIRONMENT,
    )
