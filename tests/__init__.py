"""Tests of qasearch."""
