// SPDX-License-Identifier: Apache-2.0
/*
 * Opens a TCP connection and prints "ok", or the name of the errno.
 *
 *	dial [-r] [-t] [-f] [-u] [-k] ADDRESS PORT
 *
 * -r  renames itself first, in every way a process can
 * -t  connects in a thread that is not the first
 * -f  connects in a child that shares the image
 * -u  sends a datagram instead
 * -k  makes two rounds: the second when a line comes on standard input
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>

#include "by.h"

static struct attempt a;
static bool datagram;
static int error;

static void *run(void *arg)
{
	int fd = sock(a.to.ss_family, datagram ? SOCK_DGRAM : SOCK_STREAM, 0);

	(void)arg;
	error = datagram ? tell_to(fd, &a, &a.to, a.len, 0) : dial(fd, &a.to, a.len);
	close(fd);
	return NULL;
}

static void in_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, run, NULL);
	pthread_join(thread, NULL);
}

static void in_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		run(NULL);
		_exit(-error);
	}
	error = child_result(pid);
}

static void rename_self(char **argv, int argc)
{
	int fd = open("/proc/self/comm", O_WRONLY);

	if (prctl(PR_SET_NAME, "innocent") || write(fd, "harmless", 8) != 8)
		exit(3);
	close(fd);
	while (argc--)
		memset(argv[argc], 'x', strlen(argv[argc]));
}

int main(int argc, char **argv)
{
	bool thread = false, child = false, rename = false, again = false;
	int c;

	while ((c = getopt(argc, argv, "rtfuk")) != -1) {
		thread |= c == 't';
		child |= c == 'f';
		rename |= c == 'r';
		datagram |= c == 'u';
		again |= c == 'k';
	}
	if (argc - optind != 2)
		return 2;
	a.len = addr_parse(&a.to, argv[optind], atoi(argv[optind + 1]));
	a.n = snprintf(a.token, sizeof(a.token), "KT[dial]");
	if (rename)
		rename_self(argv, argc);
	do {
		if (thread)
			in_thread();
		else if (child)
			in_child();
		else
			run(NULL);
		puts(error ? strerrorname_np(-error) : "ok");
		fflush(stdout);
	} while (again && getchar() == '\n');
	return error ? 1 : 0;
}
