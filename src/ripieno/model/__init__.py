"""The words of the domain: outcome, participant, task, action, limits, event, path, principal.

Pure values and protocols, no input or output. May import nothing else of Ripieno.
"""
