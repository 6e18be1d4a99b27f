"""Industry workflows, ready to run and to copy from: each is a folder of its own.

May import the whole of the platform below it; nothing of the platform imports a blueprint.
"""
