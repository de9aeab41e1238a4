"""What the answers of the shell and of brokers mean to the tables of orders and requests."""

from __future__ import annotations

from engine.model.event import ReplyOutcome
from engine.model.order_state import AmendTrigger, Trigger
from engine.model.verdict import Evidence

# The paper exchange's reports are the truth itself, not a hint (engine.model.verdict.Evidence).
EVIDENCE_OF = {"paper": Evidence.SNAPSHOT}
PLACE_REPLIES = {
    ReplyOutcome.ACCEPTED: Trigger.REPLY_OK,
    ReplyOutcome.REFUSED: Trigger.REPLY_REFUSED,
    ReplyOutcome.AMBIGUOUS: Trigger.REPLY_AMBIGUOUS,
}
AMEND_REPLIES = {
    ReplyOutcome.ACCEPTED: AmendTrigger.REPLY_OK,
    ReplyOutcome.REFUSED: AmendTrigger.REPLY_REFUSED,
    ReplyOutcome.AMBIGUOUS: AmendTrigger.REPLY_AMBIGUOUS,
}
