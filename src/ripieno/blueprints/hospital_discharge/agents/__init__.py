"""The discharge workflow with agents: they draft, rules over the record cross-check, people decide.

What an agent is shown is `chart` and `notes`, and nothing else of the record. What it gives is a draft: it
adds to what the rules have found and takes nothing away.
"""
