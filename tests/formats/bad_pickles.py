"""Files that want to run something, eat memory or lie, as a table: name -> bytes and the word its refusal must hold.

Each payload that could run would create the canary file.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

import torch

Case = tuple[str, bytes, str]

MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
PROTOCOL = pickle.dumps(1001, 2)
SYSTEM = pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {}}, 2)

# The functions that scanners with a deny-list let through or had to learn (picklescan's advisories), and the usual.
CALLABLES = """posix.system nt.system os.system os.popen os.execv os.remove subprocess.Popen subprocess.check_output
builtins.eval builtins.exec builtins.getattr builtins.__import__ builtins.compile builtins.open builtins.print
builtins.breakpoint __builtin__.eval __builtin__.apply importlib.import_module imp.load_source runpy.run_path
runpy._run_code pty.spawn timeit.timeit cProfile.runctx profile.run bdb.Bdb pdb.run code.InteractiveInterpreter
types.FunctionType types.CodeType functools.partial functools.reduce operator.attrgetter operator.methodcaller
pickle.loads _pickle.loads marshal.loads shelve.open torch.load torch.hub.load torch.jit.load
torch.package.PackageImporter
torch.storage._load_from_bytes torch._utils._import_dotted_name torch.serialization.load 
torch.utils.bottleneck.__main__.run_cprofile
torch._dynamo.guards.GuardBuilder.get torch.utils._config_module.load_config torch.distributed.rpc.PythonUDF
numpy.load numpy.testing._private.utils.runstring numpy.f2py.crackfortran.myeval numpy.core.multiarray.fromfile
pip.main pip._internal.main webbrowser.open http.client.HTTPSConnection urllib.request.urlopen socket.create_connection
asyncio.unix_events._UnixSubprocessTransport._start ctypes.CDLL site.execsitecustomize sys.exit shutil.rmtree io.open
io.FileIO linecache.getline lib2to3.pgen2.grammar.Grammar.loadgrammar pydoc.pipepager pydoc.locate doctest.debug_script
idlelib.pyshell.ModifiedInterpreter ensurepip._run_pip venv.main antigravity.geohash copyreg._reconstructor
codecs.decode _codecs.decode collections.defaultdict collections.Counter omegaconf.dictconfig.DictConfig
pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint torch.nn.modules.linear.Linear torch.FloatStorage
torch._utils._rebuild_qtensor torch._utils._rebuild_wrapper_subclass torch.jit._pickle.restore_type_tag""".split()  # noqa: SIM905


def zipped(pickled: bytes, extra: dict[str, bytes] | None = None, method: int = zipfile.ZIP_STORED) -> bytes:
    """A torch archive around a pickle."""
    file = io.BytesIO()
    members = {"m/data.pkl": pickled, "m/version": b"3\n", "m/byteorder": b"little", **(extra or {})}
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def legacy(pickled: bytes, keys: list[Any] | None = None, data: bytes = b"") -> bytes:
    """A file of torch before 1.6 around a pickle."""
    return MAGIC + PROTOCOL + SYSTEM + pickled + pickle.dumps(keys or [], 2) + data


def call(name: str, arguments: bytes) -> bytes:
    """GLOBAL, arguments, REDUCE, STOP."""
    module, _, function = name.rpartition(".")
    return b"\x80\x02c" + f"{module}\n{function}\n".encode() + arguments + b"R."


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def storage(kind: str = "FloatStorage", key: str = "0", count: int = 4) -> bytes:
    return b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu") + _int(count) + b"tQ"


def tensor(offset: int = 0, shape: tuple[int, ...] = (4,), stride: tuple[int, ...] = (1,), **how: Any) -> bytes:
    sizes = [b"(" + b"".join(_int(item) for item in items) + b"t" for items in (shape, stride)]
    arguments = b"(" + storage(**how) + _int(offset) + sizes[0] + sizes[1] + b"\x89" + b"ccollections\nOrderedDict\n)Rt"
    return call("torch._utils._rebuild_tensor_v2", arguments)


def _int(value: int) -> bytes:
    raw = value.to_bytes(16, "little", signed=True)
    return b"\x8a\x10" + raw


DATA = {"m/data/0": bytes(16)}


def code_cases(canary: str) -> Iterator[Case]:
    """Pickles that call something."""
    command = f"touch '{canary}'"

    class Run:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (command,)

    for protocol in range(6):
        yield f"os.system protocol {protocol}", zipped(pickle.dumps({"w": Run()}, protocol)), "posix.system"
    for name in CALLABLES:
        yield name, zipped(call(name, b"(" + text(command) + b"t")), name.rpartition(".")[2]
    shell = text(command)
    yield (
        "STACK_GLOBAL",
        zipped(b"\x80\x04" + text("posix") + text("system") + b"\x93(" + shell + b"tR."),
        "posix.system",
    )
    memoized = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x940" + b"0h\x00h\x01\x93\x94h\x02" + shell + b"\x85R."
    yield "STACK_GLOBAL from the memo", zipped(memoized), "posix.system"
    dotted = b"\x80\x04" + text("torch") + text("serialization.os.system") + b"\x93(" + shell + b"tR."
    yield "dotted name", zipped(dotted), "torch.serialization.os.system"
    yield "INST", zipped(b"(" + shell + b"iposix\nsystem\n."), "posix.system"
    yield "OBJ", zipped(b"(cposix\nsystem\n" + shell + b"o."), "posix.system"
    yield "NEWOBJ", zipped(b"\x80\x02csubprocess\nPopen\n(" + shell + b"t\x81."), "subprocess.Popen"
    yield "NEWOBJ_EX", zipped(b"\x80\x04csubprocess\nPopen\n(" + shell + b"t}\x92."), "subprocess.Popen"
    yield "BUILD on a name", zipped(b"\x80\x02cposix\nsystem\n}b."), "posix.system"
    yield (
        "BUILD with __setstate__",
        zipped(b"\x80\x02)\x81}" + text("__setstate__") + b"cposix\nsystem\nsb" + shell + b"b."),
        "",
    )
    hidden = b"\x80\x02}" + text("a") + b"cposix\nsystem\n(" + shell + b"tRs" + text("b") + b"K\x01s."
    yield "value inside a dict", zipped(hidden), "posix.system"
    yield "key of a dict", zipped(b"\x80\x02}cposix\nsystem\n(" + shell + b"tRK\x01s."), "posix.system"
    yield "popped again", zipped(b"\x80\x02cposix\nsystem\n(" + shell + b"tR0K\x01."), "posix.system"
    yield "after STOP of a good pickle", zipped(b"\x80\x02K\x01.cposix\nsystem\n(" + shell + b"tR."), "NOTHING RUN"
    yield "not a name", zipped(b"\x80\x02X\x01\x00\x00\x00a(" + shell + b"tR."), "calls something that is not a name"
    yield "a dict called", zipped(b"\x80\x02}(" + shell + b"tR."), "calls something that is not a name"
    yield (
        "through _rebuild_parameter",
        zipped(call("torch._utils._rebuild_parameter", b"(cposix\nsystem\n(" + shell + b"tR\x89}t")),
        "posix.system",
    )
    through = b"(cposix\nsystem\nctorch\nTensor\n(" + shell + b"t}t"
    yield "through _rebuild_from_type_v2", zipped(call("torch._tensor._rebuild_from_type_v2", through)), "foreign class"
    nested = b"(ctorch._utils\n_rebuild_parameter\ncposix\nsystem\n(" + shell + b"t}t"
    yield (
        "foreign class in _rebuild_from_type_v2",
        zipped(call("torch._tensor._rebuild_from_type_v2", nested)),
        "foreign",
    )
    yield (
        "numpy _reconstruct of a foreign class",
        zipped(call("numpy.core.multiarray._reconstruct", b"(cposix\nsystem\n(K\x00t" + text("b") + b"t")),
        "arguments of a wrong kind",
    )
    for number, place in enumerate(("magic", "protocol", "system", "value", "keys")):
        pickles = [MAGIC, PROTOCOL, SYSTEM, pickle.dumps({}, 2), pickle.dumps([], 2)]
        pickles[number] = call("posix.system", b"(" + shell + b"t")
        yield f"legacy, {place}", b"".join(pickles), "posix.system"
    yield "bare pickle", pickle.dumps(Run(), 2), "posix.system"
    yield (
        "legacy module reference",
        legacy(
            b"\x80\x02("
            + text("module")
            + b"cposix\nsystem\n"
            + text("x.py")
            + text("import os")
            + b"tQ("
            + shell
            + b"tR."
        ),
        "posix.system",
    )


def shape_cases() -> Iterator[Case]:
    """Tensors that are not what they claim."""
    cases = {
        "stride 0": tensor(shape=(1_000_000, 1_000_000), stride=(0, 0)),
        "stride 0, small": tensor(shape=(5,), stride=(0,)),
        "beyond the end": tensor(offset=1),
        "negative offset": tensor(offset=-1),
        "negative shape": tensor(shape=(-4,)),
        "negative stride": tensor(stride=(-1,), offset=3),
        "overflow": tensor(shape=(2**31, 2**31, 4), stride=(0, 0, 0)),
        "huge and empty": tensor(shape=(2**40, 0), stride=(1, 1)),
        "17 dimensions": tensor(shape=(1,) * 17, stride=(1,) * 17),
        "shape and stride": tensor(shape=(2, 2)),
        "unknown storage": tensor(kind="QInt8Storage"),
        "count beyond the member": tensor(count=5, shape=(5,)),
        "count of terabytes": tensor(count=2**60, shape=(2**30,), stride=(1,)),
        "member missing": tensor(key="1"),
        "member by path": tensor(key="../data.pkl"),
    }
    for name, pickled in cases.items():
        yield name, zipped(pickled, DATA), ""
    foreign = call("torch._utils._rebuild_tensor_v2", b"(cposix\nsystem\nK\x00)" + b")\x89}t")
    yield "a name as storage", zipped(foreign, DATA), "without a storage"
    yield (
        "too few arguments",
        zipped(call("torch._utils._rebuild_tensor_v2", b"(" + storage() + b"t"), DATA),
        "arguments",
    )
    yield (
        "two descriptions",
        zipped(b"\x80\x02(" + storage() + storage(kind="HalfStorage") + b"t.", DATA),
        "in two ways",
    )
    yield "legacy count", legacy(tensor(), ["0"], struct.pack("<q", 3) + bytes(16)), "has 3 numbers"
    yield "legacy cut", legacy(tensor(), ["0"], struct.pack("<q", 4) + bytes(15)), "is truncated"
    yield "legacy keys", legacy(tensor(), ["1"], struct.pack("<q", 4) + bytes(16)), "list of storages"
    yield "legacy keys twice", legacy(tensor(), ["0", "0"], struct.pack("<q", 4) + bytes(40)), "list of storages"
    view = b"\x80\x02(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + _int(4)
    view += b"(" + text("v") + _int(3) + _int(2) + b"ttQ."
    yield "legacy view", legacy(view, ["0"], struct.pack("<q", 4) + bytes(16)), "view beyond the end"
    array = b"(cnumpy\ndtype\n(" + text("f4") + b"K\x00K\x01tRC\x02ab" + b"t"
    yield "numpy scalar too short", zipped(call("numpy.core.multiarray.scalar", array)), "wrong kind"
    objects = b"(cnumpy\ndtype\n(" + text("O8") + b"K\x00K\x01tRC\x02abt"
    yield "numpy objects", zipped(call("numpy.core.multiarray.scalar", objects)), "numpy array of the type 'O8'"


def bomb_cases() -> Iterator[Case]:
    """Small files that ask for much memory or time."""
    yield "deflate bomb", zipped(b"\x80\x02" + b"N0" * 50_000_000, method=zipfile.ZIP_DEFLATED), "is compressed"
    yield "memo index", zipped(b"\x80\x02Nr\xff\xff\xff\x7f."), "NOTHING RUN"
    for name, opcode in {
        "text": b"\x8d", "bytes": b"\x8e", "frame": b"\x95", "bytearray": b"\x96",
    }.items():  # fmt: skip
        yield f"claimed {name}", zipped(b"\x80\x04" + opcode + struct.pack("<Q", 2**62) + b"."), ""
    yield "claimed integer", zipped(b"\x80\x02\x8b\xff\xff\xff\x7f."), "broken"
    yield "long integer", zipped(b"\x80\x02\x8b" + struct.pack("<I", 10_000) + b"\x01" * 10_000 + b"."), "broken"
    yield "nested lists", zipped(b"\x80\x02]" + b"(]" * 50_000 + b"e" * 50_000 + b"."), "NOTHING RUN"
    yield "nested tuples", zipped(b"\x80\x02)" + b"\x85" * 100_000 + b"."), "NOTHING RUN"
    yield "nested tuple as key", zipped(b"\x80\x02})" + b"\x85" * 100_000 + b"Ns."), "broken"
    yield "a dict as key", zipped(b"\x80\x02}}Ns."), "broken"
    yield "huge integer keys", zipped(b"\x80\x02}" + b"\x8a\x10" + b"\x01" * 16 + b"Ns."), "broken"
    yield "many sets", zipped(b"\x80\x04" + b"\x8f0" * 450_000 + b"N."), "more than 400000 objects"
    yield "many opcodes", zipped(b"\x80\x02" + b"N0" * 600_000 + b"N."), "more than 1000000 opcodes"
    copies = b"\x80\x02](" + b"K\x00" * 10_000 + b"eq\x00" + b"0ctorch\nSize\nh\x00\x85R" * 100 + b"."
    yield "a list copied by calls", zipped(copies), "more than 400000 objects"
    octets = b"\x80\x02X" + struct.pack("<I", 1_000_000) + b"a" * 1_000_000 + b"q\x000"
    yield (
        "bytes copied by calls",
        zipped(octets + b"c_codecs\nencode\nh\x00" + text("latin1") + b"\x86R0" * 1000 + b"N."),
        "",
    )
    yield "pickle of 65 MiB", zipped(b"\x80\x02" + bytes(65 << 20)), "its pickle has"


def archive_cases() -> Iterator[Case]:
    """Zip files torch did not write."""
    good = pickle.dumps({}, 2)
    yield "nested zip", zipped(zipped(good)), "opcode"
    names = """m/evil.py m/code/__torch__.py m/constants.pkl ../evil /etc/passwd m/data/x m/data/0/1 m/ other/data.pkl
    m/../data.pkl m/data/-1 m/data/1234567890""".split()  # noqa: SIM905
    for name in (*names, "m/data/0\n"):
        yield f"member {name!r}", zipped(good, {name: b"x"}), "no part of a torch file"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("m/version", "3")
    yield "no data.pkl", file.getvalue(), "no data.pkl"
    twice = zipped(good, {"m/data/0": b"a", "m/data/1": b"b"}).replace(b"m/data/1", b"m/data/0")
    yield "a member twice", twice, "twice"
    whole = zipped(good, DATA)
    yield "truncated", whole[:-30], ""
    yield "cut in two", whole[: len(whole) // 2], "table at the end"
    yield "bytes behind", whole + b"x", "does not fit"
    yield "other name inside", whole.replace(b"m/version", b"m/varsion", 1), "another name inside"
    yield "big-endian", zipped(good, {"m/byteorder": b"big"}).replace(b"little", b"bigbig"), "big-endian"
    table = bytearray(whole)
    table[whole.index(b"PK\x01\x02") + 8] |= 1
    yield "encrypted", bytes(table), "encrypted"
    entries = whole.index(b"PK\x01\x02")
    size = bytearray(whole)
    size[entries + 20 : entries + 28] = struct.pack("<II", 10_000, 10_000)
    yield "size lie", bytes(size), ""
    count = bytearray(whole)
    count[-14:-10] = struct.pack("<HH", 60_000, 60_000)
    yield "count lie", bytes(count), "does not fit"
    yield "tar", b"m/data.pkl" + bytes(247) + b"ustar\x0000" + bytes(600), "no model file"
    yield "only the magic", MAGIC, ""
    yield "plain pickle", pickle.dumps({"a": 1}, 2), "not one that torch wrote"
    yield "another torch", MAGIC + pickle.dumps(1002, 2) + SYSTEM + good + pickle.dumps([], 2), "unknown version"
    big = pickle.dumps({"little_endian": False}, 2)
    yield "legacy big-endian", MAGIC + PROTOCOL + big + good + pickle.dumps([], 2), "big-endian"
    yield "nothing but a first byte", b"\x80", ""
    for opcode in (b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00", b"P1\n", b"\x97", b"\x98", b"2", b"\xff"):
        yield f"opcode {opcode!r}", zipped(b"\x80\x02N" + opcode + b"."), "opcode"
    yield "protocol 6", zipped(b"\x80\x06N."), "broken"
    yield "empty pickle", zipped(b""), "broken"
    yield "no STOP", zipped(b"\x80\x02N"), "broken"
    yield "two values", zipped(b"\x80\x02NN."), "broken"
    yield "lone surrogate", zipped(b"\x80\x02X\x03\x00\x00\x00\xed\xa0\x80."), "broken"
    yield "persistent id of another kind", zipped(b"\x80\x02" + text("file:///etc/passwd") + b"Q."), "no storage"


def saved(value: object, legacy_format: bool = False) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=not legacy_format)
    return file.getvalue()
