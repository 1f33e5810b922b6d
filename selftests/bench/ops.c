// SPDX-License-Identifier: Apache-2.0
/*
 * ops: what operations cost, in nanoseconds, which are guest instructions where
 * this is meant to run (scripts/vm --icount).
 *
 *	ops [denied] PROGRAM
 *
 * PROGRAM is one to vfork and exec.  With "denied" a policy is in force that
 * allows 203.0.113.0/24 and not 192.0.2.66.  203.0.113.0/24 must be on lo.
 *
 * Each figure is the median of some rounds.  All are measured again until two
 * turns agree, as a kernel has things to do after boot.  Prints
 * "op NAME NS".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define NEAR		0xcb007107u	/* 203.0.113.7 */
#define FORBIDDEN	0xc0000242u	/* 192.0.2.66 */
#define PORT		4000
#define EVENTS		"/sys/fs/bpf/kntrl/events"
#define ROUNDS		15
#define TURNS		8
#define AGREE		0.005

static int udp, udp_to, near_fd, far_fd, listener;
static const char *program;
static struct ring_buffer *events;

static void check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "ops: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in address(__u32 ip, int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(ip),
	};
}

static int connect_to(int fd, __u32 ip, int port)
{
	struct sockaddr_in to = address(ip, port);

	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static int bound(int type, __u32 ip, int port)
{
	struct sockaddr_in at = address(ip, port);
	int fd = socket(AF_INET, type, 0);

	check(fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
	return fd;
}

static int event_skip(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return 0;
}

static void set_up(void)
{
	int fd;

	udp = socket(AF_INET, SOCK_DGRAM, 0);
	udp_to = bound(SOCK_DGRAM, NEAR, PORT);
	listener = bound(SOCK_STREAM, NEAR, PORT);
	near_fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!listen(listener, 64) && !connect_to(near_fd, NEAR, PORT), "TCP connect");
	far_fd = accept(listener, NULL, NULL);
	check(udp >= 0 && far_fd >= 0, "sockets");
	fd = bpf_obj_get(EVENTS);
	if (fd < 0)
		return;
	events = ring_buffer__new(fd, event_skip, NULL, NULL);
	check(!!events, EVENTS);
}

/* ---- Operations ---- */

static void udp_connect(unsigned int i)
{
	(void)i;
	check(!connect_to(udp, NEAR, PORT), "UDP connect");
}

/* To where none of them has been before. */
static void udp_first(unsigned int i)
{
	static unsigned int n;

	(void)i;
	n++;
	check(!connect_to(udp, (NEAR & ~0xff) + 1 + n % 254, 1024 + n / 254), "UDP connect");
}

/* To where all of them have been, but not lately. */
static void udp_again(unsigned int i)
{
	check(!connect_to(udp, (NEAR & ~0xff) + 1 + i % 64, PORT), "UDP connect");
}

static void udp_sendto(unsigned int i)
{
	struct sockaddr_in to = address(NEAR, PORT);
	static int fd = -1;
	char c = i;

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM, 0);
	check(sendto(fd, &c, 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1, "sendto");
	check(recv(udp_to, &c, 1, 0) == 1, "recv");
}

static void tcp_byte(unsigned int i)
{
	char c = i;

	check(send(near_fd, &c, 1, 0) == 1 && recv(far_fd, &c, 1, 0) == 1, "TCP send, recv");
}

static void tcp_connection(unsigned int i)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), peer;

	(void)i;
	check(!connect_to(fd, NEAR, PORT), "TCP connect");
	peer = accept(listener, NULL, NULL);
	check(peer >= 0, "accept");
	/* This end first: it is the other's port that is then not free for a minute. */
	close(peer);
	close(fd);
}

static void open_close(unsigned int i)
{
	int fd = open(program, O_RDONLY);

	(void)i;
	check(fd >= 0, program);
	close(fd);
}

static void run_program(unsigned int i)
{
	char *const argv[] = { (char *)program, NULL }, *const envp[] = { NULL };
	int status = -1;
	pid_t pid = vfork();

	(void)i;
	if (!pid) {
		execve(program, argv, envp);
		_exit(127);
	}
	check(waitpid(pid, &status, 0) == pid && !status, program);
}

static void udp_denied(unsigned int i)
{
	(void)i;
	check(connect_to(udp, FORBIDDEN, PORT) && errno == EPERM, "a connect is not denied");
}

/* Loops: a round is some 10 ms, and neither flows nor events outgrow their maps. */
static const struct op {
	const char *name;
	void (*once)(unsigned int i);
	unsigned int loops;
} ops[] = {
	{ "udp_connect", udp_connect, 5000 },
	{ "udp_again", udp_again, 2000 },
	{ "udp_first", udp_first, 100 },
	{ "udp_sendto", udp_sendto, 1000 },
	{ "tcp_byte", tcp_byte, 500 },
	{ "tcp_connection", tcp_connection, 150 },
	{ "open_close", open_close, 1000 },
	{ "exec", run_program, 15 },
	{ "udp_denied", udp_denied, 1000 },
};

#define OPS (sizeof(ops) / sizeof(*ops))

/* ---- Measuring ---- */

/*
 * An object that is allocated and freed over and over costs more where a slab ends,
 * each time.  So each round begins with some more objects of the kinds that the
 * operations make, and finds the slabs at another place.
 */
static struct {
	int udp, file, tcp, peer;
} kept[ROUNDS];

static void slabs_move(unsigned int round)
{
	struct sockaddr_in to = { 0 };
	socklen_t len = sizeof(to);

	kept[round].file = open(program, O_RDONLY);
	kept[round].udp = bound(SOCK_DGRAM, NEAR, 0);
	check(!getsockname(kept[round].udp, (struct sockaddr *)&to, &len) &&
	      sendto(udp_to, "", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1, "sendto");
	kept[round].tcp = socket(AF_INET, SOCK_STREAM, 0);
	check(!connect_to(kept[round].tcp, NEAR, PORT), "TCP connect");
	kept[round].peer = accept(listener, NULL, NULL);
	check(kept[round].peer >= 0 && send(kept[round].tcp, "", 1, 0) == 1, "TCP send");
}

static void slabs_return(void)
{
	unsigned int r;

	for (r = 0; r < ROUNDS; r++) {
		close(kept[r].file);
		close(kept[r].udp);
		close(kept[r].peer);
		close(kept[r].tcp);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_of_rounds(const struct op *op)
{
	double ns[ROUNDS];
	unsigned int i, r;

	op->once(0);
	for (r = 0; r < ROUNDS; r++) {
		double start;

		slabs_move(r);
		start = now();
		for (i = 0; i < op->loops; i++)
			op->once(i);
		ns[r] = (now() - start) / op->loops;
		if (events)
			ring_buffer__consume(events);
	}
	slabs_return();
	qsort(ns, ROUNDS, sizeof(*ns), ascending);
	return ns[ROUNDS / 2];
}

/* Measures all; returns whether they are what they were. */
static int turn(double *ns, size_t n)
{
	int agree = 1;
	size_t i;

	for (i = 0; i < n; i++) {
		double x = median_of_rounds(&ops[i]);

		if (x > ns[i] * (1 + AGREE) || x < ns[i] * (1 - AGREE)) {
			if (ns[i])
				fprintf(stderr, "ops: %s: %.0f, and %.0f before\n",
					ops[i].name, x, ns[i]);
			agree = 0;
		}
		ns[i] = x;
	}
	return agree;
}

int main(int argc, char **argv)
{
	int denied = argc > 2 && !strcmp(argv[1], "denied"), t;
	size_t i, n = denied ? OPS : OPS - 1;
	double ns[OPS] = { 0 };

	if (argc != 2 + denied) {
		fputs("usage: ops [denied] PROGRAM\n", stderr);
		return 2;
	}
	program = argv[argc - 1];
	set_up();
	for (t = 0; !turn(ns, n); t++) {
		if (t == TURNS) {
			fputs("ops: no two turns agree\n", stderr);
			return 1;
		}
	}
	for (i = 0; i < n; i++)
		printf("op %s %.0f\n", ops[i].name, ns[i]);
	return 0;
}
