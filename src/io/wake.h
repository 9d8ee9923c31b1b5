/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waking a thread that sleeps in poll: an eventfd. Layer: io. Any number of wakes before the sleeper
 * looks are one.
 */
#pragma once

#include <stdbool.h>

/* A file descriptor that becomes readable when woken; close() ends it. NBT_ELIMIT, NBT_EIO. */
int wake_open(int *ret_fd);
/* Any thread, also a signal handler. */
void wake(int fd);
/* The sleeper, before it looks for work: what comes later wakes it again. True: it was woken. */
bool wake_clear(int fd);
