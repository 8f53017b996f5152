"""Commands: every placeholder is known, every brace belongs to one, every parameter is used."""

from collections.abc import Collection, Iterator

from orchestrator.spec.draft import Draft
from orchestrator.spec.findings import Finding, Place, did_you_mean, listed, shorten
from orchestrator.spec.placeholders import RESERVED, read_template
from orchestrator.spec.stage import StageSpec


def words_of(stage: StageSpec) -> tuple[str, ...]:
    """The texts of a command placeholders are looked for in; none for a callable."""
    if stage.command is None:
        return ()
    return (stage.command,) if isinstance(stage.command, str) else stage.command


def check_placeholders(draft: Draft) -> Iterator[Finding]:
    """Every placeholder is a parameter, an argument or reserved; no brace stands alone."""
    parameters = draft.parameter_names
    for position, stage in enumerate(draft.stages):
        if stage is None:
            continue
        known = None if parameters is None else (*parameters, *stage.arguments, *RESERVED)
        for number, word in enumerate(words_of(stage)):
            place: Place = ("stage", position, "command", *((number,) if isinstance(stage.command, tuple) else ()))
            yield from _check_word(word, place=place, known=known)


def _check_word(word: str, *, place: Place, known: Collection[str] | None) -> Iterator[Finding]:
    template = read_template(word)
    for name in template.names:
        if known is not None and name not in known:
            close = did_you_mean(name, known) or f" known are: {listed(known)}."
            literal = f"for a literal brace write {{{{{shorten(name)}}}}}"
            yield Finding(place, f"unknown placeholder {{{shorten(name)}}};{close} {literal[0].upper()}{literal[1:]}")
    for offset in template.lone_braces:
        brace = word[offset]
        yield Finding(place, f'a lone "{brace}" at character {offset + 1}; a literal brace is written "{brace * 2}"')


def check_lists_fill_placeholders(draft: Draft) -> Iterator[Finding]:
    """With the list method every table has what the commands use."""
    if draft.space:
        return
    used = used_names(draft)
    names = [name for name in draft.parameter_names or () if name in used]
    for position, table in draft.listed_params.items():
        for name in names:
            if name not in table:
                yield Finding(("search", "params", position), f'lacks "{name}", which a command uses')


def used_names(draft: Draft) -> frozenset[str]:
    """The placeholders all commands use."""
    words = (word for stage in draft.stages if stage for word in words_of(stage))
    return frozenset(name for word in words for name in read_template(word).names)


def warn_placeholders(draft: Draft) -> Iterator[Finding]:
    """Parameters no command uses; placeholders of parameters that can be absent."""
    used = used_names(draft)
    for name, parameter in draft.valid_space.items():
        if name in used and parameter.when:
            yield Finding(("space", name), "is absent when its conditions do not hold; its placeholder is then empty")
    if draft.stages and all(stage is not None and stage.command is not None for stage in draft.stages):
        for name in draft.parameter_names or ():
            if name not in used:
                yield Finding(("space", name), f"no command uses {{{name}}}; it is only in the file ORC_PARAMS names")
