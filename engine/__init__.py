"""Legwork: what a strategy author imports.

    from engine import Field, Params, Strategy, Tick, buy, chain, sell

``engine.testing`` has what a strategy's test needs.
"""

from datetime import time

from pydantic import Field, model_validator

from engine.asking import buy, chain, sell
from engine.author import Chain, GroupView
from engine.model.chain import ChainSpec
from engine.model.greeks import ChainGreeks, OptionGreeks, PortfolioGreeks
from engine.model.instrument import Instrument, Right
from engine.model.legs import GroupState, Leg, OnFailure, Policy, Sequencing
from engine.model.market import Bar, Depth, Level, Tick
from engine.model.order import Order, Product
from engine.model.payoff import UNBOUNDED, Payoff
from engine.model.position import Position
from engine.model.side import Side
from engine.strategy import Params, State, Strategy

__all__ = [
    "UNBOUNDED",
    "Bar",
    "Chain",
    "ChainGreeks",
    "ChainSpec",
    "Depth",
    "Field",
    "GroupState",
    "GroupView",
    "Instrument",
    "Leg",
    "Level",
    "OnFailure",
    "OptionGreeks",
    "Order",
    "Params",
    "Payoff",
    "Policy",
    "PortfolioGreeks",
    "Position",
    "Product",
    "Right",
    "Sequencing",
    "Side",
    "State",
    "Strategy",
    "Tick",
    "buy",
    "chain",
    "model_validator",
    "sell",
    "time",
]

__version__ = "0.1.0"
