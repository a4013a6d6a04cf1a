# SPDX-License-Identifier: BSD-2-Clause
"""What the system tests stand on: the standard library and nothing else."""
