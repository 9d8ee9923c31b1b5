/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every benchmark needs: a clock, the median of rounds, and a way to keep the compiler from
 * leaving out work whose result nobody reads. Layer: bench.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline int64_t
bench_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The compiler must believe that what p points to is read and written here. */
static inline void
bench_use(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

static inline int
bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts v. */
static inline double
bench_median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), bench_compare);
	return v[n / 2];
}
