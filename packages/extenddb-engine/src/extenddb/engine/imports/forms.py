"""Records of forms met before become rows without being parsed. Pure.

Most items of a table are made alike: the same attributes in the same order. What is the same is learned from records
that went the long way, and is one pattern of bytes from then on (see `patterns`). It finds the few texts that differ
and matter: keys, numbers, what has a size of its own (see `recipes`). A form is only used once it made the right rows
of the records it was learned from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from extenddb.engine import codec
from extenddb.engine.imports.patterns import Form, Pattern, Places, form, merged, outline
from extenddb.engine.imports.recipes import Pile, Recipe
from extenddb.engine.tables.table import Table
from extenddb.storage.model import NewRow

_SAMPLES = 64  # records looked at before something is learned
_ALIKE = 4  # of them that have to be alike
_MOST_FORMS = 32
_MOST_LESSONS = 24  # each compiles the pattern anew, some milliseconds

Matcher = Callable[[bytes], re.Match[bytes] | None]


class Sorted:
    """Records sorted by their forms."""

    def __init__(self, match: Matcher, recipes: Mapping[int, Recipe]) -> None:
        self._match = match
        self._piles = {end: Pile(recipe) for end, recipe in recipes.items()}
        self.unknown: list[int] = []
        """Places of records that have none of the forms."""

    def add(self, places: Sequence[int], records: Sequence[bytes]) -> None:
        """Sort some more records, each with the place it is known by."""
        for place, record, match in zip(places, records, map(self._match, records), strict=True):
            if match is None:
                self.unknown.append(place)
            else:
                pile = self._piles[match.lastindex or 0]
                pile.places.append(place)
                pile.records.append(record)
                pile.texts.append(match.group(*pile.groups))

    def piles(self) -> Iterable[Pile]:
        """Return the records of known forms."""
        return self._piles.values()


class Forms:
    """The forms of the records that are imported into one table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        schemas = [table.schema, *(index.schema for index in table.indexes)]
        self._names = frozenset(name for schema in schemas for name in schema.names)
        # Keys of several attributes have rules about their sums; vectors and times to live are looked at one by one.
        single = all(len(each.hash) == 1 and len(each.range) <= 1 for each in schemas)
        self._learns = single and not table.vectors and table.ttl is None
        self._constants: dict[Form, int] = {}
        self._match: Matcher = _no_match
        self._recipes: Mapping[int, Recipe] = {}
        self._samples: list[tuple[bytes, NewRow]] = []
        self._lessons = self._passed = 0
        self._stride = 1

    def sorted(self) -> Sorted:
        """Return what sorts records by the forms known now."""
        return Sorted(self._match, self._recipes)

    def notice(self, record: bytes, row: NewRow) -> bool:
        """Take notice of a record that became a row in the long way; tell whether there is enough to study."""
        self._passed += 1
        if not self._learns or self._passed % self._stride:
            return False
        self._samples.append((record, row))
        return len(self._samples) >= _SAMPLES

    def study(self) -> bool:
        """Learn the forms noticed and tell whether any is new; takes milliseconds.

        When none is, what comes is noticed less often.
        """
        try:
            return self._study()
        finally:
            self._samples.clear()

    def _study(self) -> bool:
        found = [each for each in _common(row for _, row in self._samples) if each not in self._constants]
        proved = self._proved(found) if found else {}
        if not proved:
            self._stride *= 2
            return False
        self._constants |= proved
        self._match, self._recipes = self._prepared(self._constants)
        self._lessons += 1
        self._learns = self._lessons < _MOST_LESSONS and len(self._constants) < _MOST_FORMS
        return True

    def _proved(self, found: Sequence[Form]) -> dict[Form, int]:
        """Return the constants of those forms that make the right rows of the samples."""
        proved = {}
        trial = Sorted(*self._prepared(dict.fromkeys(found, 0)))
        trial.add(range(len(self._samples)), [record for record, _ in self._samples])
        for each, pile in zip(found, trial.piles(), strict=True):
            pairs = [
                (row, self._samples[place][1]) for place, row in pile.rows(0, len(self._samples)) if row is not None
            ]
            constants = {right.size - row.size for row, right in pairs}
            if len(constants) == 1 and all(row._replace(size=right.size) == right for row, right in pairs):
                proved[each] = constants.pop()
        return proved

    def _prepared(self, constants: Mapping[Form, int]) -> tuple[Matcher, dict[int, Recipe]]:
        """Return the pattern of forms, and their recipes by the group that ends a match of each."""
        pattern = Pattern(tuple(constants), self._names)
        return pattern.match, {
            pattern.places[each].end: self._recipe(each, pattern.places[each], constant)
            for each, constant in constants.items()
        }

    def _recipe(self, given: Form, places: Places, constant: int) -> Recipe:
        kinds = {name: part.kind for name, part in given}
        schema = self._table.schema
        names = [schema.hash[0], *(name for name in places.keys if name != schema.hash[0])]
        indexes = [index for index in self._table.indexes if places.keys.keys() >= {*index.schema.names}]
        return Recipe(
            constant=constant,
            kinds=tuple(kinds[name] for name in names),
            range=_place(names, schema.range),
            indexes=tuple(
                (index, names.index(index.schema.hash[0]), _place(names, index.schema.range)) for index in indexes
            ),
            measured=tuple((kind, depth) for kind, depth, _ in places.measured),
            groups=(
                places.end,
                *(places.keys[name] for name in names),
                *(group for _, _, group in places.measured),
                *places.sized,
            ),
        )


def _no_match(_record: bytes) -> None:
    return None


def _place(names: Sequence[str], range_: Sequence[str]) -> int | None:
    return names.index(range_[0]) if range_ else None


def _common(rows: Iterable[NewRow]) -> Iterator[Form]:
    """Yield the forms that several rows have, each with what differs among them left open."""
    alike: dict[object, list[Form]] = {}
    for row in rows:
        found = form(codec.load(row.item))
        if found is not None:
            alike.setdefault(outline(found), []).append(found)
    for forms in alike.values():
        if len(forms) >= _ALIKE:
            yield merged(forms)
