"""What runs inside the sandbox: standard library alone, sent as text, since sugata is not visible there.

It is run by the system's Python where ours is not readable by an ordinary user, so it keeps to Python 3.10.
"""
