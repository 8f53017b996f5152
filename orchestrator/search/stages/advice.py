"""What would make the stages faster or safer, with the numbers it rests on and what it is expected to bring."""

from orchestrator.search.stages import risks, speed
from orchestrator.search.stages.situation import Advice as Advice
from orchestrator.search.stages.situation import Case as Case
from orchestrator.search.stages.situation import Finding as Finding
from orchestrator.search.stages.situation import Situation as Situation

_WORTH_IT = 0.05  # of the wall time

_SPEED = (
    speed.long_stages,
    speed.interpreter_bound,
    speed.workers_blocked,
    speed.too_few_workers,
)
_RISKS = (risks.cpu_saturated, risks.too_many_workers, risks.memory, risks.unstable, risks.sla_risk)


def advise(case: Case) -> tuple[Advice, ...]:
    """All advice that is worth it: what saves at least 5 % of the wall time, the most first, then what costs no time.

    Every gain is predicted by running the changed plan in thought; what changes nothing is left out.
    """
    if case.figures.wall_seconds <= 0.0:
        return ()
    saving = [advice for find in _SPEED for advice in find(case) if (advice.gain or 0.0) >= _WORTH_IT]
    return (
        *sorted(saving, key=lambda advice: -(advice.gain or 0.0)),
        *(advice for find in _RISKS for advice in find(case)),
    )
