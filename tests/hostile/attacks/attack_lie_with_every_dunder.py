"""Objects whose every special method lies, raises or loops through other objects.

Tries: dict, list, tuple, str, int and float subclasses that change what they hold while they are
    read, and claim endless lengths.
Success: they arrive as anything but plain data, or the sandbox's own code is led astray.
Outcome: answered or error.
"""


def liar(base, *args):
    def lie(self, *arguments, **options):
        raise RuntimeError("a lie")

    names = (
        "__len__ __iter__ __getitem__ __contains__ __eq__ __ne__ __lt__ __hash__ __str__ __repr__ "
        "__bool__ __int__ __float__ __index__ __reduce__ __reduce_ex__ __getstate__ __sizeof__ "
        "__format__ __bytes__ __copy__ __deepcopy__ __array__ __call__ __add__ __radd__ keys items "
        "values get encode decode __instancecheck__ __torch_function__ __array_interface__"
    )
    return type("Liar", (base,), dict.fromkeys(names.split(), lie))(*args)


def attack(targets, model):
    return [
        liar(dict, [(1, 2)]),
        liar(list, [1, 2]),
        liar(tuple, (1, 2)),
        liar(str, "text"),
        liar(float, 1.5),
        liar(object),
    ]
