/* SPDX-License-Identifier: Apache-2.0 */
/* Times, sizes and names as people write them. Layer: program. Pure but for the time zone. */
#include "winsctl/winsctl.h"

#include <string.h>

char *
winsctl_span(int64_t seconds, char buf[static WINSCTL_TEXT])
{
	static const struct {
		int64_t size;
		const char *name;
	} unit[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	size_t i = 0;
	int64_t rest;

	while (i < 3 && seconds < unit[i].size)
		i++;
	rest = i < 3 ? seconds % unit[i].size / unit[i + 1].size : 0;
	if (rest)
		snprintf(buf, WINSCTL_TEXT, "%lld %s %lld %s", (long long)(seconds / unit[i].size),
		    unit[i].name, (long long)rest, unit[i + 1].name);
	else
		snprintf(buf, WINSCTL_TEXT, "%lld %s", (long long)(seconds / unit[i].size),
		    unit[i].name);
	return buf;
}

char *
winsctl_when(time_t t, time_t now, char buf[static WINSCTL_TEXT])
{
	char span[WINSCTL_TEXT], stamp[40];
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	if (t == now)
		snprintf(buf, WINSCTL_TEXT, "%s (now)", stamp);
	else if (t > now)
		snprintf(buf, WINSCTL_TEXT, "%s (in %.30s)", stamp, winsctl_span(t - now, span));
	else
		snprintf(buf, WINSCTL_TEXT, "%s (%.30s ago)", stamp, winsctl_span(now - t, span));
	return buf;
}

char *
winsctl_bytes(uint64_t n, char buf[static WINSCTL_TEXT])
{
	static const char *const unit[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n;
	size_t i = 0;

	while (v >= 1024 && i < 4) {
		v /= 1024;
		i++;
	}
	snprintf(buf, WINSCTL_TEXT, i ? "%.1f %s" : "%.0f %s", v, unit[i]);
	return buf;
}

void
winsctl_upcase(char *name)
{
	for (char *p = name; *p && *p != '<' && *p != '#'; p++) {
		if (p[0] == '\\' && strlen(p) >= 4)
			p += 3;
		else if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	}
}
