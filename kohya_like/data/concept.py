"""Reads one concept folder: its pictures, their captions and masks, and what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kohya_like.data.folders import Listing, Walk, is_picture, list_folder, named, times
from kohya_like.data.picture_header import MAX_PIXELS, PictureHeader, read_header
from kohya_like.data.records import Concept, ConceptReport, ImageRecord, plain
from kohya_like.data.sidecar import KNOWN_EXTENSIONS, PROBLEMS, masks_beside, picture_stems, read_sidecar, stem_key
from kohya_like.schema.errors import Fault, FormatError, Severity

PROGRESS_EVERY = 500
OTHER_PICTURES = (".gif", ".tif", ".tiff", ".heic", ".heif", ".psd", ".svg", ".jfif", ".jp2", ".tga")

Reading = tuple[list[ImageRecord], ConceptReport]


@dataclass(frozen=True)
class ReadingRules:
    """What a scan asks of every picture."""

    smallest: int = 8  # pixels; no side may be shorter
    masked: bool = False  # look for masks
    progress: Callable[[str, int], None] | None = None  # told a concept's name and how many of its pictures are read


class ConceptReader:
    """`read` once; what is wrong is added to `walk.faults`, one sentence for each kind of fault."""

    def __init__(self, concept: Concept, number: int, root: Path, prefix: str, rules: ReadingRules, walk: Walk) -> None:
        """
        Args:
            number: index of the concept.
            root: symlinks may lead anywhere below this.
            prefix: what the identities of its pictures begin with, "10_sks cat".
        """
        self.concept, self.number, self.root, self.prefix = concept, number, root, prefix
        self.rules, self.walk = rules, walk
        self.where = plain(str(concept.folder))
        self.extension = concept.settings.caption_extension.lower()
        self._names: dict[str, list[str]] = {}  # file names by what is wrong with them
        self._captions: dict[str, dict[str, str]] = {}  # extension -> stem -> file name

    def read(self) -> Reading:
        """All usable pictures of the folder, sorted by name."""
        try:
            listing = list_folder(self.concept.folder, self.root, self.walk)
        except OSError as error:
            self._fault(f"cannot be read ({error.strerror})", "check its permissions", "error", "unreadable-folder")
            return [], ConceptReport()
        pictures = sorted(listing.pictures, key=lambda name: (plain(name), name))
        beside = masks_beside(pictures, self.concept.settings.mask_suffix or "")
        pictures = [name for name in pictures if name not in beside.values()]
        if (own := self.concept.captions) is not None:
            self._names["not-in-metadata"] = [name for name in pictures if name not in own]
            pictures = [name for name in pictures if name in own]
        self._captions = self._sidecars(listing)
        masks = None
        if self.rules.masked and self.concept.settings.mask_dir:
            masks = self._masks()
        elif self.rules.masked and self.concept.settings.mask_suffix:
            masks = {stem: self.concept.folder / name for stem, name in beside.items()}
        records = []
        for i, name in enumerate(pictures):
            if self.rules.progress and i % PROGRESS_EVERY == 0:
                self.rules.progress(self.concept.name, i)
            if record := self._picture(name, masks):
                records.append(record)
        counts = {ext: self._count(pictures, ext) for ext in self._captions}
        self._report_pictures(listing, pictures, records)
        self._report_captions(pictures, counts)
        return records, ConceptReport(
            images=len(records),
            captions={ext: count for ext, count in sorted(counts.items()) if count},
            missing_captions=len(self._names.get("no-caption", ())),
            empty_captions=len(self._names.get("caption-empty", ())),
            unreadable=len(self._names.get("unreadable", ())),
            too_small=len(self._names.get("too-small", ())),
            too_large=len(self._names.get("too-large", ())),
        )

    def _picture(self, name: str, masks: dict[str, Path] | None) -> ImageRecord | None:
        path = os.path.join(self.concept.folder, name)
        header = self._header(path, name)
        if header is None:
            return None
        captions, caption_path = self._caption(name)
        mask = masks.get(picture_stems(name)[0]) if masks is not None else None
        if masks is not None and mask is None:
            self._note("no-mask", name)
        return ImageRecord(
            path=Path(path),
            size=header.size,
            captions=captions,
            caption_path=caption_path,
            mask_path=mask,
            subset=self.number,
            identity=f"{self.prefix}/{plain(name)}",
            has_alpha=header.has_alpha,
        )

    def _header(self, path: str, name: str) -> PictureHeader | None:
        try:
            header = read_header(path)
        except FormatError as error:
            self._note("unreadable", f"{name} ({error.text})")
            return None
        except OSError as error:
            self._note("unreadable", f"{name} ({error.strerror or error})")
            return None
        width, height = header.size
        if width * height > MAX_PIXELS:
            self._note("too-large", f"{name} ({width}x{height}: {width * height / 1e6:,.0f} megapixels)")
            return None
        if min(header.size) < self.rules.smallest:
            self._note("too-small", f"{name} ({width}x{height})")
            return None
        if header.animated:
            self._note("animated", name)
        return header

    def _caption(self, name: str) -> tuple[tuple[str, ...], Path | None]:
        if self.concept.captions is not None:
            lines = self.concept.captions[name]
            if not lines:
                self._note("no-caption", name)
            return lines if self.concept.settings.enable_wildcard else lines[:1], None
        available = self._captions[self.extension]
        found = next((candidate for candidate in picture_stems(name) if candidate in available), None)
        if found is None:
            self._note("no-caption", name)
            return (), None
        path = os.path.join(self.concept.folder, available[found])
        sidecar = read_sidecar(path)
        if sidecar.problem:
            self._note(f"caption-{sidecar.problem}", available[found])
        elif sidecar.encoding != "utf-8":
            self._note("caption-other", available[found])
        lines = sidecar.lines if self.concept.settings.enable_wildcard else sidecar.lines[:1]
        return lines, Path(path)

    def _sidecars(self, listing: Listing) -> dict[str, dict[str, str]]:
        """Caption files by extension and stem. The configured extension may have more than one dot."""
        found: dict[str, dict[str, str]] = {self.extension: {}}
        extensions = (self.extension, *(ext for ext in KNOWN_EXTENSIONS if ext != self.extension))
        for name in listing.files:
            lower = name.lower()
            for ext in extensions:
                if lower.endswith(ext):
                    found.setdefault(ext, {})[stem_key(name[: -len(ext)])] = name
                    break
        return found

    def _count(self, pictures: Sequence[str], extension: str) -> int:
        found = self._captions[extension]
        return sum(any(stem in found for stem in picture_stems(name)) for name in pictures)

    def _masks(self) -> dict[str, Path]:
        """Masks by stem: those in a folder of the concept's name in mask_dir, or else in mask_dir itself."""
        mask_dir = Path(os.path.abspath(os.path.expanduser(self.concept.settings.mask_dir or "")))
        own = mask_dir / self.concept.name
        folder = own if own.is_dir() else mask_dir
        if os.path.realpath(folder) == os.path.realpath(self.concept.folder):
            self._fault(
                "mask_dir is the folder of the pictures", "masks need a folder of their own", "error", "mask-dir"
            )
            return {}
        try:
            listing = list_folder(folder, mask_dir, self.walk)
        except OSError as error:
            text = f"mask_dir {plain(str(folder))} cannot be read ({error.strerror})"
            self._fault(text, "check data.mask_dir", "error", "mask-dir")
            return {}
        return {picture_stems(name)[0]: folder / name for name in listing.files if is_picture(name)}

    def _note(self, kind: str, name: str) -> None:
        self._names.setdefault(kind, []).append(name)

    def _fault(self, text: str, mend: str, severity: Severity, code: str, key: str = "") -> None:
        self.walk.faults.append(Fault(text, key, self.where, mend, severity, code))

    def _say(self, kind: str, thing: str, text: str, mend: str, severity: Severity = "warning") -> None:
        """'3 pictures TEXT: a.png, b.png, c.png', if there are any of that kind."""
        if names := self._names.get(kind):
            self._fault(f"{times(len(names), thing)} {text}: {named(names)}", mend, severity, kind)

    def _report_pictures(self, listing: Listing, pictures: list[str], records: list[ImageRecord]) -> None:
        by_stem: dict[str, list[str]] = {}
        for name in pictures:
            by_stem.setdefault(picture_stems(name)[0], []).append(name)
        self._names["same-stem"] = [" = ".join(names) for names in by_stem.values() if len(names) > 1]
        self._names["other-pictures"] = [name for name in listing.files if name.lower().endswith(OTHER_PICTURES)]
        self._names["sub-folders"] = listing.folders
        smallest = self.rules.smallest
        self._say(
            "unreadable", "picture", "left out, cannot be read", "save them again, or take them out of the folder"
        )
        self._say("too-small", "picture", f"left out, a side is under {smallest} pixels", "use larger ones")
        self._say("too-large", "picture", f"left out, over {MAX_PIXELS // 1_000_000} megapixels", "make them smaller")
        self._say(
            "animated", "animation", "of which only the first frame is used", "save the frames you want as pictures"
        )
        self._say("same-stem", "name", "used by several pictures, which share one caption", "rename one of them")
        self._say("not-in-metadata", "picture", "that the metadata file does not name, not used", "", "hint")
        self._say("other-pictures", "picture", "of a kind that is not read", "save them as PNG or JPEG")
        self._say(
            "sub-folders", "folder", "inside, not read", "one level only: put the pictures into the concept folder"
        )
        if not records:
            text = "holds no usable pictures" if pictures else "holds no pictures"
            self._fault(text, "add some, or remove the folder", "warning", "no-images")
        if self.rules.masked:
            self._say(
                "no-mask", "picture", "without a mask, all of it counts", "add masks of the same name to mask_dir"
            )
            if self.concept.settings.alpha_mask and records and not any(record.has_alpha for record in records):
                text = "alpha_mask is on, but no picture has transparency"
                self._fault(text, "use PNGs with transparency, or mask_dir", "warning", "no-alpha")

    def _report_captions(self, pictures: list[str], counts: dict[str, int]) -> None:
        words = self.concept.class_tokens
        instead = f'trained with the class words "{words}"' if words else "trained with an empty prompt"
        mend = (
            f"write {self.extension} files" if words else f"write {self.extension} files, or name the folder 10_words"
        )
        severity: Severity = "hint" if self.concept.is_reg and words else "warning"
        self._say("no-caption", "picture", f"without a caption, {instead}", mend, severity)
        for problem, (text, cure) in PROBLEMS.items():
            extra = f", {instead}" if problem == "empty" else ""
            self._say(
                f"caption-{problem}", "caption file", text + extra, cure, "error" if problem != "empty" else "warning"
            )
        self._say(
            "caption-other", "caption file", "in UTF-16 or UTF-32, read as such", "other programs want UTF-8", "hint"
        )
        stems = {stem for name in pictures for stem in picture_stems(name)}
        known = self._captions[self.extension]
        self._names["orphans"] = [name for stem, name in sorted(known.items()) if stem not in stems]
        self._say("orphans", "caption file", "without a picture", "rename them like their picture, or delete them")
        other = max(counts, key=lambda ext: counts[ext])
        if counts[other] > counts[self.extension]:
            text = (
                f'{times(counts[other], "picture")} with a "{other}" caption, but only {counts[self.extension]} with '
                f'"{self.extension}", which is what is read'
            )
            mend = f'set data.caption_extension = "{other}"'
            self._fault(text, mend, "warning", "caption-extension", "data.caption_extension")
