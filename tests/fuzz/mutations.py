"""Ways to spoil bytes, JSON and texts; each returns what it did in words, beside what it made."""

import json
import math
import struct

NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 12, 16, 30, 60, 127, 128, 255, 256, 348, 352, 1000, 32767, 32768, 65535, 65536]
NUMBERS += [2**24, 10**7, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**58, 2**63 - 1, 2**63, 2**64 - 1]
NUMBERS += [-1, -2, -128, -32768, -(2**31), -(2**63)]
FLOATS = [0.0, -0.0, 1e-45, 1e-38, 1e-7, 0.5, 0.9999999, 1.0, -1.0, 351.5, 1e9, 3.4e38, -3.4e38, 1e39, 1e308]
FLOATS += [math.inf, -math.inf, math.nan]
TEXTS = ["", " ", ".", "..", "\0", "a\nb", "\x1b[31mred", "\u202eabc", "e\u0301", "\ud800", "../../a", "/etc/hostname"]
TEXTS += [
    "$import os",
    "@network",
    "%x",
    "None",
    "true",
    "nan",
    "inf",
    "1e999",
    "-0",
    "0x10",
    "1_0",
    "²",
    "٣",
    "9" * 5000,
]
TEXTS += [
    "a" * 300,
    "[" * 2000,
    "(" * 300,
    "{",
    "'",
    '"',
    "a,b",
    "1,2",
    "(1,",
    "lambda: 0",
    "-" * 500 + "1",
    "0:0",
    ":",
]
FORMATS = {1: "Bb", 2: "Hh", 4: "Iif", 8: "Qqd"}


def number_bytes(rng, size, order="<"):
    """Return `size` bytes that are an odd number, whole or not, and the number."""
    code = rng.choice(FORMATS[size])
    number = rng.choice(FLOATS if code in "fd" else NUMBERS)
    if code in "fd":
        number = number if code == "d" or math.isinf(number) or abs(number) < 3.4e38 else math.inf
        return struct.pack(order + code, number), number
    packed = struct.pack(order + code.upper(), number % 256**size)
    return packed, struct.unpack(order + code, packed)[0]


def mutate_bytes(rng, data, first=0, last=None):
    """Spoil bytes `first` to `last` of a file, in one of nine ways."""
    data, last = bytearray(data or b"\0"), len(data) if last is None else last
    at = min(rng.randrange(first, max(first + 1, last)), len(data) - 1)
    length = min(rng.choice([1, 2, 4, 16, 64, 1000]), last - at)
    way = rng.choice(["flip", "flip", "set", "number", "delete", "insert", "repeat", "zero", "cut", "append"])
    if way == "flip":
        data[at] ^= 1 << rng.randrange(8)
    elif way == "set":
        data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    elif way == "number":
        size = rng.choice([size for size in FORMATS if at + size <= len(data)] or [1])
        data[at : at + size] = number_bytes(rng, size, rng.choice("<>"))[0]
    elif way == "delete":
        del data[at : at + length]
    elif way == "insert":
        data[at:at] = rng.randbytes(length)
    elif way == "repeat":
        data[at:at] = data[at : at + length]
    elif way == "zero":
        data[at : at + length] = bytes(length)
    elif way == "cut":
        del data[at:]
    else:
        data += rng.choice([b"\0", b"\0" * 512, rng.randbytes(7), b"\x1f\x8b\x08\0"])
    return bytes(data), f"{way} {length} bytes at {at}"


def odd_value(rng):
    """Return any plain value: a number, a text, nothing, or a list or dictionary of them."""
    kind = rng.randrange(10)
    if kind < 3:
        return rng.choice(NUMBERS)
    if kind < 5:
        return rng.choice(FLOATS)
    if kind < 7:
        return rng.choice(TEXTS)
    return rng.choice([None, True, False, [], {}, [odd_value(rng)], {"a": odd_value(rng)}, [0, 1], [[]], 10**400])


def places(value, path=()):
    """Yield the path of every value inside a tree of lists and dictionaries."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def mutate_tree(rng, tree, value=odd_value):
    """Spoil one value of a tree of lists and dictionaries, which is changed in place."""
    if not (paths := list(places(tree))):
        return value(rng), "replaced all"
    *before, key = path = rng.choice(paths)
    parent = tree
    for step in before:
        parent = parent[step]
    way, where = rng.choice(["replace"] * 6 + ["delete", "rename", "repeat"]), "/".join(map(str, path))
    if way == "delete":
        del parent[key]
    elif way == "rename" and isinstance(parent, dict):
        parent[rng.choice([f"{key}s", str(key)[:-1], str(key).upper(), *TEXTS])] = parent.pop(key)
    elif way == "repeat" and isinstance(parent, list):
        parent.append(parent[key])
    else:
        parent[key] = value(rng)
        where += f" = {parent[key]!r:.60}"
    return tree, f"{way} {where}"


def mutate_json(rng, value):
    """Spoil a JSON document, its values or its text, and return its bytes."""
    value, told = json.loads(json.dumps(value)), []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        value, each = mutate_tree(rng, value)
        told.append(each)
    text = json.dumps(value).encode()
    if (kind := rng.randrange(12)) == 0:
        text, each = mutate_bytes(rng, text)
        told.append(each)
    elif kind == 1:
        text = rng.choice(
            [b"\xef\xbb\xbf" + text, b"[" * 100000, b'{"a":' * 5000, text + text, b"\xff\xfe", b"", b"null"]
        )
        told.append(f"text {text[:20]!r}")
    return text, ", ".join(told)


def mutate_text(rng, text):
    """Spoil a text: a number in it, some characters, or all of it."""
    words = [*text]
    way = rng.randrange(4)
    if way == 0 or not words:
        return rng.choice(TEXTS)
    at = rng.randrange(len(words))
    if way == 1:
        words[at] = str(rng.choice(NUMBERS + FLOATS))
    elif way == 2:
        words[at : at + rng.randrange(1, 4)] = rng.choice(["", *TEXTS])
    else:
        words.insert(at, rng.choice([",", ":", "-", ".", " ", "\t", "0", "e", "'", "[", "\\", "\x7f", "\u2028"]))
    return "".join(words)
