/* SPDX-License-Identifier: Apache-2.0 */
/* The eventfd of wake.h. Layer: io. */
#include "io/wake.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"

int
wake_open(int *ret_fd)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? NBT_ELIMIT : NBT_EIO;
	*ret_fd = fd;
	return 0;
}

void
wake(int fd)
{
	const uint64_t one = 1;
	int error = errno; /* a signal handler must leave it as it was */

	/* fails only when the counter is full: then it is readable anyway */
	(void)!write(fd, &one, sizeof(one));
	errno = error;
}

bool
wake_clear(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n);
}
