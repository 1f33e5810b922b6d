/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tcpby, udpby, protoby, rawby and uringby have in common: each knows
 * techniques of getting bytes to an address, tries each in a process of its own and
 * sends a token that recvd recognises.
 *
 *	tcpby PHASE TO4 TO6 OK4 OK6 PORT [TECHNIQUE...]
 *
 * TO is where the token is to arrive; OK an address that the policy allows, for
 * techniques that begin there. The n-th technique uses PORT + n, so that what
 * arrives and what is reported can be told apart. For each it prints
 *
 *	TECHNIQUE v4|v6 PORT PID ERRNO
 *
 * with 0 for ERRNO when no call failed, and last it sends the token KT[PHASE.done] to
 * 127.0.0.1.
 */
#ifndef BY_H
#define BY_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define V4	1
#define V6	2
#define BOTH	(V4 | V6)

#define PATIENCE_MS	600	/* of connects whose packets are dropped */
#define TECHNIQUE_S	5

struct attempt {
	int family;
	struct sockaddr_storage to, ok;
	socklen_t len;		/* of both */
	char token[64];
	size_t n;
};

struct technique {
	const char *name;
	int (*run)(struct attempt *a);	/* 0 or -errno */
	int families;
};

static inline const struct sockaddr *sa(const struct sockaddr_storage *s)
{
	return (const struct sockaddr *)s;
}

static inline struct sockaddr_in *sin4(struct sockaddr_storage *s)
{
	return (struct sockaddr_in *)s;
}

static inline struct sockaddr_in6 *sin6(struct sockaddr_storage *s)
{
	return (struct sockaddr_in6 *)s;
}

static inline void port_set(struct sockaddr_storage *s, int port)
{
	/* At the same place in both families. */
	sin4(s)->sin_port = htons(port);
}

static inline int port_get(const struct sockaddr_storage *s)
{
	return ntohs(((const struct sockaddr_in *)s)->sin_port);
}

static inline socklen_t addr_parse(struct sockaddr_storage *s, const char *text, int port)
{
	memset(s, 0, sizeof(*s));
	if (inet_pton(AF_INET, text, &sin4(s)->sin_addr) == 1) {
		s->ss_family = AF_INET;
	} else if (inet_pton(AF_INET6, text, &sin6(s)->sin6_addr) == 1) {
		s->ss_family = AF_INET6;
	} else {
		fprintf(stderr, "not an address: %s\n", text);
		exit(2);
	}
	port_set(s, port);
	return s->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* The IPv4 address as an IPv4-mapped one. */
static inline void addr_map(struct sockaddr_storage *s)
{
	struct in_addr v4 = sin4(s)->sin_addr;
	int port = port_get(s);

	memset(s, 0, sizeof(*s));
	s->ss_family = AF_INET6;
	sin6(s)->sin6_addr.s6_addr[10] = 0xff;
	sin6(s)->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&sin6(s)->sin6_addr.s6_addr[12], &v4, 4);
	port_set(s, port);
}

static inline int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

/* A socket whose calls do not wait for long. */
static inline int sock(int family, int type, int proto)
{
	struct timeval patience = { .tv_usec = PATIENCE_MS * 1000 };
	int fd = socket(family, type, proto);

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	}
	return fd;
}

static inline int set_int(int fd, int level, int option, int value)
{
	return result(setsockopt(fd, level, option, &value, sizeof(value)));
}

static inline int dial(int fd, const struct sockaddr_storage *to, socklen_t len)
{
	return result(connect(fd, sa(to), len));
}

static inline int tell(int fd, const struct attempt *a)
{
	return result(send(fd, a->token, a->n, 0));
}

static inline int tell_to(int fd, const struct attempt *a, const struct sockaddr_storage *to,
			  socklen_t len, int flags)
{
	return result(sendto(fd, a->token, a->n, flags, sa(to), len));
}

static inline int dial_and_tell(int fd, const struct attempt *a)
{
	int err;

	if (fd < 0)
		return -errno;
	err = dial(fd, &a->to, a->len);
	return err ?: tell(fd, a);
}

/* Exit status of a child that did part of the work, as -errno. */
static inline int child_result(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static inline pid_t attempt_start(const struct technique *t, struct attempt *a)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	alarm(TECHNIQUE_S);
	_exit(-t->run(a));
}

static inline void attempt_make(const struct technique *t, int family, char **argv, int port)
{
	struct attempt a = { .family = family };
	bool v6 = family == AF_INET6;
	const char *err;
	pid_t pid;
	int ret;

	a.len = addr_parse(&a.to, argv[v6 ? 3 : 2], port);
	addr_parse(&a.ok, argv[v6 ? 5 : 4], port);
	a.n = snprintf(a.token, sizeof(a.token), "KT[%s.%s.%s]", argv[1], t->name, v6 ? "v6" : "v4");
	fflush(stdout);
	pid = attempt_start(t, &a);
	ret = child_result(pid);
	err = ret ? strerrorname_np(-ret) : "0";
	printf("%s %s %d %d %s\n", t->name, v6 ? "v6" : "v4", port, pid, err ?: "?");
}

static inline bool is_chosen(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

static inline void say_done(const char *phase, int port)
{
	struct sockaddr_storage to;
	socklen_t len = addr_parse(&to, "127.0.0.1", port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char token[64];
	int n = snprintf(token, sizeof(token), "KT[%s.done]", phase);

	if (sendto(fd, token, n, 0, sa(&to), len) < 0)
		perror("127.0.0.1");
}

static inline int by_main(int argc, char **argv, const struct technique *all)
{
	const struct technique *t;
	int port;

	if (argc < 7) {
		fprintf(stderr, "usage: %s PHASE TO4 TO6 OK4 OK6 PORT [TECHNIQUE...]\n", argv[0]);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	port = atoi(argv[6]);
	for (t = all; t->name; t++, port++) {
		if (!is_chosen(t->name, argv + 7))
			continue;
		if (t->families & V4)
			attempt_make(t, AF_INET, argv, port);
		if (t->families & V6)
			attempt_make(t, AF_INET6, argv, port);
	}
	say_done(argv[1], atoi(argv[6]));
	return 0;
}

#endif
