"""The decisions, pure: standard library only; no clock, environment, logging or I/O."""
