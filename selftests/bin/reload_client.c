// SPDX-License-Identifier: Apache-2.0
/*
 * Connects without end while policies are being replaced around it.
 *
 *	reload_client ALLOWED DENIED PORT
 *
 * Two threads do so, and child processes, one for every round: TCP and UDP
 * connects to both addresses, and datagrams from sockets that were there before.  On
 * SIGTERM it prints "rounds N wrong N", and of each sort of wrong verdict the first.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS		2
#define PAUSE_US	2000	/* the loader wants the CPUs too */

static struct sockaddr_in allowed, denied;
static volatile sig_atomic_t stop;
static unsigned long rounds, wrong;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static bool is_wrong(const char *what, bool want, int ret)
{
	int err = errno;

	if (want ? ret >= 0 : ret < 0 && err == EPERM)
		return false;
	/* Allowed, and then: no port is left, the listener's queue full, its host slow. */
	if (want && (err == EADDRNOTAVAIL || err == ECONNREFUSED || err == ECONNRESET))
		return false;
	if (!__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST))
		printf("wrong: %s %s: %s\n", want ? "allowed" : "denied", what,
		       ret < 0 ? strerrorname_np(err) : "passed");
	return true;
}

static bool dial(int type, const struct sockaddr_in *to, bool want)
{
	struct linger rst = { .l_onoff = 1 };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), ret;
	bool bad;

	/* No TIME-WAIT: ports would run out. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &rst, sizeof(rst));
	ret = connect(fd, (const struct sockaddr *)to, sizeof(*to));
	bad = is_wrong(type == SOCK_STREAM ? "tcp" : "udp", want, ret);
	close(fd);
	return bad;
}

static bool send_one(int fd, const struct sockaddr_in *to, bool want)
{
	return is_wrong("sendto", want,
			sendto(fd, "!", 1, 0, (const struct sockaddr *)to, sizeof(*to)));
}

static int one_round(int sender)
{
	int bad = 0;

	bad += dial(SOCK_DGRAM, &allowed, true);
	bad += dial(SOCK_DGRAM, &denied, false);
	bad += send_one(sender, &allowed, true);
	bad += send_one(sender, &denied, false);
	bad += dial(SOCK_STREAM, &allowed, true);
	bad += dial(SOCK_STREAM, &denied, false);
	return bad;
}

static void *run(void *arg)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	while (!stop) {
		one_round(fd);
		__atomic_fetch_add(&rounds, 1, __ATOMIC_SEQ_CST);
		usleep(PAUSE_US);
	}
	close(fd);
	return arg;
}

/* A process that has no verdict yet. */
static void run_child(int sender)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		_exit(one_round(sender));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&rounds, 1, __ATOMIC_SEQ_CST);
}

static bool address(struct sockaddr_in *to, const char *text, const char *port)
{
	to->sin_family = AF_INET;
	to->sin_port = htons(atoi(port));
	return inet_pton(AF_INET, text, &to->sin_addr) == 1;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int i, sender;

	if (argc != 4 || !address(&allowed, argv[1], argv[3]) ||
	    !address(&denied, argv[2], argv[3])) {
		fprintf(stderr, "usage: %s ALLOWED DENIED PORT\n", argv[0]);
		return 2;
	}
	signal(SIGTERM, on_term);
	sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, run, NULL))
			return 2;
	puts("ready");
	fflush(stdout);
	while (!stop) {
		run_child(sender);
		usleep(10 * PAUSE_US);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("rounds %lu wrong %lu\n", rounds, wrong);
	return wrong != 0;
}
