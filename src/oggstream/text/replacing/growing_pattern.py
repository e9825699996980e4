"""A user's pattern on a text that grows: a match, or where one may begin that more text would decide.

`re` does not tell whether a search looked at the end of the text. So the pattern is rewritten: whatever reads a
character or looks at what follows may instead meet the end, which a group of its own notes, and then the rest of the
pattern is passed over. What the rewritten pattern finds first is what the search would have come to first.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from .endless import refuse_endless

LONGEST_MATCH = 200
"""Characters of a match with all that it looks at, from where it begins; and those that it may look at before that."""

Found = tuple[int, "re.Match[str] | None"]
"""Where a match begins, and the match; None for one that more text will decide."""


class GrowingPattern:
    """Finds ``pattern`` in a text of which more may come. Raises `UsageError` for one that might take for ever."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        parser: Any = import_module("re._parser")
        compiler: Any = import_module("re._compiler")
        tree = parser.parse(pattern.pattern, pattern.flags)
        refuse_endless(tree, pattern.pattern, LONGEST_MATCH)
        self._whole = pattern
        self._open = tree.state.groups
        tree.state.groupwidths.append((0, 0))
        self._growing: re.Pattern[str] = compiler.compile(
            _Rewriter(parser, tree.state, self._open).all(tree), tree.state.flags
        )

    def find(self, text: str, at: int, *, final: bool) -> Found | None:
        """The first match from ``at`` on; None if there is none, and none can begin in ``text``.

        ``final``: the text ends here. What is found does not depend on how much of the text has come.
        """
        while at < len(text):
            end = min(len(text), at + LONGEST_MATCH)
            whole = final and end == len(text)
            match = (self._whole if whole else self._growing).search(text, at, end)
            if match is None:
                at = end
            elif whole or match[self._open] is None:
                if match.end() > match.start():
                    return match.start(), match
                at = match.start() + 1  # nothing is no match
            elif match.start() > at:
                at = match.start()
            elif end < at + LONGEST_MATCH:
                return at, None
            elif (match := self._whole.match(text, at, end)) and match.end() > at:
                return at, match  # no more of it is looked at
            else:
                at += 1
        return None


class _Rewriter:
    """Rewrites the tree of a pattern, so that it may meet the end of the text wherever it reads on.

    The trees are those of `re._parser`: lists of pairs, an operation and what belongs to it.
    """

    def __init__(self, parser: Any, state: Any, group: int) -> None:
        self._parser = parser
        self._state = state
        self._group = group

    def all(self, items: Any) -> Any:
        """``items`` one after the other, until the end was met."""
        tree = self._tree()
        for op, argument in reversed(list(items)):
            rest = [self._unless_met(tree)] if len(tree) else []
            tree = self._tree(*self._item(str(op), op, argument), *rest)
        return tree

    def _item(self, name: str, op: Any, argument: Any) -> list[Any]:
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            return self._or_end(op, argument)
        if name == "AT":
            if str(argument) in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
                return [(op, argument)]
            return self._or_end(op, argument, before=int(str(argument) == "AT_END"))  # before a last line feed, too
        if name == "GROUPREF":  # it may be cut off anywhere
            return self._or_end(op, argument, before=max(0, self._state.groupwidths[argument][1] - 1))
        if name.endswith("_REPEAT"):
            low, high, inner = argument
            return [(op, (low, high, self._tree(self._unless_met(self.all(inner)))))]
        return self._compound(name, op, argument)

    def _compound(self, name: str, op: Any, argument: Any) -> list[Any]:
        if name.startswith("ASSERT") and argument[0] < 0:
            return [(op, argument)]  # it looks back
        if name == "ASSERT_NOT":
            met = self._tree(*self.all(argument[1]), self._unless_met(self._tree((self._parser.FAILURE, ()))))
            return [self._either(self._tree((self._parser.ASSERT, (1, met))), self._tree((op, argument)))]
        if name == "BRANCH":
            return [(op, (None, [self.all(inner) for inner in argument[1]]))]
        if name == "ATOMIC_GROUP":
            return [(op, self.all(argument))]
        parts = argument if isinstance(argument, tuple) else ()  # of a group, what must follow, and a condition
        return [(op, tuple(self.all(part) if hasattr(part, "getwidth") else part for part in parts) or argument)]

    def _tree(self, *items: Any) -> Any:
        return self._parser.SubPattern(self._state, list(items))

    def _either(self, first: Any, second: Any) -> Any:
        return self._parser.BRANCH, (None, [first, second])

    def _unless_met(self, tree: Any) -> Any:
        return self._parser.GROUPREF_EXISTS, (self._group, self._tree(), tree)

    def _or_end(self, op: Any, argument: Any, *, before: int = 0) -> list[Any]:
        """What is given, or the end of the text, up to ``before`` characters before it."""
        p = self._parser
        anything = self._tree((p.IN, [(p.CATEGORY, p.CATEGORY_SPACE), (p.CATEGORY, p.CATEGORY_NOT_SPACE)]))
        passed = [(p.MAX_REPEAT, (0, before, anything))] if before else []
        note = (p.SUBPATTERN, (self._group, 0, 0, self._tree()))
        end = self._tree((p.ASSERT, (1, self._tree(*passed, (p.AT, p.AT_END_STRING)))), note)
        return [self._either(end, self._tree((op, argument)))]
