"""A set of objects that are told apart by what they are, whatever they are equal to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet
from typing import TypeVar

T = TypeVar("T")


class IdentitySet(MutableSet[T]):
    """A set in the order in which items were added. They may be unhashable, as instances of dataclasses are."""

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._items = {id(item): item for item in items}

    def __contains__(self, item: object) -> bool:
        return id(item) in self._items

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._items.values()))  # other threads may add to it meanwhile

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self))}}}"

    def add(self, item: T) -> None:
        """Add an item, unless it is there."""
        self._items[id(item)] = item

    def discard(self, item: T) -> None:
        """Remove an item, if it is there."""
        self._items.pop(id(item), None)
