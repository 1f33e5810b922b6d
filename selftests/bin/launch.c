// SPDX-License-Identifier: Apache-2.0
/*
 * Ways from one program to the next. Copied under the name of an ancestor:
 *
 *	npm MODE PROGRAM [ARGUMENT...]
 *
 * fork     as a child, and waits
 * vfork    the same
 * exec     in its own place
 * orphan   as a grandchild in a session of its own, which the death of its parent
 *          leaves to init
 * thread   in its own place, from a thread that is not the first
 * rename   as a child, having renamed itself
 * memfd    in its own place, from a copy that has no file
 * fd       in its own place, by descriptor
 * await=FILE    as a child, when FILE is there
 * argv0=NAME    in its own place, with another argv[0]
 * storm=N       N children at a time
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void start(char **argv)
{
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

static int finish(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}

static int as_child(char **argv)
{
	pid_t pid = fork();

	if (!pid)
		start(argv);
	return finish(pid);
}

static int as_vfork(char **argv)
{
	pid_t pid = vfork();

	if (!pid)
		start(argv);
	return finish(pid);
}

static int as_orphan(char **argv)
{
	pid_t parent;

	if (fork())
		return 0;
	setsid();
	parent = getpid();
	if (fork())
		_exit(0);
	while (getppid() == parent)
		usleep(1000);
	start(argv);
	return 1;
}

static void *in_thread(void *argv)
{
	start(argv);
	return NULL;
}

static int by_thread(char **argv)
{
	pthread_t thread;

	pthread_create(&thread, NULL, in_thread, argv);
	pause();
	return 1;
}

static int renamed(char **argv, char *self)
{
	prctl(PR_SET_NAME, "innocent");
	memset(self, 'x', strlen(self));
	return as_child(argv);
}

static int by_memfd(char **argv)
{
	int from = open(argv[0], O_RDONLY), to = memfd_create(argv[0], MFD_CLOEXEC);

	while (sendfile(to, from, NULL, 1 << 20) > 0)
		;
	fexecve(to, argv, environ);
	perror("memfd");
	return 127;
}

static int by_fd(char **argv)
{
	fexecve(open(argv[0], O_RDONLY | O_CLOEXEC), argv, environ);
	perror(argv[0]);
	return 127;
}

static int awaited(const char *file, char **argv)
{
	while (access(file, F_OK))
		usleep(10000);
	return as_child(argv);
}

static int as_another(const char *name, char **argv)
{
	char *program = argv[0];

	argv[0] = (char *)name;
	execv(program, argv);
	perror(program);
	return 127;
}

static int storm(int n, char **argv)
{
	int i;

	for (i = 0; i < n; i++)
		if (!fork())
			start(argv);
	while (wait(NULL) > 0)
		;
	return 0;
}

static const char *value(const char *mode, const char *name)
{
	size_t n = strlen(name);

	return strncmp(mode, name, n) ? NULL : mode + n;
}

static const struct {
	const char *name;
	int (*run)(char **argv);
} modes[] = {
	{ "fork", as_child }, { "vfork", as_vfork }, { "orphan", as_orphan },
	{ "thread", by_thread }, { "memfd", by_memfd }, { "fd", by_fd }, { NULL, NULL },
};

int main(int argc, char **argv)
{
	const char *mode = argv[1], *v;
	int i;

	if (argc < 3)
		return 2;
	for (i = 0; modes[i].name; i++)
		if (!strcmp(mode, modes[i].name))
			return modes[i].run(argv + 2);
	if (!strcmp(mode, "exec"))
		start(argv + 2);
	if (!strcmp(mode, "rename"))
		return renamed(argv + 2, argv[0]);
	if ((v = value(mode, "await=")))
		return awaited(v, argv + 2);
	if ((v = value(mode, "argv0=")))
		return as_another(v, argv + 2);
	if ((v = value(mode, "storm=")))
		return storm(atoi(v), argv + 2);
	fprintf(stderr, "%s: no such way\n", mode);
	return 2;
}
