/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What duster's views are to show: threads on several vCPUs, two of them in a deadlock, blocks of
 * the heap with known sizes, open files. The program says what is true, and keeps one loop of
 * checked work going meanwhile.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct entry {
	struct entry *next;
	int number;
	char *text;
};

static pthread_mutex_t left = PTHREAD_MUTEX_INITIALIZER, right = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;
struct entry *entries;
char *large, *small;
volatile unsigned long rounds, wrong;
char *volatile gone;
volatile int stop, damage;

static void *left_first(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&left);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&right);
	return NULL;
}

static void *right_first(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&right);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&left);
	return NULL;
}

static void add(int number)
{
	struct entry *entry = malloc(sizeof(*entry));

	entry->number = number;
	entry->next = entries;
	entry->text = malloc(100);
	snprintf(entry->text, 100, "entry %d", number);
	entries = entry;
}

static unsigned long checked(unsigned long seed)
{
	for (int i = 0; i < 1000; i++)
		seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return seed;
}

static void *worker(void *arg)
{
	volatile char *mark = arg;

	while (!stop) {
		if (checked(rounds) != checked(rounds) || mark[0] != 'm')
			wrong++;
		rounds++;
		usleep(1000);
	}
	return NULL;
}

/* A server, a connection to it, a datagram socket: three descriptors and four sockets. */
static int open_sockets(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(7777),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	int datagrams = socket(AF_INET, SOCK_DGRAM, 0);

	if (server < 0 || client < 0 || datagrams < 0 ||
	    bind(server, (struct sockaddr *)&at, sizeof(at)) || listen(server, 4) ||
	    connect(client, (struct sockaddr *)&at, sizeof(at)))
		return -1;
	at.sin_port = htons(9999);
	return bind(datagrams, (struct sockaddr *)&at, sizeof(at));
}

int main(void)
{
	pthread_t threads[3];

	large = malloc(1000000);
	small = malloc(5000);
	memset(small, 'm', 5000);
	for (int i = 0; i < 100; i++)
		add(i);
	if (open("/dev/zero", O_RDONLY) < 0 || open("/dev/null", O_WRONLY) < 0 || open_sockets())
		return 1;
	pthread_barrier_init(&both, NULL, 2);
	pthread_create(&threads[0], NULL, left_first, NULL);
	pthread_create(&threads[1], NULL, right_first, NULL);
	pthread_create(&threads[2], NULL, worker, small);
	puts("at work");
	while (!stop) {
		if (damage) {
			/* One byte behind a block, and one in a block given back. */
			gone = malloc(3000);
			free(gone);
			gone[8] = 1;
			((volatile char *)large)[-1] ^= 0x55;
			damage = 0;
		}
		usleep(10000);
	}
	printf("%lu rounds, %lu wrong\n", rounds, wrong);
	quick_exit(wrong != 0);
}
