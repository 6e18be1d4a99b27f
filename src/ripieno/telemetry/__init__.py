"""Traces, metrics and logs of OpenTelemetry, as a projection of the committed log.

Nothing is measured beside the work: a span is told once its end is on disk, each at least once, under ids
that follow from the log, so that one that is told twice is the same span. May import the kernel,
the journal, the model, and what an audit calls severe (`anchoring`).
"""
