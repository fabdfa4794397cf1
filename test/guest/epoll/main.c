/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll over sockets, eventfd and timerfd: level and edge, once, closed files, other threads. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "test/guest/check.h"

#define ROUNDS 20000

static int add(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = {events, {.fd = fd}};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void events_of_eventfd(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), fd = eventfd(0, EFD_NONBLOCK), other;
	struct epoll_event event;
	eventfd_t value;

	CHECK(epoll >= 0 && fd >= 0);
	CHECK(add(epoll, fd, EPOLLIN) == 0);
	CHECK(add(epoll, fd, EPOLLIN) == -1 && errno == EEXIST);
	CHECK(add(epoll, epoll, EPOLLIN) == -1 && errno == EINVAL);
	CHECK(add(epoll, 999, EPOLLIN) == -1 && errno == EBADF);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
	CHECK(epoll_wait(epoll, &event, 0, 0) == -1 && errno == EINVAL);
	CHECK(eventfd_read(fd, &value) == -1 && errno == EAGAIN);
	CHECK(eventfd_write(fd, 3) == 0);
	/* Level: again and again. */
	for (int i = 0; i < 3; i++)
		CHECK(epoll_wait(epoll, &event, 1, 0) == 1 && event.events == EPOLLIN &&
		      event.data.fd == fd);
	CHECK(eventfd_read(fd, &value) == 0 && value == 3);
	CHECK(epoll_wait(epoll, &event, 1, 10) == 0);
	/* Edge: once for each change. */
	event = (struct epoll_event){EPOLLIN | EPOLLET, {.u64 = 77}};
	CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0);
	CHECK(eventfd_write(fd, 1) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 1 && event.data.u64 == 77);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
	CHECK(eventfd_write(fd, 1) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 1);
	/* Once, until it is armed again. */
	event = (struct epoll_event){EPOLLIN | EPOLLONESHOT, {.fd = fd}};
	CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 1);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
	event = (struct epoll_event){EPOLLIN | EPOLLONESHOT, {.fd = fd}};
	CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 1);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) == 0);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) == -1 && errno == ENOENT);
	/* A file that is closed is none of interest any more, and its number may be another's. */
	CHECK(add(epoll, fd, EPOLLIN) == 0);
	CHECK(close(fd) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
	other = eventfd(1, EFD_SEMAPHORE);
	CHECK(other == fd);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
	CHECK(add(epoll, other, EPOLLIN | EPOLLOUT) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 1 && event.events == (EPOLLIN | EPOLLOUT));
	close(epoll);
	close(other);
}

/* Two files share what tells of changes: each end is forgotten with its own close. */
static void pipes(void)
{
	int epoll = epoll_create1(0), ends[2], again[2], fifo;
	struct epoll_event event;
	static char much[65536];

	CHECK(pipe(ends) == 0 && add(epoll, ends[0], EPOLLIN) == 0 &&
	      add(epoll, ends[1], EPOLLOUT | EPOLLET) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 1 && event.data.fd == ends[1]);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
	CHECK(write(ends[1], much, sizeof(much)) == sizeof(much));
	CHECK(epoll_wait(epoll, &event, 1, 0) == 1 && event.data.fd == ends[0]);
	CHECK(read(ends[0], much, sizeof(much)) == sizeof(much));
	CHECK(epoll_wait(epoll, &event, 1, 0) == 1 && event.data.fd == ends[1] &&
	      event.events == EPOLLOUT);
	CHECK(close(ends[0]) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 1 && event.data.fd == ends[1] &&
	      (event.events & EPOLLERR));
	/* The number is free again in the epoll, too. */
	CHECK(pipe(again) == 0 && again[0] == ends[0]);
	CHECK(add(epoll, again[0], EPOLLIN) == 0 && close(ends[1]) == 0);
	CHECK(write(again[1], "x", 1) == 1 && epoll_wait(epoll, &event, 1, 0) == 1 &&
	      event.data.fd == again[0]);
	CHECK(close(again[0]) == 0 && close(again[1]) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
	/* One descriptor that does both. */
	CHECK(mkfifo("/tmp/fifo", 0600) == 0);
	fifo = open("/tmp/fifo", O_RDWR | O_NONBLOCK);
	CHECK(fifo >= 0 && write(fifo, much, sizeof(much)) == sizeof(much));
	CHECK(add(epoll, fifo, EPOLLOUT | EPOLLET) == 0 && epoll_wait(epoll, &event, 1, 0) == 0);
	CHECK(read(fifo, much, sizeof(much)) == sizeof(much));
	CHECK(epoll_wait(epoll, &event, 1, 0) == 1 && event.events == EPOLLOUT);
	CHECK(close(fifo) == 0 && close(epoll) == 0 && unlink("/tmp/fifo") == 0);
}

static void timers(void)
{
	struct itimerspec time = {{0, 5000000}, {0, 1000000}}, now;
	int epoll = epoll_create(1), fd = timerfd_create(CLOCK_MONOTONIC, 0), total = 0;
	struct epoll_event event;
	uint64_t times;

	CHECK(fd >= 0 && add(epoll, fd, EPOLLIN) == 0);
	CHECK(timerfd_settime(fd, 0, &time, NULL) == 0);
	while (total < 5) {
		CHECK(epoll_wait(epoll, &event, 1, 1000) == 1);
		CHECK(read(fd, &times, sizeof(times)) == sizeof(times) && times > 0);
		total += (int)times;
	}
	CHECK(timerfd_gettime(fd, &now) == 0 && now.it_interval.tv_nsec == 5000000 &&
	      now.it_value.tv_nsec <= 5000000);
	memset(&time, 0, sizeof(time));
	CHECK(timerfd_settime(fd, 0, &time, NULL) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 20) == 0);
	close(fd);
	close(epoll);
}

static int ping[2];

static void *answer(void *arg)
{
	eventfd_t value;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(eventfd_read(ping[0], &value) == 0 && value == 1);
		CHECK(eventfd_write(ping[1], 1) == 0);
	}
	return NULL;
}

/* No change is lost between two threads. */
static void rounds(void)
{
	int epoll = epoll_create1(0);
	struct epoll_event event;
	pthread_t thread;
	eventfd_t value;

	ping[0] = eventfd(0, 0);
	ping[1] = eventfd(0, 0);
	CHECK(add(epoll, ping[1], EPOLLIN | EPOLLET) == 0);
	CHECK(pthread_create(&thread, NULL, answer, NULL) == 0);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(eventfd_write(ping[0], 1) == 0);
		CHECK(epoll_wait(epoll, &event, 1, 10000) == 1);
		CHECK(eventfd_read(ping[1], &value) == 0 && value == 1);
	}
	pthread_join(thread, NULL);
	close(epoll);
	close(ping[0]);
	close(ping[1]);
}

#define CLIENTS 200

/* Many connections, of which few have something to say. */
static void connections(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t bytes = sizeof(address);
	int epoll = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM, 0);
	static int clients[CLIENTS], servers[CLIENTS];
	struct epoll_event events[8];

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(listener, (struct sockaddr *)&address, bytes) == 0);
	CHECK(listen(listener, 10) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&address, &bytes) == 0);
	CHECK(add(epoll, listener, EPOLLIN) == 0);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(connect(clients[i], (struct sockaddr *)&address, bytes) == 0);
		CHECK(epoll_wait(epoll, events, 8, 1000) == 1 && events[0].data.fd == listener);
		servers[i] = accept(listener, NULL, NULL);
		CHECK(servers[i] >= 0);
		CHECK(add(epoll, servers[i], EPOLLIN | EPOLLRDHUP) == 0);
	}
	CHECK(epoll_wait(epoll, events, 8, 0) == 0);
	for (int i = 0; i < CLIENTS; i += 7) {
		char byte = 0;

		CHECK(write(clients[i], "x", 1) == 1);
		CHECK(epoll_wait(epoll, events, 8, 1000) == 1);
		CHECK(events[0].data.fd == servers[i] && events[0].events == EPOLLIN);
		CHECK(read(servers[i], &byte, 1) == 1 && byte == 'x');
	}
	close(clients[3]);
	CHECK(epoll_wait(epoll, events, 8, 1000) == 1);
	CHECK(events[0].data.fd == servers[3] && events[0].events == (EPOLLIN | EPOLLRDHUP));
	for (int i = 0; i < CLIENTS; i++) {
		if (i != 3)
			close(clients[i]);
		close(servers[i]);
	}
	CHECK(epoll_wait(epoll, events, 8, 0) == 0);
	close(listener);
	close(epoll);
}

int main(void)
{
	events_of_eventfd();
	timers();
	pipes();
	rounds();
	connections();
	return check_done();
}
