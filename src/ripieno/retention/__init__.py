"""What is kept, for how long, and what is not any more: erasure, legal holds, times to keep.

May import `kernel`, `journal` and `model`.
"""
