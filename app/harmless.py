"""Text of others as a terminal may print it: what would command it, or hide, is told by number.

Names, rationales, responses, errors of servers and file names come from outside. A sign that moves
the cursor, turns lines around, or is not seen at all comes out as its number: `\\x1b`, `\\u202e`.
Pure.
"""

import json
import re

# C0, DEL and C1; half a surrogate pair; line and paragraph separators; signs that turn lines
# around; signs nobody sees, tags and variation selectors that carry bytes among them. Joiners and
# marks of direction stay: Persian and Hebrew are written with them.
_COMMANDS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029"
    "\u202a-\u202e\u2066-\u206f"
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u2800\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U000e0000-\U000e0fff"
)
_IN_LINES = re.compile(rf"(?!\r\n)[{_COMMANDS}]")
_IN_A_LINE = re.compile(rf"[\t\n{_COMMANDS}]")
_IN_JSON = re.compile(f"[{_COMMANDS}]")


def harmless(text: str) -> str:
    """The text with its lines and tabs as they are."""
    return _IN_LINES.sub(_number, text)


def one_line(text: str) -> str:
    """The text as one line: whoever wrote a name cannot write a line of ours."""
    return _IN_A_LINE.sub(_number, text)


def harmless_json(document: str) -> str:
    """A JSON document of the same value, with the same signs escaped within its strings."""
    return _IN_JSON.sub(lambda sign: json.dumps(sign[0])[1:-1], document)


def _number(sign: re.Match[str]) -> str:
    return sign[0].encode("unicode_escape").decode("ascii")
