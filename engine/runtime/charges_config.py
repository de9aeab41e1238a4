"""The ``charges`` section of the YAML: whose brokerage plan, and what a share's charges need."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.model.tariff import Fee, OwnPlan, Tariff
from engine.rules.charges.plans import PLANS, Item, nearest_plan
from engine.rules.charges.tables import BSE_GROUPS
from engine.runtime.yaml_marks import Document, KeyPath

PATH: Final = "charges"
Name = Annotated[str, Field(min_length=1)]
Rupees = Annotated[Decimal, Field(ge=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeeSettings(_Section):
    """The lower of ``flat_inr`` and ``pct`` of an order's value, or the one that is given."""

    flat_inr: Rupees | None = None
    pct: Annotated[Decimal, Field(ge=0, lt=50)] | None = None
    min_inr: Rupees = Decimal(0)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.flat_inr is None and self.pct is None:
            raise ValueError("needs flat_inr, pct or both; nothing at all is `flat_inr: 0`")
        return self

    def fee(self) -> Fee:
        """Return it as the engine keeps it."""
        return Fee(flat_inr=self.flat_inr, pct=self.pct, min_inr=self.min_inr)


class PlanSettings(_Section):
    """A brokerage plan of one's own: every fee has to be there."""

    delivery: FeeSettings
    intraday: FeeSettings
    futures: FeeSettings
    options: FeeSettings
    dp: FeeSettings
    square_off: FeeSettings


class ChargesSettings(_Section):
    """``plan`` is every account's but those that ``accounts`` names."""

    plan: Name = Tariff().plan
    accounts: dict[Name, Name] = Field(default_factory=dict)
    plans: dict[Name, PlanSettings] = Field(default_factory=dict)
    bse_groups: dict[Name, Name] = Field(default_factory=dict)
    etfs: tuple[Name, ...] = ()

    def tariff(self) -> Tariff:
        """Return it as the engine keeps it."""
        return Tariff(
            plan=self.plan,
            accounts=self.accounts,
            own={
                name: OwnPlan(**{item: getattr(plan, item).fee() for item in Item})
                for name, plan in self.plans.items()
            },
            bse_groups=self.bse_groups,
            etfs=self.etfs,
        )


def complain(document: Document, settings: ChargesSettings, accounts: frozenset[str]) -> None:
    """Note plans that do not exist, groups that are none, and accounts that nobody trades."""
    tariff = settings.tariff()
    named: list[tuple[KeyPath, str]] = [((PATH, "plan"), settings.plan)]
    named += [((PATH, "accounts", account), plan) for account, plan in settings.accounts.items()]
    for path, plan in named:
        if plan not in tariff.own and plan not in PLANS:
            document.complain(path, f"no brokerage plan {plan!r}{nearest_plan(plan, tariff)}")
    for symbol, group in settings.bse_groups.items():
        if group not in BSE_GROUPS:
            known = ", ".join(BSE_GROUPS)
            document.complain(
                (PATH, "bse_groups", symbol),
                f"no charge is known for group {group!r} of BSE; known: {known}",
            )
    for account in settings.accounts:
        if account not in accounts:
            there = ", ".join(sorted(accounts))
            document.complain(
                (PATH, "accounts", account), f"no strategy trades this account; they trade {there}"
            )
