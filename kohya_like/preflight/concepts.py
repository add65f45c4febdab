"""Do the concepts of a dataset get in each other's way? Words that two of them share are learnt as one. No torch."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from kohya_like.data.folders import named, times
from kohya_like.data.records import Concept, Dataset
from kohya_like.preflight.common_words import split
from kohya_like.schema.errors import Fault, Severity

IMBALANCE = 10
KEY = "data.train_data_dir"


def concept_faults(dataset: Dataset, samples: Mapping[int, int]) -> Iterator[Fault]:
    """Shared words, triggers that mean two things, imbalance. `samples`: how often each concept is seen per epoch."""
    used = [(number, concept) for number, concept in enumerate(dataset.concepts) if samples.get(number)]
    trained = {number: concept for number, concept in used if not concept.is_reg}
    yield from _same_words(trained)
    yield from _same_trigger(trained)
    yield from _trigger_of_common_words(trained)
    yield from _trigger_is_class(trained)
    yield from _trigger_in_class_pictures(trained, [concept for _, concept in used if concept.is_reg])
    yield from _trigger_in_captions(trained, dataset)
    yield from _imbalance({concept.name: samples[number] for number, concept in trained.items()})


def trigger_of(concept: Concept) -> str:
    """The first of several class words: "sks" of "sks cat"; empty where there is only one."""
    words = concept.class_tokens.lower().split()
    return words[0] if len(words) > 1 else ""


def _same_words(trained: Mapping[int, Concept]) -> Iterator[Fault]:
    for words, names in _grouped(
        {number: concept.class_tokens.lower() for number, concept in trained.items()}, trained
    ):
        yield _note(
            f"folders {' and '.join(names)} share the words {words!r}: they are learnt as one", "", "same-words"
        )


def _same_trigger(trained: Mapping[int, Concept]) -> Iterator[Fault]:
    different = {concept.class_tokens.lower(): number for number, concept in trained.items()}
    triggers = {number: trigger_of(trained[number]) for number in different.values()}
    for word, names in _grouped(triggers, trained):
        text = f"folders {' and '.join(names)} share the trigger word {word!r}: a prompt with it calls both"
        yield _note(text, "give each its own word", code="same-trigger", severity="warning")


def _trigger_of_common_words(trained: Mapping[int, Concept]) -> Iterator[Fault]:
    for concept in trained.values():
        word = trigger_of(concept)
        pieces, known = split(word) if word else ([], "")
        if known:
            text = (
                f"{word!r}, the trigger word of folder {concept.name}, is read as {' + '.join(pieces)}: "
                f"{known!r} means something by itself"
            )
            yield _note(text, "take a word that means nothing yet", "trigger-splits")


def _trigger_is_class(trained: Mapping[int, Concept]) -> Iterator[Fault]:
    for number, concept in trained.items():
        word = trigger_of(concept)
        classes = [other.name for n, other in trained.items() if n != number and word in _class_words(other)]
        if word and classes:
            text = f"the trigger word {word!r} of folder {concept.name} is a class word of {named(classes)}"
            yield _note(text, "take a word that means nothing yet", code="trigger-is-class", severity="warning")


def _trigger_in_class_pictures(trained: Mapping[int, Concept], regularising: list[Concept]) -> Iterator[Fault]:
    triggers = {word for concept in trained.values() if (word := trigger_of(concept))}
    for concept in regularising:
        for word in sorted(triggers & set(concept.class_tokens.lower().split())):
            text = f"regularisation folder {concept.name} has the trigger word {word!r}: it would unlearn the subject"
            mend = "name it by the class alone"
            yield _note(text, mend, code="trigger-in-reg", severity="warning", key="data.reg_data_dir")


def _trigger_in_captions(trained: Mapping[int, Concept], dataset: Dataset) -> Iterator[Fault]:
    """Captions of one folder that hold the trigger word of another."""
    triggers = {word: number for number, concept in trained.items() if (word := trigger_of(concept))}
    if len(trained) < 2 or not triggers:
        return
    pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, triggers))})(?!\w)")
    found: Counter[tuple[int, str]] = Counter()
    for image in dataset.images:
        concept = trained.get(image.subset)
        if concept is not None:
            words = {word for caption in image.captions for word in pattern.findall(caption.lower())}
            found.update((image.subset, word) for word in words if word != trigger_of(concept))
    for (number, word), count in sorted(found.items()):
        text = (
            f"{times(count, 'caption')} of folder {trained[number].name} with {word!r}, the trigger word of "
            f"{trained[triggers[word]].name}"
        )
        yield _note(text, "right only where the pictures show both", "trigger-in-captions")


def _imbalance(samples: Mapping[str, int]) -> Iterator[Fault]:
    if len(samples) > 1 and max(samples.values()) > IMBALANCE * min(samples.values()):
        most, least = max(samples, key=lambda n: samples[n]), min(samples, key=lambda n: samples[n])
        text = f"{most} is seen {samples[most] / samples[least]:.0f} times as often as {least}"
        mend = 'balance them by their repeats, or set data.balance_concepts = "samples"'
        yield _note(text, mend, "imbalance")


def _grouped(words: Mapping[int, str], concepts: Mapping[int, Concept]) -> Iterator[tuple[str, list[str]]]:
    by_word: dict[str, list[str]] = defaultdict(list)
    for number, word in words.items():
        if word:
            by_word[word].append(concepts[number].name)
    return ((word, names) for word, names in by_word.items() if len(names) > 1)


def _class_words(concept: Concept) -> set[str]:
    return set(concept.class_tokens.lower().split()[1:])


def _note(text: str, mend: str, code: str, severity: Severity = "hint", key: str = KEY) -> Fault:
    return Fault(text, key, mend=mend, severity=severity, code=code)
