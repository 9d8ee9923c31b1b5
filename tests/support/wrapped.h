/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls for memory and locks of the code under test, which the linker sends here (dep_wrapped of
 * tests/unit/meson.build). The test that includes this says what becomes of each. Layer: tests.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* A call for memory. False: it is to fail. */
static bool on_alloc(void);
/* A call that gives memory back or takes a lock. */
static void on_free_or_lock(void);

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
void __real_free(void *p);
int __real_pthread_mutex_lock(pthread_mutex_t *m);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void __wrap_free(void *p);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);

void *
__wrap_malloc(size_t n)
{
	return on_alloc() ? __real_malloc(n) : NULL;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return on_alloc() ? __real_calloc(n, size) : NULL;
}

void *
__wrap_realloc(void *p, size_t n)
{
	return on_alloc() ? __real_realloc(p, n) : NULL;
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return on_alloc() ? __real_reallocarray(p, n, size) : NULL;
}

void
__wrap_free(void *p)
{
	on_free_or_lock();
	__real_free(p);
}

int
__wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
	on_free_or_lock();
	return __real_pthread_mutex_lock(m);
}
