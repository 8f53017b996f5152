"""Why something waits for named locks, in words, and what would change it."""

from collections.abc import Iterator, Sequence

from orchestrator.engine.named_locks import NamedLocks


def lock_reason(names: Sequence[str], locks: NamedLocks) -> tuple[str, str]:
    """Who holds which of these, and what must happen."""
    found = list(_holders(names, locks))
    if not found:
        kept = f"the locks it needs ({', '.join(names)}) are kept for an evaluation that has waited longer and needs others too"
        return kept, "that one has had its turn"
    return (
        "; ".join(f"it needs the lock {name}, which is held by {who}" for name, who, _ in found),
        " and ".join(dict.fromkeys(change for _, _, change in found)),
    )


def _holders(names: Sequence[str], locks: NamedLocks) -> Iterator[tuple[str, str, str]]:
    for name in names:
        ref = locks.holder(name)
        if ref is not None:
            yield name, f"evaluation {ref}", f"{ref} ends"
        elif name in locks.view.elsewhere:
            holder = locks.foreign_holder(name)
            change = "that process ends" if holder is None else f"process {holder.pid} ends"
            yield name, str(holder or "another process"), change
