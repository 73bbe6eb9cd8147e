# SPDX-License-Identifier: Apache-2.0
"""Measures what a guest costs: the parts behind tests/bench/run."""
