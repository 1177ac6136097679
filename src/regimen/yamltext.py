"""YAML as configs need it: words as keys, each once; bounded in length, in depth and in what its aliases grow to."""

from __future__ import annotations

from typing import Any

import yaml

LONGEST = 1 << 20
"""Characters of a text: a config has hundreds."""
_DEEPEST, _MOST = 50, 100_000
_TOO_DEEP = f"must be YAML that is nested at most {_DEEPEST} deep"
_WORD, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


class MalformedError(ValueError):
    """What is no YAML at all; the message is empty or says where in brackets. An override that is none is text."""


class UnboundedError(ValueError):
    """What is YAML that no config may be; the message is the rule."""


def parse_yaml(text: str) -> Any:
    """Returns the plain values that one document stands for.

    Raises:
        MalformedError: it is not YAML.
        UnboundedError: it is too long or too deep, grows by its aliases, contains itself, or has a key that is no
            word or is written twice.
    """
    if len(text) > LONGEST:
        raise UnboundedError(f"must be at most {LONGEST:,} characters of YAML")
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _Extent().of(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError:
        raise UnboundedError(_TOO_DEEP) from None
    except UnboundedError:
        raise
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        raise MalformedError(f" (line {mark.line + 1}: {problem})" if mark is not None else "") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # a date of the 45th, a number of 5,000 digits
        raise MalformedError(f" ({error})") from None


class _Extent:
    """Measures a document before its values are made: with every alias written out."""

    def __init__(self) -> None:
        self._known: dict[yaml.Node, tuple[int, int]] = {}
        self._open: set[yaml.Node] = set()

    def of(self, node: yaml.Node) -> tuple[int, int]:
        """Returns how many values a node stands for, and how deep they lie."""
        if node in self._known:
            return self._known[node]
        if node in self._open:
            raise UnboundedError("must not be YAML in which a value contains itself")
        if len(self._open) > _DEEPEST:
            raise UnboundedError(_TOO_DEEP)
        self._open.add(node)
        size, depth = 1, 0
        for child in self._children(node):
            inner = self.of(child)
            size, depth = size + inner[0], max(depth, 1 + inner[1])
        self._open.remove(node)
        if depth > _DEEPEST:
            raise UnboundedError(_TOO_DEEP)
        if size > _MOST:
            raise UnboundedError(f"must be YAML of at most {_MOST:,} values, its aliases written out")
        self._known[node] = size, depth
        return size, depth

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if not isinstance(node, yaml.MappingNode):
            return []
        seen: set[str] = set()
        for key, _ in node.value:
            place = f"line {key.start_mark.line + 1}"
            if key.tag == _MERGE:
                continue
            if key.tag != _WORD:
                kind = key.value if isinstance(key, yaml.ScalarNode) else "a list or a mapping"
                raise UnboundedError(f"must have text as keys, not {kind} ({place}; put it in quotes)")
            if key.value in seen:
                raise UnboundedError(f"must be valid YAML ({place}: the key {key.value!r} is written twice)")
            seen.add(key.value)
        return [child for pair in node.value for child in pair]
