"""Decisions by policy: Cedar policies in packs, checked when they are loaded, asked about every act."""

from ripieno.mediation.policy.gate import PolicyGate, default_gate, policy_folder
from ripieno.mediation.policy.library import Library, load_library
from ripieno.mediation.policy.problems import PolicyError

__all__ = ["Library", "PolicyError", "PolicyGate", "default_gate", "load_library", "policy_folder"]
