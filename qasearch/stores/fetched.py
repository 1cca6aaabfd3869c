"""What was fetched by key, kept for the next time."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Fetched(Generic[Key, Value]):
    """What was fetched by key, the latest used; fetches what is missing, all at once."""

    def __init__(self, fetch: Callable[[list[Key]], dict[Key, Value]], most: int) -> None:
        self._fetch = fetch
        self._most = most
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, keys: Sequence[Key]) -> list[Value]:
        """The values of some keys, in their order; KeyError if one has none."""
        with self._lock:
            known = {key: self._values[key] for key in keys if key in self._values}
        missing = list(dict.fromkeys(key for key in keys if key not in known))
        known |= self._fetch(missing) if missing else {}
        with self._lock:
            for key in known:
                self._values[key] = known[key]
                self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return [known[key] for key in keys]
