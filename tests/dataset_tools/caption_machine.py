"""A person, other programs, kills and time at one caption session: what must hold after each of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dataset_tools.caption_file import decode, encode
from dataset_tools.edits import AddTags, Context, Edit, RemoveTags, RenameTag
from dataset_tools.session import Batch, CaptionSession, Choice
from tests.dataset_tools.caption_faults import Faults, Killed, drop, injected, killed, opened

FIRST: dict[str, bytes | None] = {  # picture -> bytes of its caption; None: no file
    "a": b"cat, dog\r\nsecond line\r\n",
    "b": b"\xef\xbb\xbfcat,  red  sky , dog",
    "c": "猫, cat\n".encode("utf-16"),
    "d": None,
    "e": b"cat (tail:1.2), \\(word\\)\n\n",
}
NAMES = st.sampled_from(sorted(FIRST))
STEP_SECONDS = 0.5

Texts = dict[str, str]


@dataclass(frozen=True)
class Step:
    """An entry of undo."""

    label: str
    before: Texts
    after: Texts


@dataclass(frozen=True)
class Moment:
    """What the captions were once something was done: all of it is there after a kill, or nothing."""

    time: float
    texts: Texts
    done: tuple[Step, ...]
    undone: tuple[Step, ...]

    @property
    def labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(step.label for step in self.done), tuple(step.label for step in self.undone)


class Captions(RuleBasedStateMachine):
    """`unseen`: what was written outside and is not known here (or is in conflict): it must stand. `known`: what the
    session last knew a file to hold. `written`: all that anybody ever wrote."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.folder = self.root / "10_cat"
        self.folder.mkdir()
        for name, raw in FIRST.items():
            (self.folder / f"{name}.png").write_bytes(b"picture")
            if raw is not None:
                self.file(name).write_bytes(raw)
        self.now, self.number, self.kill_at = 100.0, 0, 0
        self.written = {name: {raw} for name, raw in FIRST.items()}
        self.touched: set[str] = set()
        self.settled: dict[str, tuple[float, str]] = {}  # conflicts: when, and what theirs was
        self.unseen: dict[str, bytes | None] = {}
        self.steps: list[Step] = []
        self.undone: list[Step] = []
        self.open()
        self.texts = self.shown()
        self.moments = [self.moment()]

    def teardown(self) -> None:
        if hasattr(self, "session"):
            drop(self.session)
            shutil.rmtree(self.root)

    def file(self, name: str) -> Path:
        return self.folder / f"{name}.txt"

    def raw(self, name: str) -> bytes | None:
        return self.file(name).read_bytes() if self.file(name).exists() else None

    def open(self) -> None:
        self.library = opened(self.root)
        self.ids = {self.library.picture(id).name[0]: id for id in self.library.ids()}
        self.session = CaptionSession(self.library, self.root / "state", clock=lambda: self.now, threaded=False)
        self.known = {name: self.raw(name) for name in FIRST}

    def shown(self) -> Texts:
        return {name: self.library.text(id) for name, id in self.ids.items()}

    def moment(self) -> Moment:
        return Moment(self.now, dict(self.texts), tuple(self.steps), tuple(self.undone))

    def in_conflict(self, name: str) -> bool:
        return self.ids[name] in self.session.conflicts

    # what a person does

    @rule(name=NAMES)
    def add(self, name: str) -> None:
        self.number += 1
        self.do(AddTags((f"t{self.number}",)), [name])

    @rule(old=st.sampled_from(["cat", "dog", "sky"]), back=st.booleans())
    def rename_everywhere(self, old: str, back: bool) -> None:
        self.number += 1
        newest = f"{old}{self.number}"
        self.do(RenameTag(f"{old}{self.number - 1}", old) if back else RenameTag(old, newest), sorted(FIRST))

    @rule()
    def remove_everywhere(self) -> None:
        self.number += 1
        self.do(RemoveTags(("dog", f"t{self.number - 1}")), sorted(FIRST))

    def do(self, edit: Edit, names: list[str]) -> None:
        batch = self.session.apply(edit, [self.ids[name] for name in names])
        after = {name: edit.applied(self.texts[name], Context()) for name in names}
        changed = {name: text for name, text in after.items() if text != self.texts[name]}
        assert {self.ids[name] for name in changed} == set(batch.ids)
        if changed:
            self.add_step(Step(batch.label, {name: self.texts[name] for name in changed}, changed))
            self.note(batch)

    def add_step(self, step: Step) -> None:
        self.steps.append(step)
        self.undone = []
        self.texts |= step.after

    def note(self, batch: Batch) -> None:
        names = {id: name for name, id in self.ids.items()}
        for picture, before, after in batch.changes:
            raws = batch.raws.get(picture) or [None if text is None else text.encode() for text in (before, after)]
            self.written[names[picture]] |= set(raws)
        self.moments.append(self.moment())
        assert self.shown() == self.texts

    @rule()
    def undo(self) -> None:
        self.back_or_forth(self.session.undo(), self.steps, self.undone, lambda step: (step.after, step.before))

    @rule()
    def redo(self) -> None:
        self.back_or_forth(self.session.redo(), self.undone, self.steps, lambda step: (step.before, step.after))

    def back_or_forth(
        self, batch: Batch | None, source: list[Step], target: list[Step], way: Callable[[Step], tuple[Texts, Texts]]
    ) -> None:
        assert (batch is None) == (not source)
        if batch is None:
            return
        step = source.pop()
        target.append(step)
        assert batch.label == step.label
        old, new = way(step)
        self.texts |= {name: new[name] for name in new if self.texts[name] == old[name]}
        self.note(batch)

    @precondition(lambda self: self.session.conflicts)
    @rule(choice=st.sampled_from(["mine", "theirs", "merge"]), data=st.data())
    def resolve(self, choice: Choice, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([name for name in sorted(FIRST) if self.in_conflict(name)]))
        conflict = self.session.conflicts[self.ids[name]]
        assert conflict.mine in (self.texts[name], None)
        if choice == "merge" and conflict.merged is None:
            return
        caption = self.library.caption(self.ids[name])
        after = {"mine": self.texts[name], "theirs": conflict.theirs or "", "merge": conflict.merged or ""}[choice]
        self.session.resolve(self.ids[name], choice)
        if choice != "mine":
            self.add_step(Step(f"settle a conflict: {choice}", {name: self.texts[name]}, {name: after}))
        self.written[name] |= {conflict.their_raw, encode(after, caption)}
        self.moments.append(self.moment())
        self.known[name] = conflict.their_raw
        self.settled[name] = (self.now, conflict.theirs or "")
        if self.unseen.get(name, conflict.their_raw) == conflict.their_raw:
            self.unseen.pop(name, None)

    # what others do

    @rule(name=NAMES, old=st.booleans())
    def outside_edit(self, name: str, old: bool) -> None:
        self.number += 1
        raw = (FIRST[name] if old else None) or f"cat, foreign{self.number}\n".encode()
        if raw != self.raw(name):
            self.file(name).write_bytes(raw)
            self.outside(name, raw)

    @rule(name=NAMES)
    def outside_delete(self, name: str) -> None:
        if self.raw(name) is not None:
            self.file(name).unlink()
            self.outside(name, None)

    def outside(self, name: str, raw: bytes | None) -> None:
        self.touched.add(name)
        self.written[name].add(raw)
        self.unseen[name] = raw
        if raw == self.known[name] and not self.in_conflict(name):
            del self.unseen[name]  # as it was before somebody changed it

    @rule(name=NAMES)
    def notice(self, name: str) -> None:
        """The watcher of the folder says that a file is another one."""
        self.session.outside([self.ids[name]])
        if name in self.unseen and not self.in_conflict(name):
            self.texts[name] = decode(self.raw(name) or b"").text
            self.known[name] = self.unseen.pop(name)
            self.moments = [replace(m, texts=m.texts | {name: self.texts[name]}) for m in self.moments]
        assert self.shown() == self.texts

    # time, kills, restarts

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 3.0, 90.0]))
    def wait(self, seconds: float) -> None:
        steps = int(min(seconds, 4.0) / STEP_SECONDS)
        for i in range(steps + 1):
            if not self.work():
                return
            self.now += seconds / steps if i < steps else 0.0

    @rule(at=st.integers(1, 60))
    def arm(self, at: int) -> None:
        """The session is killed at its n-th file operation from now on."""
        self.kill_at = at

    def work(self) -> bool:
        faults = Faults(self.kill_at or 1 << 30, killed)
        try:
            with injected(faults):
                self.session.work(self.now)
        except Killed:
            self.kill()
            return False
        self.kill_at = max(1, self.kill_at - faults.count) if self.kill_at else 0
        for name, raw in list(self.unseen.items()):
            if not self.in_conflict(name) and decode(raw or b"").text == self.texts[name]:
                del self.unseen[name]  # both wrote the same
        self.known |= {name: self.raw(name) for name in FIRST if name not in self.unseen}
        return True

    @rule()
    def kill(self) -> None:
        self.kill_at = 0
        drop(self.session)
        surviving = [m for m in self.moments if m.time > self.now - 1]
        surviving = [*[m for m in self.moments if m.time <= self.now - 1][-1:], *surviving]
        asked = [name for name in self.unseen if self.is_mine_alone(name) and self.is_old(name, surviving)]
        self.open()
        now, labels = self.shown(), (self.session.history, self.session.redoable)
        seen = [name for name in FIRST if name not in self.unseen]
        fitting = [m for m in surviving if m.labels == labels and all(self.fits(m, name, now[name]) for name in seen)]
        assert fitting, f"{now} {labels} is none of {surviving}"
        assert all(now[name] == self.texts[name] for name in asked)
        self.begin_again(fitting[-1], now)

    def fits(self, moment: Moment, name: str, text: str) -> bool:
        """Whether this may be shown after a kill. A choice may be lost that was made just now: where nothing was edited
        any more, theirs is then taken without asking."""
        time, theirs = self.settled.get(name, (0.0, ""))
        return moment.texts[name] == text or (time > self.now - 1 and text == theirs)

    def is_mine_alone(self, name: str) -> bool:
        """In conflict, and edited here to something else than it was."""
        conflict = self.session.conflicts.get(self.ids[name])
        return conflict is not None and (conflict.base or "") != self.texts[name]

    def is_old(self, name: str, surviving: list[Moment]) -> bool:
        return all(moment.texts[name] == self.texts[name] for moment in surviving)

    def begin_again(self, moment: Moment, now: Texts) -> None:
        self.steps, self.undone, self.texts = list(moment.done), list(moment.undone), now
        self.unseen = {name: self.raw(name) for name in FIRST if self.in_conflict(name)}
        self.moments = [self.moment()]

    @rule()
    def restart(self) -> None:
        """Closed as it should be: everything is in its file, but for what is in conflict."""
        self.session.close()
        for name, text in self.texts.items():
            raw = self.raw(name)
            if name not in self.unseen:
                assert decode(raw or b"").text == text, name
                first = FIRST[name]
                if name not in self.touched and first is not None and text == decode(first).text:
                    assert raw == first, name
        moment = self.moment()
        asked = [name for name in self.unseen if self.is_mine_alone(name)]
        self.open()
        now = self.shown()
        assert (self.session.history, self.session.redoable) == moment.labels
        assert all(now[name] == text for name, text in moment.texts.items() if name not in self.unseen)
        assert all(now[name] == self.texts[name] for name in asked)
        self.begin_again(moment, now)

    # what holds always

    @invariant()
    def every_file_is_whole(self) -> None:
        if hasattr(self, "session"):
            for name in FIRST:
                assert self.raw(name) in self.written[name], name

    @invariant()
    def what_was_written_outside_stands(self) -> None:
        for name, raw in getattr(self, "unseen", {}).items():
            assert self.raw(name) == raw, name
