"""sugata finds the smallest, fastest network that does your job."""

__version__ = "0.1.0"
