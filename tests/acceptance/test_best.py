"""`orc best`."""

from tests.support.daemon import Orc


def test_the_best_variant_is_the_one_with_the_best_objective(orc: Orc) -> None:
    """Of 3, 1 and 2 the last one lies lowest, and the document has its parameters and metrics."""
    ref = orc.finished()
    best = orc("best", ref, "--json")
    assert best.status == 0
    assert best.json["ref"] == f"{ref}.3"
    assert best.json["params"] == {"x": 2}
    assert best.json["metrics"] == {"height": 0, "x_again": 2}
    assert f"{ref}.3" in orc("best", ref).out


def test_metrics_over_cases_have_their_deviation_beside_them(orc: Orc) -> None:
    """`best`, `show` and the end of `run` give the mean ± the standard deviation, and the best of several winners comes first."""
    folder = orc.experiment("by_case", more='cases = ["1", "3"]\nselect = { method = "top_k", k = 2 }')
    ran = orc("run", str(folder))
    *_, head, first, second, _ = ran.out.splitlines()
    ref = first.partition(".")[0]
    assert (head.split(), [line.split()[:3] for line in (first, second)]) == (
        ["REF", "x", "height"],
        [[f"{ref}.2", "1", "3±1.4"], [f"{ref}.3", "2", "4±1.4"]],
    )
    assert "height=3±1.4" in orc("show", ref).out
    assert "3±1.4" in orc("best", ref).out
    assert orc("best", ref, "--json").json["spread"]["spread"]["height"]["minimum"] == 2


def test_no_best_variant_is_null_and_status_3(orc: Orc) -> None:
    """When nothing could be evaluated, the document is null, the status 3, and a person is told."""
    ref = orc.finished("failing", space="x = [3]")
    none = orc("best", ref, "--json")
    assert (none.status, none.json) == (3, None)
    assert "no best variant" in orc("best", ref).err
