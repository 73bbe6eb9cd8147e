# SPDX-License-Identifier: Apache-2.0
"""The emulated board: an arm64 pKVM host under QEMU, and the runner of suites on it."""
