"""Declared checks on arguments, inputs and results, evaluated once; the verdict is what is recorded."""

from ripieno.mediation.validation.check import Check, escalate, on_arguments, on_input, on_result, repair

__all__ = ["Check", "escalate", "on_arguments", "on_input", "on_result", "repair"]
