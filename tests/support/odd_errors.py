"""An error that cannot be made again from its arguments, as pickle does, and a function with it."""


class UnreadableError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def raise_unreadable() -> None:
    raise UnreadableError(1, 2)
