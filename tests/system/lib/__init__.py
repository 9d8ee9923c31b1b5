# SPDX-License-Identifier: Apache-2.0
"""What the system tests stand on: a network of namespaces, real programs in it, an independent
reader and writer of packets, and a runner that speaks TAP. Nothing here is part of the product."""
