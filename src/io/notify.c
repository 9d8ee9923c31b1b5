/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h on sd_notify. Layer: io. A manager that does not listen is no reason to stop. */
#include "io/notify.h"

#ifdef HAVE_SYSTEMD

#include <inttypes.h>
#include <systemd/sd-daemon.h>
#include <time.h>

void
notify_ready(const char *status)
{
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void
notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	    (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void
notify_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

uint64_t
notify_watchdog_ms(void)
{
	uint64_t us;

	return sd_watchdog_enabled(0, &us) > 0 ? us / 2000 : 0;
}

void
notify_alive(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

#else

void
notify_ready(const char *status)
{
}

void
notify_reloading(void)
{
}

void
notify_stopping(void)
{
}

uint64_t
notify_watchdog_ms(void)
{
	return 0;
}

void
notify_alive(void)
{
}

#endif
