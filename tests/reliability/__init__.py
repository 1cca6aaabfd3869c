"""Proof that a build is atomic and durable: system calls that fail, and power that is cut.

``python -m tests.reliability`` runs the whole and writes ``docs/reliability.md``; the tests of this
package run a small part of it.
"""
