"""`orc cancel`."""

from tests.support.daemon import Orc, refs


def test_a_cancelled_experiment_ends_and_stays_ended(orc: Orc) -> None:
    """What ran is stopped, waiting for it says cancelled with status 3, and a second cancel is refused with status 5."""
    ref, _ = orc.submitted("held")
    cancelled = orc("cancel", ref, "--json")
    assert cancelled.status == 0
    assert cancelled.json["ref"] == ref
    waited = orc("wait", ref, "--timeout", "20", "--json")
    assert (waited.status, waited.json["state"]) == (3, "cancelled")
    assert orc("cancel", ref).status == 5


def test_one_variant_can_be_cancelled(orc: Orc) -> None:
    """The others go on."""
    ref, folder = orc.submitted("held")
    orc("wait", f"{ref}.2", "--timeout", "0.2")
    assert orc("cancel", f"{ref}.2").status == 0
    (folder / "gate").touch()
    assert orc("wait", ref, "--timeout", "20").status == 0
    variants = orc("show", ref, "--json").json["variants"]
    assert refs(variants) == [f"{ref}.1", f"{ref}.2", f"{ref}.3"]
    assert [each["state"] for each in variants] == ["evaluated", "cancelled", "evaluated"]
