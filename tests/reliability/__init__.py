"""Proof that an index outlives what happens to it, and never answers half of this and half of that.

System calls that fail, power that is cut, builds that are interrupted or compete, readers that go
on meanwhile, files that are damaged. ``python -m tests.reliability`` runs the whole and writes
``docs/reliability.md``; the tests of this package run a small part of it.
"""
