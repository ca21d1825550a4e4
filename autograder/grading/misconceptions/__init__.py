"""Naming the misconception behind a wrong answer."""
