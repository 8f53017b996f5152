"""What was measured of stages, kept for the next experiment with the same code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.store.writer import Closing, Transaction

MOST_PROFILES = 10_000
"""Those measured longest ago are forgotten above that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveProfiles(Closing):
    """Remember what is known of stages of some code, in place of what was."""

    code_hash: str
    facts: Mapping[str, Mapping[str, Any]]  # by stage (its hash)

    def apply(self, transaction: Transaction) -> None:
        """Write them, and forget what is too old."""
        self.add(transaction)
        transaction.run("drop_profiles", {"keep": MOST_PROFILES})

    def add(self, transaction: Transaction, _experiment: int = 0) -> None:
        """Write them beside what else a transaction writes."""
        for stage, facts in self.facts.items():
            values = {
                "code_hash": self.code_hash,
                "stage": stage,
                "now_us": transaction.now_us,
                "facts": json.dumps(facts, allow_nan=False),
            }
            transaction.run("save_profile", values)
