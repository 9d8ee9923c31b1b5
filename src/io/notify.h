/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service manager wants to know: ready, reloading, stopping, still alive. Layer: io. Built
 * without libsystemd, or started by hand, all of it does nothing.
 */
#pragma once

#include <stdint.h>

/* status: one line that "systemctl status" shows. */
void notify_ready(const char *status);
void notify_reloading(void); /* notify_ready ends it */
void notify_stopping(void);

/* How often notify_alive has to be called, in milliseconds: half of the watchdog's patience. 0: no
 * watchdog. */
uint64_t notify_watchdog_ms(void);
void notify_alive(void);
