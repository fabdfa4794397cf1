/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks run forward and agree; sleeping lasts long enough, and is no busy wait. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/check.h"

static long long now(clockid_t clock)
{
	struct timespec time = {0, 0};

	CHECK(clock_gettime(clock, &time) == 0 && time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void monotonic(void)
{
	long long before = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME);
	int good = 1;

	for (int i = 0; i < 10000; i++) {
		struct timespec time;
		long long after;

		clock_gettime(CLOCK_MONOTONIC, &time);
		after = time.tv_sec * 1000000000LL + time.tv_nsec;
		good &= after >= before;
		before = after;
	}
	CHECK(good);
	CHECK(boot >= 0 && boot < 60000000000LL);
}

static void wall(void)
{
	struct timeval clock_time;
	struct timespec set = {1000000000, 500};
	struct tm *utc;
	time_t seconds;

	CHECK(gettimeofday(&clock_time, NULL) == 0 &&
	      llabs(clock_time.tv_sec * 1000000000LL - now(CLOCK_REALTIME)) < 2000000000LL);
	seconds = clock_time.tv_sec;
	utc = gmtime(&seconds);
	CHECK(utc->tm_year > 120 && mktime(utc) == seconds);
	CHECK(clock_settime(CLOCK_REALTIME, &set) == 0);
	CHECK(llabs(now(CLOCK_REALTIME) - 1000000000000000500LL) < 1000000000LL &&
	      time(NULL) >= 1000000000);
	CHECK(clock_settime(CLOCK_MONOTONIC, &set) == -1 && errno == EINVAL);
}

static void sleeping(void)
{
	struct timespec length = {0, 50000000}, bad = {0, 1000000000}, at;
	long long start = now(CLOCK_MONOTONIC);

	CHECK(nanosleep(&length, NULL) == 0 && now(CLOCK_MONOTONIC) - start >= 50000000);
	CHECK(nanosleep(&bad, NULL) == -1 && errno == EINVAL);
	start = now(CLOCK_MONOTONIC);
	at.tv_sec = (start + 30000000) / 1000000000;
	at.tv_nsec = (start + 30000000) % 1000000000;
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == 0);
	CHECK(now(CLOCK_MONOTONIC) >= start + 30000000);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == 0);
	CHECK(usleep(1000) == 0 && sleep(0) == 0);
}

static void processor_time(void)
{
	long long start = now(CLOCK_PROCESS_CPUTIME_ID), slept;
	struct timespec length = {0, 200000000};
	struct rusage usage;
	struct tms times_now;

	nanosleep(&length, NULL);
	slept = now(CLOCK_PROCESS_CPUTIME_ID) - start;
	CHECK(slept < 100000000);
	CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && times(&times_now) != (clock_t)-1);
	CHECK(clock() != (clock_t)-1);
}

int main(void)
{
	monotonic();
	wall();
	sleeping();
	processor_time();
	return check_done();
}
