"""Calls of systems by HTTP: authentication, errors, pages, limits of rate and size; what connectors stand on.

May import what `connectors` may, and httpx. Nothing here retries or waits: a call that may be made again
says so by its error, and the kernel makes it again.
"""
