"""The child processes of benchmarks.dataset: the captions page over a large folder, and its tools without a window.

Each function is one measurement in a process of its own and returns figures by name: milliseconds, or MB where the name
says memory. Cache and state folders come from the environment.
"""

from __future__ import annotations

import gc
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

Figures = dict[str, float]
TRIGGER, OTHER = "sks thing", "sks other thing"
ROUNDS = 7


def memory_megabytes(field: str = "VmRSS") -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


class Stage:
    """A window with the captions page, on a screen that nobody sees. Its thread sleeps while it waits."""

    def __init__(self, settings: Path) -> None:
        from PySide6.QtWidgets import QApplication

        self.application = QApplication(sys.argv[:1])
        from gui.app import make_window
        from tests.gui.watch import Blocks

        self.window = make_window(settings)
        self.window.resize(1280, 720)
        self.window.show()
        self.window.show_page("captions")
        self.page = cast(Any, self.window.pages["captions"])
        self.desk = self.page.captions
        self.until(lambda: self.page.panel is not None and self.window.desk.service.latest is not None)
        self.window.grab()
        self.blocks = Blocks()
        self.blocks.begin()
        self.worst: Figures = {}

    def until(self, true: Callable[[], object], seconds: float = 300.0) -> None:
        """Live in a loop as a window does: Python's lock is free while nothing is to be done."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop, timer, end = QEventLoop(), QTimer(), time.perf_counter() + seconds

        def look() -> None:
            if true() or time.perf_counter() > end:
                loop.quit()

        timer.timeout.connect(look)
        timer.start(20)
        if not true():
            loop.exec()
        if not true():
            raise TimeoutError("the window never got there")

    def timed(self, action: Callable[[], object], signal: Any, painted: bool = False) -> float:
        """Milliseconds from an action to the signal that tells its end, or to the paint after it."""
        seen: list[float] = []

        def end(*_: object) -> None:
            if painted:
                self.window.grab()
            seen.append(time.perf_counter())

        connection = signal.connect(end)
        started = time.perf_counter()
        action()
        self.until(lambda: seen)
        signal.disconnect(connection)
        return (seen[0] - started) * 1e3

    def noted(self, what: str) -> None:
        """The longest block since the last note belongs to `what`."""
        self.worst[what] = max(self.worst.get(what, 0.0), self.blocks.longest)
        self.blocks.begin()

    def ended(self) -> None:
        """Everything is written; the window is closed."""
        from gui.background import wait_for_all

        self.window.close()
        wait_for_all()


def opened(settings: Path, folder: Path) -> Figures:
    """From the call to the painted list, and to the last caption: with or without an index, as the cache folder is."""
    stage = Stage(settings)
    began, used = time.perf_counter(), time.process_time()
    ready: list[tuple[float, float]] = []
    stage.desk.ready.connect(lambda: ready.append((_since(began), (time.process_time() - used) * 1e3)))
    screen = stage.timed(lambda: stage.page.open_folder(str(folder)), stage.desk.opened, painted=True)
    stage.until(lambda: ready)
    stage.noted("opening")
    figures = {"first screen": screen, "captions indexed": ready[0][0], "captions indexed, processor": ready[0][1]}
    _rest(stage, 2.0)
    stage.noted("just after")
    figures |= {"memory with the dataset": memory_megabytes(), "memory, highest": memory_megabytes("VmHWM")}
    stage.ended()
    return figures | {"longest block": max(stage.worst.values())} | _named(stage)


def edited(settings: Path, folder: Path) -> Figures:
    """Edits and filters in a window that has read everything; what was edited is undone at the end."""
    from dataset_tools.edits import AddTags, RemoveTags, RenameTag

    stage = Stage(settings)
    stage.timed(lambda: stage.page.open_folder(str(folder)), stage.desk.ready)
    _rest(stage, 1.0)
    desk = stage.desk
    figures: Figures = {"memory with the dataset": memory_megabytes()}
    stage.noted("opening")
    adds: list[float] = []
    for number in range(ROUNDS):
        desk.select([desk.shown.ids[100 + number]])
        for edit in (AddTags(("a new tag",)), RemoveTags(("a new tag",))):
            adds.append(stage.timed(partial(desk.apply, edit), desk.texts_changed, painted=False))
    stage.noted("add a tag")
    common, rare = _tags(desk.library)
    looks: dict[str, list[float]] = {}
    asked = {"a common tag": f'tag:"{common}"', "a rare tag": f'tag:"{rare}"', "tokens:>75": "tokens:>75"}
    for _ in range(ROUNDS):
        for name, text in asked.items():
            looks.setdefault(name, []).append(stage.timed(partial(desk.set_filter, text), desk.filtered))
            stage.timed(lambda: desk.set_filter(""), desk.filtered)
    stage.noted("filter")
    figures["add a tag"] = statistics.median(adds)
    figures |= {f"filter {name}": statistics.median(found) for name, found in looks.items()}
    everything, before = list(desk.shown.ids), time.process_time()
    renames = []
    for tags in ((TRIGGER, OTHER), (OTHER, TRIGGER)):
        started = time.perf_counter()
        renames.append(stage.timed(partial(desk.apply, RenameTag(*tags), everything), desk.texts_changed))
        stage.noted("rename")
        stage.until(lambda: desk.unsaved == 0, 900)
        figures["a rename of all captions, until all files are written"] = _since(started)
        stage.noted("writing")
    figures |= {"a rename of all captions, until it is seen": statistics.median(renames)}
    figures["two such renames, processor"] = (time.process_time() - before) * 1e3
    figures["memory after the renames"] = memory_megabytes()
    stage.ended()
    return figures | {"longest block while editing": max(stage.worst.values())} | _named(stage)


def _named(stage: Stage) -> Figures:
    return {f"longest block, {name}": value for name, value in stage.worst.items()}


def _tags(library: Any) -> tuple[str, str]:
    """The most used tag but the trigger, and one that few have."""
    counts = sorted(library.counts().items(), key=lambda item: -item[1])
    return counts[1][0], next(tag for tag, count in counts if count <= 50)


def _rest(stage: Stage, seconds: float) -> None:
    end = time.perf_counter() + seconds
    stage.until(lambda: time.perf_counter() > end)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1e3


def indexed(_: Path, folder: Path) -> Figures:
    """The library alone, no window, no index: names, then captions. `cold`: what the system keeps of the captions is
    dropped before (names and folders stay known to it)."""
    from dataset_tools.library import Library

    figures: Figures = {}
    for name in ("cold", "warm"):
        library = Library([str(folder)])
        figures[f"names, {name}"], figures[f"names, {name}, processor"] = _spent(library.list_pictures)
        if name == "cold":
            for number in library.ids():
                _forget(library.caption_path(number))
        clock, used = _spent(library.read_captions)
        figures |= {f"captions indexed, {name}, no window": clock}
        figures |= {f"captions indexed, {name}, no window, processor": used}
    return figures


def _forget(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def edited_alone(_: Path, folder: Path) -> Figures:
    """Edits of the session alone, in memory; nothing is written into the dataset."""
    from dataset_tools.edits import AddTags, RenameTag
    from dataset_tools.library import Library
    from dataset_tools.places import state_home
    from dataset_tools.session import CaptionSession

    library = Library([str(folder)])
    library.list_pictures()
    library.read_captions()
    session = CaptionSession(library, state_home() / "captions", threaded=False)
    ids = list(library.ids())
    gc.disable()  # as in a window, where cycles are collected between turns of the event loop
    adds = [_spent(partial(session.apply, AddTags(("a new tag",)), [n])) for n in range(200)]
    figures = dict(zip(("add a tag, in memory", "add a tag, in memory, processor"), _medians(adds)))
    for name, tag in (("a tag of all captions", TRIGGER), ("a common tag", _tags(library)[0])):
        spent = []
        for number in range(ROUNDS - 1):
            edit = RenameTag(*((tag, OTHER) if number % 2 == 0 else (OTHER, tag)))
            spent.append(_spent(partial(session.apply, edit, ids)))
            library.settle()
        clock, processor = _medians(spent)
        figures |= {f"rename {name}, in memory": clock, f"rename {name}, in memory, processor": processor}
    return figures


def _spent(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the clock, and of the processor."""
    started, used = time.perf_counter(), time.process_time()
    work()
    return _since(started), (time.process_time() - used) * 1e3


def _medians(spent: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(clock for clock, _ in spent), statistics.median(used for _, used in spent)


def thumbnails(_: Path, folder: Path) -> Figures:
    """One thumbnail of 192 px, from the picture and from the store, as a reading thread makes it."""
    from PySide6.QtCore import QSize
    from PySide6.QtGui import QGuiApplication

    from gui.captions.thumbnail_store import ThumbnailStore
    from gui.captions.thumbnails import SIDE
    from gui.pictures import read_picture
    from kohya_like.data.fingerprint import default_cache_dir

    application = QGuiApplication(sys.argv[:1])
    store = ThumbnailStore(default_cache_dir())
    paths = sorted(next(folder.iterdir()).glob("*.jpg"))[:300]
    made, kept = [], []
    for path in paths:
        started = time.perf_counter()
        facts = path.stat()
        key = ThumbnailStore.key(str(path), facts.st_mtime_ns, facts.st_size, SIDE)
        image = read_picture(path, QSize(SIDE, SIDE))
        made.append(_since(started))
        store.put(key, image)
    for path in paths:
        started = time.perf_counter()
        facts = path.stat()
        assert store.get(ThumbnailStore.key(str(path), facts.st_mtime_ns, facts.st_size, SIDE)) is not None
        kept.append(_since(started))
    del application
    return {"thumbnail": statistics.median(made), "thumbnail from the store": statistics.median(kept)}


def duplicates(_: Path, folder: Path) -> Figures:
    """Near-duplicates of all pictures; with an empty cache folder the first look is a cold one."""
    from dataset_tools.copies import pictures_in
    from dataset_tools.duplicates import find_duplicates
    from dataset_tools.facts_store import FactsStore
    from kohya_like.data.fingerprint import default_cache_dir

    figures: Figures = {}
    for name in ("first look", "second look"):
        started, used = time.perf_counter(), time.process_time()
        store = FactsStore(default_cache_dir())
        facts = store.all_of([path.absolute() for path, _ in pictures_in(folder)])
        groups = find_duplicates(facts)
        store.close()
        figures[f"near-duplicates, {name}"] = _since(started)
        figures[f"near-duplicates, {name}, processor"] = (time.process_time() - used) * 1e3
    assert groups, "the dataset has copies, and none was found"
    return figures


WORKS = {work.__name__: work for work in (opened, edited, indexed, edited_alone, thumbnails, duplicates)}
