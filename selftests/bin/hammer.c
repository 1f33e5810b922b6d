// SPDX-License-Identifier: Apache-2.0
/*
 * hammer ADDRESS PORT SECONDS PROCESSES: many processes at once send datagrams to a
 * forbidden address. Prints how many attempts there were, and how many a system call
 * reported as done.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct counts {
	unsigned long tried, done;
};

static void hammer(const struct sockaddr_in *to, int seconds, struct counts *c)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	time_t end = time(NULL) + seconds;

	while (time(NULL) < end) {
		ssize_t n = sendto(fd, "secret", 6, 0, (const struct sockaddr *)to, sizeof(*to));

		__atomic_add_fetch(&c->tried, 1, __ATOMIC_RELAXED);
		if (n >= 0 || errno != EPERM)
			__atomic_add_fetch(&c->done, 1, __ATOMIC_RELAXED);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct counts *c;
	int i;

	if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 2;
	to.sin_port = htons(atoi(argv[2]));
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < atoi(argv[4]); i++)
		if (!fork()) {
			hammer(&to, atoi(argv[3]), c);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	printf("%lu %lu\n", c->tried, c->done);
	return 0;
}
