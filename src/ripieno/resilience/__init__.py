"""Going on when something is short or broken: systems that fail or are slow, histories that outgrow a reader.

What a tool or a model declares in its `Resilience` is kept here, for all runs of a process together: attempts
and the time between them, breakers, rate limits, bulkheads, hedged requests, times, and who comes next.

May import `kernel`, `journal` and `model`; knows nothing of participants but their protocol.
"""
