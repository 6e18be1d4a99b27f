"""The tables, and what is done with them: in the SQL that SQLite and PostgreSQL have in common.

`database.py` says what each of them does in its own way. May import `model` and the rest of `journal`, but
neither store.
"""
